"""`moderation models candidate|promote|rollback|roles|compare`: changing the model behind a signal, safely."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from moderation.assembly import compile_file, now, signal_catalog
from moderation.cli.files import policy_text, write_page
from moderation.cli.model_comparison import as_document, as_page, print_comparison
from moderation.cli.output import console, errors, print_json
from moderation.cli.session import Session, session
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.model_role import ModelPin, SlotRoles
from moderation.domain.signal import SignalSpec
from moderation.screening.candidates import compare as compare_posts
from moderation.signals.models import ModelState
from moderation.storage.model_roles import ModelRoleStore
from moderation.storage.posts import PostStore
from moderation.storage.shadow_results import ShadowStore

ACTOR = "cli"
ENOUGH_POSTS = 1_000

Slot = Annotated[str, typer.Argument(help="The signal that the model serves, e.g. image_nsfw.")]
Note = Annotated[str, typer.Option(help="Why, for the audit log.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")]


def candidate(
    slot: Slot,
    model: Annotated[str | None, typer.Argument(help="A model of the store that measures the same.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Try no model any more.")] = False,
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Try a model in shadow: lanes ask it about posts whose verdict is stored, and nothing rests on what it says.

    It is loaded here first, and refused when it does not measure what the signal measures.

    Example: moderation models candidate image_nsfw opennsfw-2
    """
    if none == (model is not None):
        raise InvalidInputError(
            "Name a model, or say --none.", hint=f"For example: moderation models candidate {slot} MODEL"
        )
    with session() as opened:
        spec = _slot(opened, slot)
        pin = None if model is None else _checked(opened, spec, model)
        roles = ModelRoleStore(opened.database).name_candidate(slot, pin, by=ACTOR, now=now(), note=note)
        _tell(opened, [roles], as_json=as_json)


def promote(
    slot: Slot,
    at_least: Annotated[int, typer.Option(min=0, help="Posts that it must have measured in shadow.")] = ENOUGH_POSTS,
    force: Annotated[bool, typer.Option("--force", help="However few it measured; needs --note.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Let the candidate serve the signal; lanes follow before their next batch. `rollback` undoes it.

    Example: moderation models promote image_nsfw --yes
    """
    with session() as opened:
        spec = _slot(opened, slot)
        store = ModelRoleStore(opened.database)
        pin = store.of(slot).candidate
        if pin is None:
            raise ConflictError(f"{slot} has no candidate.", hint=f"Run `moderation models candidate {slot} MODEL`.")
        if _checked(opened, spec, pin.name) != pin:
            raise ConflictError(
                f"{pin.name} is not the model any more that was tried.",
                hint=f"Name it again: `moderation models candidate {slot} {pin.name}`.",
            )
        posts = ShadowStore(opened.database).measured(slot, pin.digest)
        if not yes and (force or posts >= at_least):  # else it is refused below, and nobody need be asked
            question = f"{pin.name} measured {posts:,} posts in shadow. Let it serve {slot} from now on?"
            typer.confirm(question, abort=True, err=True)
        roles = store.promote(slot, pin, at_least=at_least, force=force, by=ACTOR, now=now(), note=note)
        _tell(opened, [roles], as_json=as_json)


def rollback(slot: Slot, note: Note = "", as_json: Json = False) -> None:
    """Let the model serve the signal again that served it before the last promotion.

    Example: moderation models rollback image_nsfw --note "too many holds"
    """
    with session() as opened:
        spec = _slot(opened, slot)
        store = ModelRoleStore(opened.database)
        roles = store.rollback(slot, by=ACTOR, now=now(), note=note)
        name = spec.models[0] if roles.live is None else roles.live.name
        state = _state(opened, name)
        if state != ModelState.VERIFIED:
            errors.print(f"{name} is {state}: posts are held until it is there.", style="bold yellow", markup=False)
        _tell(opened, [roles], as_json=as_json)


def roles(
    history: Annotated[bool, typer.Option("--history", help="Every change, newest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Changes to print.")] = 100,
    as_json: Json = False,
) -> None:
    """Which model serves each signal, which one is tried beside it, and to which one a rollback leads.

    Example: moderation models roles
    """
    with session() as opened:
        store = ModelRoleStore(opened.database)
        if history:
            _tell_history(store, limit, as_json=as_json)
            return
        current = store.current()
        known = signal_catalog(opened.settings).slots
        _tell(opened, [current.get(slot, SlotRoles(slot)) for slot in sorted(known)], as_json=as_json)


def compare(
    slot: Slot,
    model: Annotated[str | None, typer.Option(help="A model that was tried before; none: the candidate.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only posts judged since then, in UTC.")] = None,
    texts: Annotated[bool, typer.Option("--texts", help="Captions and prompts of the examples too.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page.")] = None,
    as_json: Json = False,
) -> None:
    """What would change if the candidate were live: every post that it saw, judged with its results by the policy.

    Example: moderation models compare image_nsfw --since 2026-01-31 --html report.html
    """
    start = None if since is None else since.replace(tzinfo=now().tzinfo)
    with session() as opened, Progress(console=errors, transient=True) as progress:
        spec = _slot(opened, slot)
        store = ShadowStore(opened.database)
        pin = _tried(opened, slot, model)
        policy = compile_file(opened.settings, policy_text(opened.settings.policy))
        task = progress.add_task("judging", total=store.count(slot, pin.digest, start) or None)
        found = compare_posts(
            store.pairs(slot, pin.digest, start),
            policy,
            spec,
            progress=lambda done: progress.update(task, completed=done),
        )
        skipped = store.skipped(slot, pin.digest, start)
        ids = [example.post_id for example in found.examples]
        posts = PostStore(opened.database).many(ids) if texts and ids else {}
    document = as_document(found, spec, pin, skipped=skipped, policy=policy.name, posts=posts)
    if html is not None:
        write_page(html, as_page(document))
    if as_json:
        print_json(document)
    else:
        print_comparison(console, document)


def register(app: typer.Typer) -> None:
    """Add these commands to `moderation models`."""
    for command in (candidate, promote, rollback, roles, compare):
        app.command()(command)


def _slot(opened: Session, slot: str) -> SignalSpec:
    known = signal_catalog(opened.settings).slots
    if slot not in known:
        raise NotFoundError(
            f"No signal {slot!r} is served by one model.", hint=f"There are: {', '.join(sorted(known))}."
        )
    return known[slot]


def _checked(opened: Session, spec: SignalSpec, model: str) -> ModelPin:
    """The model as the store has it, after it was loaded. Raises what refuses it."""
    catalog = signal_catalog(opened.settings)
    status = catalog.models.verify(model)
    if status.state is not ModelState.VERIFIED:
        raise ConflictError(
            f"{model} is {status.state}: {status.problem}.",
            hint=f"Run `moderation models {'pin' if status.state is ModelState.UNPINNED else 'pull'} {model}`.",
        )
    pin = ModelPin(model, status.entry.digest)
    catalog.check(spec.name, pin)
    return pin


def _state(opened: Session, model: str) -> str:
    """The model's state in the store, in a word."""
    try:
        return signal_catalog(opened.settings).models.verify(model).state
    except NotFoundError:
        return "not known to this release"


def _tried(opened: Session, slot: str, model: str | None) -> ModelPin:
    tried = ShadowStore(opened.database).models(slot)
    if model is None:
        pin = ModelRoleStore(opened.database).of(slot).candidate
        if pin is None:
            names = ", ".join(one.name for one in tried)
            begin = f"Run `moderation models candidate {slot} MODEL`."
            hint = f"Name one that was tried before with --model: {names}." if tried else begin
            raise ConflictError(f"{slot} has no candidate.", hint=hint)
        return pin
    found = [one for one in tried if one.name == model]
    if len(found) > 1:
        raise ConflictError(
            f"{len(found)} models called {model!r} were tried for {slot}, with different bytes.",
            hint="Only the candidate of today can be compared then: leave --model out.",
        )
    if not found:
        names = ", ".join(one.name for one in tried) or "none"
        raise NotFoundError(f"No model called {model!r} measured a post for {slot} yet.", hint=f"Did: {names}.")
    return found[0]


def _tell(opened: Session, found: Sequence[SlotRoles], *, as_json: bool) -> None:
    shipped = {name: spec.models[0] for name, spec in signal_catalog(opened.settings).slots.items()}
    store = ShadowStore(opened.database)
    rows = [
        {
            "slot": one.slot,
            "live": one.live.name if one.live else shipped[one.slot],
            "live_digest": one.live.digest if one.live else None,
            "shipped": one.live is None,
            "candidate": one.candidate.name if one.candidate else None,
            "candidate_digest": one.candidate.digest if one.candidate else None,
            "shadow_posts": store.measured(one.slot, one.candidate.digest) if one.candidate else 0,
            "rollback_to": None if one.live is None else (one.former.name if one.former else shipped[one.slot]),
        }
        for one in found
    ]
    if as_json:
        print_json({"roles": rows})
        return
    table = Table("slot", "live", "candidate", "measured in shadow", "rollback to", box=None, header_style="bold")
    for row in rows:
        live = f"{row['live']}{' (ships)' if row['shipped'] else ''}"
        posts = f"{row['shadow_posts']:,}" if row["candidate"] else ""
        table.add_row(str(row["slot"]), live, str(row["candidate"] or "none"), posts, str(row["rollback_to"] or "none"))
    console.print(table)


def _tell_history(store: ModelRoleStore, limit: int, *, as_json: bool) -> None:
    records = store.history(limit=limit)
    if as_json:
        print_json({"changes": [asdict(record) for record in records]})
        return
    if not records:
        console.print("No change yet: every signal is served by the model that ships.")
        return
    table = Table("number", "at", "slot", "change", "live", "candidate", "by", "note", box=None, header_style="bold")
    for record in records:
        one = record.roles
        names = [pin.name if pin else what for pin, what in ((one.live, "what ships"), (one.candidate, "none"))]
        at = record.at.isoformat(timespec="seconds")
        cells = (str(one.number), at, one.slot, record.change, *names, record.by, record.note)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
