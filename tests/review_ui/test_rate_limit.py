import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import RateLimitedError
from review_ui.rate_limit import WINDOW_S, Allowance, RateLimiter


def allowed(limiter: RateLimiter, key: str, limit: int, now_s: float) -> bool:
    try:
        limiter.take(key, limit=limit, now_s=now_s)
    except RateLimitedError:
        return False
    return True


def test_a_key_may_send_its_whole_minute_at_once_and_no_more() -> None:
    limiter = RateLimiter()
    assert [allowed(limiter, "key", 3, 10.0) for _ in range(5)] == [True, True, True, False, False]


def test_what_is_left_is_told() -> None:
    limiter = RateLimiter()
    assert limiter.take("key", limit=60, now_s=0.0) == Allowance(60, 59, 1.0)
    assert limiter.take("key", limit=60, now_s=0.0) == Allowance(60, 58, 2.0)


def test_retry_after_is_when_the_next_request_is_taken() -> None:
    limiter = RateLimiter()
    for _ in range(2):
        limiter.take("key", limit=2, now_s=0.0)
    with pytest.raises(RateLimitedError) as caught:
        limiter.take("key", limit=2, now_s=10.0)
    assert caught.value.retry_after_s == pytest.approx(20.0)
    assert not allowed(limiter, "key", 2, 10.0 + caught.value.retry_after_s - 0.1)
    assert allowed(limiter, "key", 2, 10.0 + caught.value.retry_after_s + 0.1)


def test_keys_do_not_share() -> None:
    limiter = RateLimiter()
    assert allowed(limiter, "one", 1, 0.0)
    assert not allowed(limiter, "one", 1, 0.0)
    assert allowed(limiter, "two", 1, 0.0)


def test_a_limit_of_zero_lets_nothing_through() -> None:
    assert not allowed(RateLimiter(), "key", 0, 0.0)


def test_buckets_are_forgotten_only_when_full() -> None:
    limiter = RateLimiter(max_buckets=2)
    assert allowed(limiter, "busy", 1, 59.0)
    assert allowed(limiter, "old", 1, 0.0)
    assert allowed(limiter, "new", 1, 60.5)
    assert not allowed(limiter, "busy", 1, 61.0)
    assert len(limiter._buckets) == 2


@given(limit=st.integers(1, 50), gaps=st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_stretch_of_time_has_more_than_burst_and_rate(limit: int, gaps: list[float]) -> None:
    limiter, now_s, taken = RateLimiter(), 0.0, []
    for gap in gaps:
        now_s += gap
        if allowed(limiter, "key", limit, now_s):
            taken.append(now_s)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            most = limit + (taken[last] - start) * limit / WINDOW_S
            assert last - first + 1 <= most + 1e-6
