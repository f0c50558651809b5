"""Banks and entries in words: what is told of each to whoever may see banks. Hashes are told to nobody."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from moderation.domain.audit import Json
from moderation.domain.bank import Bank, BankEffect, BankEntry, Opinion
from moderation.domain.ids import EntryId
from moderation.domain.people import Person
from moderation.storage.bank_overview import BankOverviewStore, EntryChange
from review_ui.console.bank_paths import entry_path
from review_ui.console.desk import Desk
from review_ui.console.shell import words
from review_ui.console.sight import may_see_post

EFFECTS: Mapping[BankEffect, tuple[str, str, str]] = {
    BankEffect.BLOCK: ("refuses", "bad", "A sure match is rejected; a loose one asks a person."),
    BankEffect.REVIEW: ("asks a person", "warn", "Every match asks a person."),
    BankEffect.DUPLICATE: ("duplicate", "quiet", "Published here already."),
    BankEffect.ALLOW: ("harmless", "good", "Known to be harmless: silences what is no nearer."),
}
"""What a bank does: a word, its tone, a sentence."""
OPINIONS: Mapping[Opinion, tuple[str, str]] = {
    Opinion.POSITIVE: ("positive", "Known for what it is: acts by itself."),
    Opinion.SEED: ("seed", "A lead to look into: only asks a person."),
    Opinion.NEGATIVE: ("negative", "Said not to be what it was taken for: only asks a person."),
    Opinion.DISPUTED: ("disputed", "Opinions differ: only asks a person."),
}
TELLING = frozenset({"note", "provenance"})
"""What is said of an entry that may tell of the post that it came from."""


class State(StrEnum):
    """Whether an entry matches."""

    ACTIVE = "active"
    DEMOTED = "demoted"
    DISABLED = "disabled"
    EXPIRED = "expired"


STATES: Mapping[State, tuple[str, str]] = {
    State.ACTIVE: ("good", "Matches."),
    State.DEMOTED: ("warn", "In flood quarantine: its matches are only shown to a person."),
    State.DISABLED: ("bad", "Matches nothing for now."),
    State.EXPIRED: ("quiet", "Its time is over: matches nothing."),
}
"""Tone, and what it means."""


@dataclass(frozen=True, slots=True)
class EntryLine:
    """An entry in a list. `note` is empty and `closed` is set where it says something of a post that the person may not
    see; `refused` counts posts since a time.
    """

    id: EntryId
    href: str
    note: str
    closed: bool
    category: str
    source: str
    opinion: str
    opinion_told: str
    state: State
    tone: str
    added_at: datetime
    disable_until: datetime | None
    expires_at: datetime | None
    keypoints: bool
    refused: int


def state_of(entry: BankEntry, now: datetime) -> State:
    """Whether the entry matches at that time, as `moderation bank list` says it."""
    if entry.expires_at is not None and entry.expires_at <= now:
        return State.EXPIRED
    if not entry.active(now):
        return State.DISABLED
    return State.DEMOTED if entry.demoted else State.ACTIVE


def entry_lines(
    entries: Sequence[BankEntry], refused: Mapping[EntryId, int], closed: Collection[EntryId], now: datetime
) -> list[EntryLine]:
    """The lines of entries, in their order."""
    return [_line(entry, refused.get(entry.id, 0), now, closed=entry.id in closed) for entry in entries]


def closed_entries(desk: Desk, person: Person, entries: Iterable[BankEntry]) -> set[EntryId]:
    """Those of the entries that ever came from a post here that the person may not see, or is to look at blind.

    Their note may tell of it, also after a copy was banked too, and that they are there tells what others decided.
    """
    posts = BankOverviewStore(desk.database).posts([entry.id for entry in entries])
    wanted = list({post for some in posts.values() for post in some})
    standings, blind, plan = desk.standings.of(wanted), desk.blind.among(wanted, person), desk.plan()
    shut = {post for post in wanted if post in blind or not may_see_post(person, standings[post], plan)}
    return {entry for entry, some in posts.items() if not shut.isdisjoint(some)}


def changes_in_words(changes: Sequence[EntryChange], *, closed: bool) -> list[tuple[EntryChange, list[str]]]:
    """Each change, newest first, with what it changed."""
    told, before = list[tuple[EntryChange, list[str]]](), dict[str, Json]()
    for change in changes:
        state = dict(change.state)
        told.append((change, _differences(before, state, closed=closed) if before else []))
        before = state
    return told[::-1]


def differences(before: Bank, after: Bank) -> list[tuple[str, str, str]]:
    """What differs between two definitions of a bank: name of the setting, before, after."""
    rows = zip(_settings(before), _settings(after), strict=True)
    return [(title, old, new) for (title, old), (_, new) in rows if old != new]


def _settings(bank: Bank) -> list[tuple[str, str]]:
    return [
        ("A match", EFFECTS[bank.effect][0]),
        ("In use", "yes" if bank.enabled else "no: matches nothing"),
        ("Acts within", f"{bank.distance_bits} bits"),
        ("Asks a person within", f"{bank.review_bits} bits"),
        ("Secondary hashes", "not used" if bank.secondary_bits is None else f"within {bank.secondary_bits} bits"),
        ("Lowest quality", str(bank.min_quality)),
        ("Keypoints", "compared" if bank.verify else "not compared"),
        ("Description", bank.description or "none"),
    ]


def _line(entry: BankEntry, refused: int, now: datetime, *, closed: bool) -> EntryLine:
    state = state_of(entry, now)
    return EntryLine(
        id=entry.id,
        href=entry_path(entry.bank, entry.id),
        note="" if closed else entry.note,
        closed=closed,
        category=entry.category,
        source=entry.source,
        opinion=OPINIONS[entry.opinion][0],
        opinion_told=OPINIONS[entry.opinion][1],
        state=state,
        tone=STATES[state][0],
        added_at=entry.added_at,
        disable_until=entry.disable_until,
        expires_at=entry.expires_at,
        keypoints=entry.has_keypoints,
        refused=refused,
    )


def _differences(before: Mapping[str, Json], after: Mapping[str, Json], *, closed: bool) -> list[str]:
    names = [name for name in after if after[name] != before.get(name)]
    return [f"{words(name)}: {'changed' if closed and name in TELLING else _value(after[name])}" for name in names]


def _value(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "none" if value in {None, ""} else str(value)
