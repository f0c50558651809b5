"""How many posts a lane claims at once: as many as it screens within a bounded time."""

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
        return max(1, min(self._most, int(TARGET_SECONDS / self._seconds_per_post)))

    def observe(self, posts: int, seconds: float) -> None:
        """Learn from a batch of `posts` that took `seconds` in its slowest stage."""
        if posts <= 0:
            return
        newest = seconds / posts
        before = self._seconds_per_post or newest
        self._seconds_per_post = before + SMOOTHING * (newest - before)
