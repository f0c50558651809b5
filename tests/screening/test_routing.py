from collections.abc import Sequence

import pytest

from moderation.domain.job import Route
from moderation.domain.post import Post
from moderation.domain.signal import SignalResult
from moderation.domain.verdict import Judgement, Verdict
from moderation.screening.ports import Router
from moderation.screening.routing import place
from moderation.screening.screen import screen
from tests.factories import a_claim, a_hold, a_post, a_rejection, a_screening, an_approval
from tests.fakes import START, MemoryPosts, parts, post

ROUTE = Route("night", 80, 600.0, language="es", rule="spanish")


class Fixed:
    """Routes every post in one way, and keeps what it was asked."""

    def __init__(self, route: Route = ROUTE) -> None:
        self.route_ = route
        self.asked: list[Verdict] = []

    def route(self, post: Post, results: Sequence[SignalResult], judgement: Judgement) -> Route:
        self.asked.append(judgement.verdict)
        return self.route_


class Broken:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def route(self, post: Post, results: Sequence[SignalResult], judgement: Judgement) -> Route:
        raise self._error


class Lying:
    def route(self, post: Post, results: Sequence[SignalResult], judgement: Judgement) -> Route:
        return None  # type: ignore[return-value]


def test_only_held_posts_are_routed() -> None:
    judgements = [an_approval(), a_hold(), a_rejection()]
    claims = [a_claim(a_post()) for _ in judgements]
    router = Fixed()
    placing = place(router, [(claim, a_screening(claim, what)) for claim, what in zip(claims, judgements, strict=True)])
    assert placing.routes == {claims[1].post.id: ROUTE}
    assert set(placing.bases) == {claims[1].post.id}
    assert router.asked == [Verdict.HOLD]


@pytest.mark.parametrize(
    "router",
    [
        Broken(RuntimeError("no")),
        Broken(KeyError()),
        Broken(RecursionError()),
        Lying(),
        Fixed(Route("", 50, 60.0)),
        Fixed(Route("night", 101, 60.0)),
        Fixed(Route("night", -1, 60.0)),
        Fixed(Route("night", 50, 0.0)),
        Fixed(Route("night", 50, float("nan"))),
        Fixed(Route("night", 50, float("inf"))),
    ],
)
def test_a_router_that_fails_or_lies_is_passed_over(router: Router) -> None:
    claim = a_claim()
    placing = place(router, [(claim, a_screening(claim, a_hold()))])
    assert placing.routes == {}
    assert len(placing.bases[claim.post.id]) == 64


def test_a_batch_whose_router_fails_is_held_all_the_same() -> None:
    posts = MemoryPosts([post(666)])
    claims = posts.claim("lane", limit=1, lease_seconds=60, now=START)
    screen(parts(posts, router=Broken(RuntimeError("no"))), claims)
    assert posts.states() == {"held": 1}
    assert posts.routes == {}


def test_routes_and_grounds_reach_the_store() -> None:
    posts = MemoryPosts([post(666), post(2)])
    claims = posts.claim("lane", limit=2, lease_seconds=60, now=START)
    screen(parts(posts, router=Fixed()), claims)
    assert posts.routes == {post(666).id: ROUTE}
    assert posts.bases[post(666).id] == ""  # a signal failed: the grounds are not known
