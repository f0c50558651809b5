"""How many posts a lane claims at once: as many as it screens within a bounded time."""

from collections.abc import Iterator, Sequence

from moderation.domain.post import Claim

TARGET_SECONDS = 1.0
"""A batch takes about this long at the most, so that a post never waits long behind others of its batch."""
SMOOTHING = 0.3
"""Weight of the newest observation in the running estimate."""


class BatchSize:
    """Adapts the claim limit to the time that a post takes; a claim returns fewer when fewer wait."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seconds_per_post = 0.0

    def limit(self) -> int:
        """Posts to claim next, 1 to the most allowed."""
        if self._seconds_per_post <= 0:
            return min(4, self._most)
        return max(1, int(min(self._most, TARGET_SECONDS / self._seconds_per_post)))

    def observe(self, posts: int, seconds: float) -> None:
        """Learn from a batch of `posts` that took `seconds` in its slowest stage."""
        if posts <= 0:
            return
        newest = seconds / posts
        before = self._seconds_per_post or newest
        self._seconds_per_post = before + SMOOTHING * (newest - before)


def in_batches(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    """New posts together; posts that were tried before one by one, for one of them may have ended a lane."""
    fresh = [claim for claim in claims if claim.attempt == 1]
    if fresh:
        yield fresh
    for claim in claims:
        if claim.attempt > 1:
            yield [claim]


def with_one_retry(claims: Sequence[Claim]) -> tuple[list[Claim], list[Claim]]:
    """What to screen now, and what to give back: of the posts that were tried before only the oldest is kept.

    If it ends this lane too, the others have not been near it, and their tries are not used up.
    """
    first = next((claim for claim in claims if claim.attempt > 1), None)
    now = [claim for claim in claims if claim.attempt == 1 or claim is first]
    return now, [claim for claim in claims if claim.attempt > 1 and claim is not first]
