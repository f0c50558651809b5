"""Settling before publishing, and what neither may stop."""

import pytest
from structlog.testing import capture_logs

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.screening.publish import BATCH, Publisher
from tests.fakes import START, Clock

POST = PostId("post-1")


class Stores:
    """Posts and decisions that record what is asked of them, in order."""

    def __init__(self, *, settled: list[int] | None = None, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self._settled = settled or []
        self._error = error
        self._ready = [POST]

    def settle_due(self, *, limit: int, now: object) -> list[PostId]:
        self.asked.append("settle")
        assert (limit, now) == (BATCH, START)
        if self._error is not None:
            raise self._error
        return [POST] * self._settled.pop(0) if self._settled else []

    def publish_approved(self, *, limit: int, now: object) -> list[PostId]:
        self.asked.append("publish")
        ready, self._ready = self._ready, []
        return ready


def test_decisions_settle_before_posts_are_published() -> None:
    stores = Stores(settled=[BATCH, 3])
    assert Publisher(stores, clock=Clock(), decisions=stores).publish_all() == 1
    assert stores.asked == ["settle", "settle", "publish", "publish"]


@pytest.mark.parametrize(
    ("error", "event"), [(UnavailableError("away"), "settlement_postponed"), (RuntimeError("odd"), "settlement_failed")]
)
def test_a_decision_that_cannot_settle_keeps_nothing_else_from_the_feed(error: Exception, event: str) -> None:
    stores = Stores(error=error)
    with capture_logs() as logs:
        assert Publisher(stores, clock=Clock(), decisions=stores).publish_all() == 1
    assert [line["event"] for line in logs] == [event]


def test_without_decisions_it_publishes() -> None:
    stores = Stores()
    assert Publisher(stores, clock=Clock()).publish_all() == 1
    assert "settle" not in stores.asked
