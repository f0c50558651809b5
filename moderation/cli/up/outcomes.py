"""What became of a set of posts, read from their stored verdicts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.ids import PostId
from moderation.domain.post import PENDING, Post, PostState
from moderation.domain.verdict import RuleStatus, Screening, SystemQueue, Verdict
from moderation.screening.report import quantile
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore

UNSETTLED = PENDING | {PostState.APPROVED}
"""States that are not the end of a post's way without people: approved ones are published a moment later."""

NO_RULE = "no rule fired"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One post's end: its state, the rule that decided it, and the queue it waits in.

    `seconds` is from intake to verdict; the times are those of its screening, None when it was not judged in time.
    """

    post: Post
    rule: str
    queue: str
    seconds: float | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A set of outcomes in numbers. Quantiles are of the seconds from intake to verdict, 0 when there are none.

    `posts_per_s` is over the time in which this run's posts were screened, from the first one's start to the last
    one's verdict.
    """

    rows: tuple[tuple[str, str, str, int], ...]
    posts: int
    screened_now: int
    posts_per_s: float
    p50_s: float
    p95_s: float
    p99_s: float


def settled(posts: Mapping[PostId, Post]) -> int:
    """How many posts have reached their end."""
    return sum(post.state not in UNSETTLED for post in posts.values())


def outcomes(ids: Iterable[PostId], posts: PostStore, screenings: ScreeningStore) -> list[Outcome]:
    """The outcome of every post, in order."""
    ordered = list(ids)
    found = posts.many(ordered)
    return [outcome(found[post_id], screenings.latest(post_id)) for post_id in ordered if post_id in found]


def outcome(post: Post, screening: Screening | None) -> Outcome:
    """What `screening` made of `post`; a held post without one was not judged in time."""
    if screening is None:
        rule, queue = ("deadline passed", SystemQueue.STALLED) if post.state is PostState.HELD else ("", "")
        return Outcome(post, rule, queue, None, None, None)
    seconds = (screening.finished_at - post.received_at).total_seconds()
    rule = deciding_rule(screening)
    return Outcome(post, rule, screening.judgement.queue, seconds, screening.started_at, screening.finished_at)


def deciding_rule(screening: Screening) -> str:
    """The live rule behind the verdict, "signal-failure" when something could not be measured, or "no rule fired"."""
    judgement = screening.judgement
    if judgement.verdict is Verdict.APPROVE:
        return NO_RULE
    for hit in judgement.hits:
        if hit.status is RuleStatus.LIVE and hit.verdict is judgement.verdict and judgement.queue == hit.queue:
            return hit.rule
    return judgement.queue or SystemQueue.SIGNAL_FAILURE


def summarise(found: Iterable[Outcome], *, since: datetime) -> Summary:
    """The table and the numbers; only verdicts after `since` count as this run's."""
    every = list(found)
    counts = Counter((item.post.state.value, item.rule, item.queue) for item in every)
    order = [state.value for state in PostState]
    rows = sorted(counts.items(), key=lambda row: (-order.index(row[0][0]), -row[1], row[0]))
    fresh = [item for item in every if item.finished_at is not None and item.finished_at > since]
    starts = [item.started_at for item in fresh if item.started_at is not None]
    ends = [item.finished_at for item in fresh if item.finished_at is not None]
    span = (max(ends) - min(starts)).total_seconds() if starts and ends else 0.0
    seconds = sorted(item.seconds for item in (fresh or every) if item.seconds is not None)
    return Summary(
        rows=tuple((*key, count) for key, count in rows),
        posts=len(every),
        screened_now=len(fresh),
        posts_per_s=len(fresh) / span if span > 0 else 0.0,
        p50_s=quantile(seconds, 0.50),
        p95_s=quantile(seconds, 0.95),
        p99_s=quantile(seconds, 0.99),
    )
