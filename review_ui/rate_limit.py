"""Requests per API key: a token bucket for each, in this process's memory."""

from dataclasses import dataclass

from moderation.domain.errors import RateLimitedError

WINDOW_S = 60.0
MAX_BUCKETS = 10_000
"""Above this, buckets that have filled up again are forgotten; a full bucket carries no information."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after a request. `reset_s` is the time until the bucket is full again."""

    limit: int
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class _Bucket:
    limit: int
    tokens: float
    at: float

    def refilled(self, limit: int, now_s: float) -> float:
        elapsed = max(0.0, now_s - self.at)
        return min(float(limit), self.tokens + elapsed * limit / WINDOW_S)


class RateLimiter:
    """At most `limit` requests at once, and `limit` per minute in the long run, for each key. One thread only."""

    def __init__(self, max_buckets: int = MAX_BUCKETS) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._max_buckets = max_buckets

    def take(self, key: str, *, limit: int, now_s: float) -> Allowance:
        """Count one request of `key` at the monotonic time `now_s`. Raises `RateLimitedError` when none is left."""
        bucket = self._buckets.get(key)
        tokens = float(limit) if bucket is None else bucket.refilled(limit, now_s)
        if tokens < 1.0:
            wait_s = (1.0 - tokens) * WINDOW_S / limit if limit > 0 else WINDOW_S
            raise RateLimitedError(f"This key may send {limit} requests a minute.", retry_after_s=wait_s)
        self._forget(now_s)
        self._buckets[key] = _Bucket(limit, tokens - 1.0, now_s)
        return Allowance(limit, int(tokens - 1.0), (limit - tokens + 1.0) * WINDOW_S / limit)

    def _forget(self, now_s: float) -> None:
        if len(self._buckets) < self._max_buckets:
            return
        self._buckets = {
            key: bucket for key, bucket in self._buckets.items() if bucket.refilled(bucket.limit, now_s) < bucket.limit
        }
