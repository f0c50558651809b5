"""`moderation bank add|add-post|amend|disable|enable|remove|show`: the entries of banks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from moderation.assembly import blob_store, decoder, now
from moderation.cli.bank_pictures import bare_drafts, check_named
from moderation.cli.output import console, print_json
from moderation.cli.session import session
from moderation.domain.bank import KEEP, BankEntry, EntryAmendment, Opinion
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import EntryId, PostId
from moderation.screening.bank_post import Pixels, bank_post
from moderation.storage.banks import BankStore
from moderation.storage.exchanges import ExchangeStore

ACTOR = "cli"
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Until when an entry is disabled that nobody gave a time for."""
NEVER = "never"

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(help="The bank.")]
EntryArgument = Annotated[str, typer.Argument(help="The entry's id, as `bank list NAME` prints it.")]
Entries = Annotated[list[str], typer.Argument(help="Entry ids, as `bank list NAME` prints them.")]


def register(app: typer.Typer) -> None:
    """Add these commands to `moderation bank`."""
    for command in (add, add_post, amend, disable, enable, remove, show):
        app.command()(command)


def add(  # noqa: PLR0913, PLR0917 - each is an option
    name: Name,
    pictures: Annotated[list[str], typer.Argument(help="Image files, or PDQ hashes of 64 hex characters.")],
    note: Annotated[str, typer.Option(help="Why it is known.")] = "",
    category: Annotated[str, typer.Option(help="The harm, e.g. adult.")] = "",
    source: Annotated[str, typer.Option(help="Where it comes from.")] = ACTOR,
    opinion: Annotated[
        Opinion | None,
        typer.Option(help="Only a positive one acts by itself. None: the entry's own, or a positive one."),
    ] = None,
    disable_until: Annotated[
        str, typer.Option(help="A time (ISO 8601; UTC unless it says) from which it matches.")
    ] = "",
    expires_at: Annotated[str, typer.Option(help="A time from which it matches no more.")] = "",
    quality: Annotated[int, typer.Option(min=0, max=100, help="The quality of hashes that are given as text.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Bank pictures; running lanes match them within a second. The pictures themselves are not stored.

    A picture that the bank has already is not added again: what is new about it is stored with its entry.

    Example: moderation bank add BANNED_PICTURES ./known.jpg --note "ticket 17"
    """
    moment = now()
    begins, ends = _time(disable_until), _time(expires_at)
    check_named(pictures)
    with session() as opened:
        store = BankStore(opened.database)
        bank = store.bank(name)
        bare = bare_drafts(opened.settings, pictures, typed_quality=quality, min_quality=bank.min_quality)
        drafts = [
            replace(
                draft,
                note=note,
                category=category,
                source=source,
                opinion=KEEP if opinion is None else opinion,
                disable_until=begins,
                expires_at=ends,
            )
            for draft in bare
        ]
        entries = store.add_many(name, drafts, actor=ACTOR, now=moment)
    _say_added(name, entries, moment, as_json=as_json)


def add_post(
    name: Name,
    post: Annotated[str, typer.Argument(help="The post's id.")],
    note: Annotated[str, typer.Option(help="Why it is known; none: the decision's note.")] = "",
    category: Annotated[str, typer.Option(help="The harm; none: the decision's category.")] = "",
    as_json: AsJson = False,
) -> None:
    """Bank the picture of a post, with the category and note of the newest decision about it.

    Example: moderation bank add-post BANNED_PICTURES 0197…
    """
    moment = now()
    with session() as opened, decoder(opened.settings) as decoding:
        pixels = Pixels(blob_store(opened.settings), decoding)
        words = {"category": category, "note": note}
        banked = bank_post(opened.database, pixels, name, PostId(post), actor=ACTOR, now=moment, **words)
    _say_added(name, banked.entries, moment, as_json=as_json)
    if banked.missing and not as_json:
        console.print(f"  {banked.missing}", markup=False, style="dim", soft_wrap=True)


def amend(  # noqa: PLR0913, PLR0917 - each is an option
    entry: EntryArgument,
    opinion: Annotated[Opinion | None, typer.Option(help="Only a positive one acts by itself.")] = None,
    note: Annotated[str | None, typer.Option(help="Why it is known.")] = None,
    category: Annotated[str | None, typer.Option(help="The harm, e.g. adult.")] = None,
    disable_until: Annotated[str | None, typer.Option(help=f"A time from which it matches, or `{NEVER}`.")] = None,
    expires_at: Annotated[str | None, typer.Option(help=f"A time from which it matches no more, or `{NEVER}`.")] = None,
    demoted: Annotated[
        bool | None, typer.Option("--demote/--restore", help="Whether its matches are only shown to a person.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is said of an entry; what is not given stays.

    Example: moderation bank amend 0197… --opinion disputed --note "author asked, ticket 18"
    """
    amendment = EntryAmendment(
        opinion=KEEP if opinion is None else opinion,
        note=KEEP if note is None else note,
        category=KEEP if category is None else category,
        disable_until=KEEP if disable_until is None else _time(disable_until),
        expires_at=KEEP if expires_at is None else _time(expires_at),
        demoted=KEEP if demoted is None else demoted,
    )
    if amendment == EntryAmendment():
        raise InvalidInputError("Nothing to change was given.", hint="See `moderation bank amend --help`.")
    _amend([entry], amendment, as_json=as_json)


def disable(
    entries: Entries,
    until: Annotated[str, typer.Option(help="A time; none: until `bank enable`.")] = "",
    as_json: AsJson = False,
) -> None:
    """Let entries match nothing for a while; running lanes obey within a second.

    Example: moderation bank disable 0197… --until 2026-12-01
    """
    _amend(entries, EntryAmendment(disable_until=_time(until) or FOREVER), as_json=as_json)


def enable(entries: Entries, as_json: AsJson = False) -> None:
    """Let disabled entries match again. Entries that expired, or that are demoted, stay so: see `bank amend`.

    Example: moderation bank enable 0197…
    """
    _amend(entries, EntryAmendment(disable_until=None), as_json=as_json)


def remove(entries: Entries, as_json: AsJson = False) -> None:
    """Take entries out; running lanes stop matching them within a second.

    Example: moderation bank remove 0197…
    """
    with session() as opened:
        store = BankStore(opened.database)
        for entry in entries:
            store.entry(EntryId(entry))
        removed = store.remove_many([EntryId(entry) for entry in entries], actor=ACTOR, now=now())
    if as_json:
        print_json({"removed": [entry.id for entry in removed]})
    else:
        console.print(f"Removed {len(removed)}.")


def show(entry: EntryArgument, as_json: AsJson = False) -> None:
    """Tell all about an entry but its hashes, which are secrets: also who banked it and which exchanges tell it.

    Example: moderation bank show 0197…
    """
    with session() as opened:
        known = BankStore(opened.database).entry(EntryId(entry))
        found = {**whole(known, now()), "exchanges": ExchangeStore(opened.database).standing_for(known)}
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        console.print(f"{name:>16}  {value}", markup=False, soft_wrap=True)


def summary(entry: BankEntry, moment: datetime) -> dict[str, object]:
    """An entry in one line."""
    return {
        "id": entry.id,
        "quality": entry.quality,
        "category": entry.category,
        "source": entry.source,
        "note": entry.note,
        "opinion": entry.opinion.value,
        "state": state_of(entry, moment),
        "added_at": entry.added_at.isoformat(timespec="seconds"),
    }


def whole(entry: BankEntry, moment: datetime) -> dict[str, object]:
    """Everything about an entry but its hashes."""
    return {
        "bank": entry.bank,
        **summary(entry, moment),
        "number": entry.number,
        "disable_until": _told(entry.disable_until),
        "expires_at": _told(entry.expires_at),
        "demoted": entry.demoted,
        "secondary_hashes": bool(entry.phash and entry.dhash),
        "keypoints": entry.has_keypoints,
        "provenance": dict(entry.provenance),
        "banked_by": list(entry.banked_by),
    }


def state_of(entry: BankEntry, moment: datetime) -> str:
    """Whether an entry matches at that time, in one word."""
    if entry.expires_at is not None and entry.expires_at <= moment:
        return "expired"
    if not entry.active(moment):
        return "disabled"
    return "demoted" if entry.demoted else "active"


def _amend(entries: Sequence[str], amendment: EntryAmendment, *, as_json: bool) -> None:
    moment = now()
    with session() as opened:
        store = BankStore(opened.database)
        changed = [store.amend(EntryId(entry), amendment, actor=ACTOR, now=moment) for entry in entries]
    if as_json:
        print_json({"entries": [whole(entry, moment) for entry in changed]})
        return
    for entry in changed:
        console.print(f"{entry.id} in {entry.bank}: {state_of(entry, moment)}, {entry.opinion}.", markup=False)


def _say_added(name: str, entries: Sequence[BankEntry], moment: datetime, *, as_json: bool) -> None:
    rows = [{"id": entry.id, "quality": entry.quality, "new": entry.added_at == moment} for entry in entries]
    if as_json:
        print_json({"bank": name, "entries": rows})
        return
    for row in rows:
        done = f"Added {row['id']} to {name}" if row["new"] else f"{name} has it already as {row['id']}"
        console.print(f"{done} (quality {row['quality']}).", markup=False)


def _time(text: str) -> datetime | None:
    """The time that `text` writes, in UTC unless it says otherwise; None where it is empty or `never`."""
    if text in {"", NEVER}:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            f"{text!r} is not a time.", hint="Write it as 2026-12-01 or 2026-12-01T18:00."
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
