"""How much people see, in shifts: what is counted, when a shift begins anew, and which breaks there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

REST_SECONDS = 8 * 3600.0
"""Whoever was away for so long begins a new shift, with fresh budgets. Without such a rest counting goes on."""


class BreakReason(StrEnum):
    """Why there is a break."""

    WORK = "work"
    """The longest time of work without a pause is over. It cannot be cut short."""
    ASKED = "asked"
    """The person wanted one, and ends it when they like."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A person's working time. `seen_at` is the newest sign of work; `working_since` begins after the newest pause,
    and lies ahead while a break runs.
    """

    started_at: datetime
    seen_at: datetime
    working_since: datetime


@dataclass(frozen=True, slots=True)
class Break:
    """Until `ends_at` the person gets no job."""

    reason: BreakReason
    started_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen unconcealed: different posts, and seconds in which at least one of them was shown."""

    items: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """A person's shift so far. `seen` is by category, "" for posts for which none is known.

    `seconds` counts time in which anything was shown once, also when several categories were shown side by side.
    """

    shift: Shift | None = None
    seen: Mapping[str, Seen] = field(default_factory=dict)
    seconds: float = 0.0
    current_break: Break | None = None


def sign_of_work(shift: Shift | None, at: datetime, *, pause_seconds: float) -> Shift:
    """The shift after somebody did something at `at`: a new one after a rest, and work counted anew after a pause.

    Signs may come in any order; one from the past changes nothing.
    """
    if shift is None or at - shift.seen_at >= timedelta(seconds=REST_SECONDS):
        return Shift(at, at, at)
    if at <= shift.seen_at:
        return shift
    paused = at - shift.seen_at >= timedelta(seconds=pause_seconds)
    return replace(shift, seen_at=at, working_since=max(shift.working_since, at) if paused else shift.working_since)


def break_due_at(shift: Shift, *, after_seconds: float) -> datetime:
    """When the person has worked for `after_seconds` without a pause."""
    return shift.working_since + timedelta(seconds=after_seconds)
