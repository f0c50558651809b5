"""Exchanges in words, for people: no credential, no hash and no query of an address ever comes to a page."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from moderation.domain.audit import AuditEvent
from moderation.domain.exchange import ExchangeState, free_removals
from moderation.matching.exchanges.registry import SPECS
from review_ui.console.bank_paths import bank_path

LATE_FETCHES = 3
LATE_SECONDS = 3_600.0
SECRET_CHARS = 24
"""A run of letters and digits this long is no word: a token or a hash, which an error has no business repeating."""

_QUERY = re.compile(r"(https?://[^\s?#]*)[?#]\S*")
_USER = re.compile(r"(https?://)[^\s/@]+@")
_LONG = re.compile(rf"(?=\S*\d)[A-Za-z0-9_\-+/=]{{{SECRET_CHARS},}}(?<![/.])")
COUNTED = ("added", "amended", "removed")
HAPPENINGS: Mapping[str, str] = {
    "exchange.add": "was added",
    "exchange.update": "was changed",
    "exchange.enable": "was switched on",
    "exchange.disable": "was switched off",
    "exchange.restart": "was set to begin from the beginning",
    "exchange.fetch": "was fetched",
    "exchange.removals_accepted": "Its removals were accepted",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an exchange does, in a word or two, and how loudly to say so; `next_step` says what can be done, "" for
    nothing.
    """

    word: str
    tone: str
    error: str = ""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an exchange's history; `counts` are what a fetch changed."""

    at: datetime
    what: str
    by: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    """One exchange of the list. `changed` is what the newest fetch that changed anything did; `told` is write-back by
    its state (pending, sent, dead).
    """

    state: ExchangeState
    title: str
    standing: Standing
    changed: Happening | None
    told: Mapping[str, int]

    @property
    def name(self) -> str:
        """The exchange's name."""
        return self.state.exchange.name

    @property
    def bank_href(self) -> str:
        """The page of the bank that it fills."""
        return bank_path(self.state.exchange.bank)


def line_of(state: ExchangeState, changed: Happening | None, told: Mapping[str, int], *, now: datetime) -> ExchangeLine:
    """The line of one exchange."""
    return ExchangeLine(state, SPECS[state.exchange.kind].title, standing_of(state, now), changed, told)


def standing_of(state: ExchangeState, now: datetime) -> Standing:
    """What is the matter with an exchange, the gravest first."""
    name = shlex.quote(state.exchange.name)
    error = plain_error(state.last_error)
    if not state.exchange.enabled:
        return Standing("switched off", "quiet", next_step="Its entries go on matching. Nothing is fetched or told.")
    if state.failures:
        tries = "once" if state.failures == 1 else f"{state.failures} times in a row"
        late = _late(state, now)
        step = f"It failed {tries} and is tried again by itself. To try now: moderation exchange fetch {name}"
        return Standing("failing" if late else "failed, tried again", "bad" if late else "warn", error, step)
    if state.removals_due:
        return Standing("removals wait for you", "warn")
    if state.last_success_at is None:
        return Standing("never fetched", "warn", next_step=f"To fetch it now: moderation exchange fetch {name}")
    return Standing("up to date", "good")


def why_withheld(state: ExchangeState) -> str:
    """Why its removals wait for a person, as the storage decides it; "" when none do."""
    if not state.removals_due:
        return ""
    free = free_removals(state.exchange, state.items)
    if state.removals_due > free:
        return f"That is more than the {free:,} that a fetch may take out of this exchange's items by itself."
    if state.malformed:
        return "Items of the same pass were malformed: one of them may stand for what is missing."
    return "The next fetch takes them out by itself."


def happening_of(event: AuditEvent) -> Happening:
    """A line of the history; of the event's payload only counts are shown."""
    counts = {name: found for name in (*COUNTED, "removals") if isinstance(found := event.payload.get(name), int)}
    return Happening(event.at, HAPPENINGS.get(event.kind, "changed"), who(event.actor), counts)


def newest_fetch(events: Sequence[AuditEvent]) -> Happening | None:
    """The newest fetch that changed anything."""
    return next((happening_of(event) for event in events if event.kind == "exchange.fetch"), None)


def who(actor: str) -> str:
    """An actor of the audit log as people call it."""
    kind, _, name = actor.partition(":")
    if kind == "exchange":
        return "a fetch"
    return name if kind == "account" else {"cli": "the command line"}.get(actor, actor)


def plain_address(address: str) -> str:
    """An address without its user, query and fragment: a token may be in any of them. A path stays as it is."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def plain_error(text: str) -> str:
    """An error without queries of addresses, users in them, and whatever may be a token or a hash."""
    return _LONG.sub("…", _USER.sub(r"\1", _QUERY.sub(r"\1", text)))


def _late(state: ExchangeState, now: datetime) -> bool:
    allowed = timedelta(seconds=max(LATE_FETCHES * state.exchange.every_seconds, LATE_SECONDS))
    return state.last_success_at is None or now - state.last_success_at > allowed
