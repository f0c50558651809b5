"""Which job comes first: a sum of points that anyone can add up again.

Every part is either fixed when the job is opened or grows at the same pace for all jobs, so the order of two jobs never
changes while they wait. That is what lets an index keep the order: `rank` is the sum at `EPOCH`.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
POINTS_PER_HOUR_TO_DEADLINE = 10.0
"""An hour less to the deadline (or an hour past it) weighs as much as a tenth of the gravest severity."""
POINTS_PER_HOUR_WAITED = 1.0
MAX_REACH_POINTS = 20.0
REACH_POINTS_PER_TENFOLD = 5.0
"""Ten times as many published posts of the author give this many points more."""
APPEAL_POINTS = 30.0
"""An author who appeals waits for a mistake of ours to be put right."""
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Urgency:
    """What a job's priority rests on. `severity` is 0 (harmless) to 100 (gravest); `reach` counts the author's
    published posts.
    """

    severity: int
    reach: int
    appeal: bool
    opened_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One term of the sum, with the reason in words."""

    name: str
    points: float
    why: str


@dataclass(frozen=True, slots=True)
class Priority:
    """The sum, and its parts in the order of the page."""

    points: float
    parts: tuple[Part, ...]


def priority(urgency: Urgency, now: datetime) -> Priority:
    """The points of a job at `now`; higher goes first. An overdue job keeps rising, so none starves."""
    overdue_h = (now - urgency.due_at).total_seconds() / _HOUR_S
    waited_h = (now - urgency.opened_at).total_seconds() / _HOUR_S
    late = f"{overdue_h:.1f} h past its deadline" if overdue_h >= 0 else f"{-overdue_h:.1f} h to its deadline"
    parts = (
        Part("severity", float(urgency.severity), f"severity {urgency.severity} of 100"),
        Part("deadline", POINTS_PER_HOUR_TO_DEADLINE * overdue_h, late),
        Part("reach", reach_points(urgency.reach), f"the author has {urgency.reach} published posts"),
        Part("appeal", APPEAL_POINTS if urgency.appeal else 0.0, "an appeal" if urgency.appeal else "no appeal"),
        Part("age", POINTS_PER_HOUR_WAITED * waited_h, f"waits for {waited_h:.1f} h"),
    )
    return Priority(math.fsum(part.points for part in parts), parts)


def rank(urgency: Urgency) -> float:
    """The points at `EPOCH`: at any moment the job with the higher rank has the higher priority."""
    return priority(urgency, EPOCH).points


def reach_points(published_posts: int) -> float:
    """0 to `MAX_REACH_POINTS`, growing with the logarithm."""
    return min(MAX_REACH_POINTS, REACH_POINTS_PER_TENFOLD * math.log10(1 + max(0, published_posts)))
