from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.post import Claim
from moderation.screening.batches import TARGET_SECONDS, BatchSize, in_batches, with_one_retry
from tests.fakes import START, post


@given(st.integers(1, 256), st.lists(st.tuples(st.integers(0, 256), st.floats(0, 100))))
def test_the_limit_stays_within_its_bounds(most: int, seen: list[tuple[int, float]]) -> None:
    size = BatchSize(most)
    for posts, seconds in seen:
        size.observe(posts, seconds)
        assert 1 <= size.limit() <= most


def test_slow_posts_make_small_batches_and_fast_posts_large_ones() -> None:
    slow, fast = BatchSize(64), BatchSize(64)
    for _ in range(30):
        slow.observe(10, 10 * TARGET_SECONDS / 4)
        fast.observe(10, 10 * TARGET_SECONDS / 1000)
    assert slow.limit() in {3, 4}
    assert fast.limit() == 64


@given(st.lists(st.integers(1, 4), max_size=20))
def test_posts_that_were_tried_before_go_alone(attempts: list[int]) -> None:
    claims = [
        replace(Claim(post(number), "t", "lane", 1, START), attempt=attempt) for number, attempt in enumerate(attempts)
    ]
    batches = list(in_batches(claims))
    assert sorted(claim.post.id for batch in batches for claim in batch) == sorted(claim.post.id for claim in claims)
    for batch in batches:
        assert len(batch) == 1 or all(claim.attempt == 1 for claim in batch)


@given(st.lists(st.integers(1, 4), max_size=20))
def test_of_the_posts_that_were_tried_before_the_oldest_alone_is_kept(attempts: list[int]) -> None:
    claims = [
        replace(Claim(post(number), "t", "lane", 1, START), attempt=attempt) for number, attempt in enumerate(attempts)
    ]
    kept, given_back = with_one_retry(claims)
    retried = [claim for claim in claims if claim.attempt > 1]
    assert [claim for claim in kept if claim.attempt > 1] == retried[:1]
    assert given_back == retried[1:]
    assert len(kept) + len(given_back) == len(claims)
