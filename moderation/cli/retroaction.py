"""`moderation retroaction`: judge posts again that were judged before, by newly banked pictures or another policy."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from moderation.assembly import compile_file, now, retroaction
from moderation.cli.files import policy_text
from moderation.cli.output import console, errors, print_json
from moderation.cli.retroaction_output import preview_document, print_preview, print_sweep, sweep_document, words
from moderation.cli.session import Session, session
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import EntryId
from moderation.domain.retroaction import (
    DEFAULT_CAP,
    QUEUE,
    Cause,
    CauseKind,
    SweepTerms,
)
from moderation.screening.retroaction import Progress as Report
from moderation.storage.banks import BankStore
from moderation.storage.policies import PolicyStore
from moderation.storage.retroaction import SweepStore

ACTOR = "cli"
DAY = "%Y-%m-%d"

app = typer.Typer(no_args_is_help=True, help="Judge posts again: newly banked pictures, or another policy.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Bank = Annotated[str, typer.Option(help="Every entry of this bank.")]
Entry = Annotated[str, typer.Option(help="One entry, by its id.")]
Since = Annotated[int | None, typer.Option(min=0, help="Every entry added after this checkpoint of the banks.")]
PolicyFile = Annotated[Path | None, typer.Option("--policy", help="Judge stored measurements by this policy instead.")]
From = Annotated[datetime | None, typer.Option("--from", formats=[DAY], help="First day on which posts were received.")]
To = Annotated[datetime | None, typer.Option(formats=[DAY], help="Last day, included.")]
Withdraw = Annotated[
    bool, typer.Option("--withdraw", help="Take sure matches out of the feed at once; otherwise a person is asked.")
]
Queue = Annotated[str, typer.Option(help="Where posts wait that a rule rejects and a person is asked about.")]
SweepArgument = Annotated[str, typer.Argument(help="The sweep's id, as `list` prints it.")]


@app.command()
def preview(  # noqa: PLR0913, PLR0917 - one parameter for each option
    bank: Bank = "",
    entry: Entry = "",
    since: Since = None,
    policy: PolicyFile = None,
    first: From = None,
    to: To = None,
    withdraw: Withdraw = False,
    examples: Annotated[int, typer.Option(min=0, max=1000, help="Posts to show of those it would touch.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Count what a sweep would do, by day, state and result. Changes nothing.

    Example: moderation retroaction preview --bank BANNED_PICTURES --withdraw
    """
    with session() as opened, _progress() as report:
        text = _text(opened, policy)
        cause = _cause(opened, text, policy is not None, (bank, entry, since), (first, to))
        found = retroaction(opened.settings, opened.database, text=text).preview(
            cause, SweepTerms(withdraw=withdraw), examples=examples, progress=report
        )
    if as_json:
        print_json(preview_document(found))
    else:
        print_preview(found, withdraw=withdraw)


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter for each option
    bank: Bank = "",
    entry: Entry = "",
    since: Since = None,
    policy: PolicyFile = None,
    first: From = None,
    to: To = None,
    withdraw: Withdraw = False,
    queue: Queue = QUEUE,
    cap: Annotated[int | None, typer.Option(min=1, help=f"Posts it may touch before it stops ({DEFAULT_CAP}).")] = None,
    resume: Annotated[str, typer.Option(help="Go on with this sweep; --cap raises its cap.")] = "",
    later: Annotated[bool, typer.Option("--later", help="Only make the sweep; the Dagster job runs it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a sweep and run it, day by day. Interrupt it at any time: `--resume` goes on, and does nothing twice.

    Example: moderation retroaction run --entry 0197… --withdraw --cap 200

    Example: moderation retroaction run --resume 0198… --cap 5000
    """
    with session() as opened, _progress() as report:
        store = SweepStore(opened.database)
        if resume:
            if cap is not None and cap != store.get(resume).terms.cap:
                store.raise_cap(resume, cap, by=ACTOR, now=now())
            sweep = store.get(resume)
        else:
            text = _text(opened, policy)
            cause = _cause(opened, text, policy is not None, (bank, entry, since), (first, to))
            PolicyStore(opened.database).remember(cause.policy, text, now=now())
            terms = SweepTerms(cap or DEFAULT_CAP, withdraw, queue)
            sweep = retroaction(opened.settings, opened.database).start(cause, terms, by=ACTOR, progress=report)
        if not later:
            sweep = retroaction(opened.settings, opened.database).run(sweep.id, progress=report)
        days = store.days(sweep.id)
    print_sweep(sweep, days, as_json=as_json)


@app.command("list")
def list_sweeps(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Sweeps to print, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List sweeps, newest first: why, how far, what they did.

    Example: moderation retroaction list
    """
    with session() as opened:
        found = SweepStore(opened.database).newest(limit)
    if as_json:
        print_json({"sweeps": [sweep_document(sweep) for sweep in found]})
        return
    table = Table(box=None, header_style="bold")
    table.add_column("sweep", no_wrap=True, min_width=36)
    for column in ("state", "cause", "days", "touched", "cap", "by", "made"):
        table.add_column(column)
    for sweep in found:
        days, touched = f"{sweep.days_done}/{sweep.days}", str(sweep.touched)
        made = sweep.created_at.isoformat(timespec="seconds")
        table.add_row(sweep.id, sweep.state, words(sweep.cause), days, touched, str(sweep.terms.cap), sweep.by, made)
    console.print(table)


@app.command()
def show(
    sweep_id: SweepArgument,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="Posts to print, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show a sweep: its days, what became of the posts, and the posts that it touched.

    Example: moderation retroaction show 0198…
    """
    with session() as opened:
        store = SweepStore(opened.database)
        sweep, days, touched = store.get(sweep_id), store.days(sweep_id), store.results(sweep_id, limit=limit)
    posts = [{"post": post_id, "day": day, "result": result} for post_id, day, result in touched]
    print_sweep(sweep, days, as_json=as_json, posts=posts)


@app.command()
def cancel(sweep_id: SweepArgument, as_json: AsJson = False) -> None:
    """End a sweep where it is. What it did stays; `post show` and the review pages say how to answer a withdrawal.

    Example: moderation retroaction cancel 0198…
    """
    with session() as opened:
        store = SweepStore(opened.database)
        sweep, days = store.cancel(sweep_id, by=ACTOR, now=now()), store.days(sweep_id)
    print_sweep(sweep, days, as_json=as_json)


@contextmanager
def _progress() -> Iterator[Report]:
    with Progress(*Progress.get_default_columns()[:1], console=errors, transient=True) as bar:
        task = bar.add_task("looking through posts", total=None)
        yield lambda done: bar.update(task, description=f"looked through {done:,} posts", completed=done)


def _text(opened: Session, policy: Path | None) -> str:
    """The text of the policy that judges: the one named, or the one in force."""
    return policy_text(policy or opened.settings.policy)


def _cause(
    opened: Session,
    text: str,
    by_policy: bool,
    entries: tuple[str, str, int | None],
    days: tuple[datetime | None, datetime | None],
) -> Cause:
    """What the options mean. Raises `InvalidInputError` for options that do not go together, `NotFoundError`."""
    bank, entry, since = entries
    digest = compile_file(opened.settings, text).digest
    first, last = (None if day is None else day.date() for day in days)
    if by_policy:
        if bank or entry or since is not None:
            raise InvalidInputError("A sweep is by a policy or by bank entries, not by both.")
        return Cause(CauseKind.POLICY, digest, first_day=first, last_day=last)
    if not bank and not entry and since is None:
        raise InvalidInputError(
            "Say which entries are meant.", hint="--entry ID, --bank NAME, --since CHECKPOINT, or --policy FILE."
        )
    banks = BankStore(opened.database)
    if entry:
        banks.entry(EntryId(entry))
    if bank:
        banks.bank(bank)
    return Cause(
        CauseKind.BANK,
        digest,
        bank=bank,
        entry=entry,
        after=since or 0,
        until=int(banks.checkpoint()),
        first_day=first,
        last_day=last,
    )
