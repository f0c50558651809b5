"""Retroaction: judging posts again that were judged before, because a bank or a policy has changed since.

A *sweep* is one such pass, with its cause and its cap. What it finds it treats as a lane would, less two things: it
never lets a post in, and it never rejects what already waits for a person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.job import Route
from moderation.domain.post import Post
from moderation.domain.verdict import Screening

DEFAULT_CAP = 500
"""Posts that a sweep touches at the most, unless somebody raises it by hand."""
MAX_CAP = 10_000_000
QUEUE = "known-images"
"""Where posts wait that a rule rejects and a person is asked about, when policy names no queue for the category."""


class CauseKind(StrEnum):
    """What changed."""

    BANK = "bank"
    POLICY = "policy"


class SweepState(StrEnum):
    """Open until every day is done. A stopped sweep reached its cap, and goes on once the cap is raised."""

    OPEN = "open"
    STOPPED = "stopped"
    DONE = "done"
    CANCELLED = "cancelled"


class Result(StrEnum):
    """What becomes of a post that a sweep looked at."""

    WITHDRAW = "withdraw"
    """It was published, and is taken out of the feed."""
    REJECT = "reject"
    """It was approved and not published yet, and never will be."""
    HOLD = "hold"
    """It was approved and not published yet, and waits for a person."""
    REVIEW = "review"
    """It stays published while a person looks at it."""
    EVIDENCE = "evidence"
    """It waits for a person already, who is shown what was found; its job becomes more urgent."""
    LATER = "later"
    """It has no verdict yet, or a person's decision on it has not taken effect: the day is not done."""
    GONE = "gone"
    """It was rejected or withdrawn before."""
    DECIDED = "decided"
    """A person decided after the change, or overturned a rejection: no rule acts on it."""
    SILENCED = "silenced"
    """An allowing bank has an entry at least as near."""
    UNCHANGED = "unchanged"
    """The policy has nothing against it that was not known before."""
    UNDECIDED = "undecided"
    """The stored measurements do not suffice for this policy, and no rule is true."""

    @property
    def acts(self) -> bool:
        """Whether the post is touched, which counts against the cap."""
        return self in ACTS


ACTS = frozenset({Result.WITHDRAW, Result.REJECT, Result.HOLD, Result.REVIEW, Result.EVIDENCE})


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a sweep is made.

    Of banks: the entries that were added after change `after` and up to change `until`, of `bank` ("": every bank) or
    only `entry` ("": every entry). Of a policy: its digest; `until` is 0. `first_day` and `last_day` bound the day on
    which a post was received.
    """

    kind: CauseKind
    policy: Digest
    bank: str = ""
    entry: str = ""
    after: int = 0
    until: int = 0
    first_day: date | None = None
    last_day: date | None = None

    def covers(self, day: date) -> bool:
        """Whether posts of that day are looked at."""
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)


@dataclass(frozen=True, slots=True)
class SweepTerms:
    """How a sweep acts. `withdraw`: what policy rejects for a sure match leaves the feed at once; otherwise a person is
    asked. `cap` bounds the posts that are touched; `queue` is where a rejection is asked about.
    """

    cap: int = DEFAULT_CAP
    withdraw: bool = False
    queue: str = QUEUE


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep. `results` counts posts by result, over all days."""

    id: str
    cause: Cause
    terms: SweepTerms
    state: SweepState
    by: str
    created_at: datetime
    ended_at: datetime | None = None
    days: int = 0
    days_done: int = 0
    results: Mapping[Result, int] = field(default_factory=dict)

    @property
    def touched(self) -> int:
        """How many posts it acted on."""
        return sum(count for result, count in self.results.items() if result.acts)


@dataclass(frozen=True, slots=True)
class SweepDay:
    """A sweep's progress on the posts received on one day (UTC).

    `scanned` counts the posts whose stored evidence was looked at, `found` those that matched or could be judged,
    `later` those that have to be looked at again. `results` add up to `found` less `later`.
    """

    day: date
    done_at: datetime | None
    scanned: int = 0
    found: int = 0
    later: int = 0
    results: Mapping[Result, int] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Whether every post that was found has exactly one result."""
        return self.found == self.later + sum(self.results.values())


@dataclass(frozen=True, slots=True)
class Case:
    """A post as it is now, with everything that a sweep has to know of it.

    `decided_at` is when a person's newest standing decision on it was taken; `settling`: one has not taken effect yet.
    """

    post: Post
    screening: Screening | None
    decided_at: datetime | None = None
    settling: bool = False
    overturned: bool = False


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a sweep makes of a case. An acting one has the new screening, and a route unless it withdraws or rejects."""

    result: Result
    reason: str = ""
    screening: Screening | None = None
    route: Route | None = None
    basis: str = ""
    category: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A post of a preview, and what would become of it, with the reason."""

    post_id: PostId
    day: date
    state: str
    result: Result
    reason: str
    screening: ScreeningId | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sweep would do now; nothing was changed.

    `scanned` posts had stored evidence; `pending` ones have no verdict yet, and lanes judge them by the banks and the
    policy in force. `counts` is by day, state and result.
    """

    scanned: int
    pending: int
    counts: Mapping[tuple[date, str, Result], int]
    examples: tuple[Example, ...] = ()

    @property
    def touched(self) -> int:
        """How many posts it would act on."""
        return sum(count for (_, _, result), count in self.counts.items() if result.acts)

    def by_result(self) -> dict[Result, int]:
        """Posts by result, in the order of `Result`."""
        found = dict.fromkeys(Result, 0)
        for (_, _, result), count in self.counts.items():
            found[result] += count
        return {result: count for result, count in found.items() if count}


def day_of(moment: datetime) -> date:
    """The UTC day of a moment."""
    return moment.astimezone(UTC).date()


def bounds(day: date) -> tuple[datetime, datetime]:
    """The day's first moment, and the next day's."""
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)
