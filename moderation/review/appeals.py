"""Appeals, in the queue that the review plan names for them."""

from collections.abc import Callable
from datetime import datetime

from moderation.domain.appeal import Appeal
from moderation.domain.ids import PostId
from moderation.domain.job import Route
from moderation.review.plan import Plan
from moderation.storage.review.appeals import AppealStore


class AppealDesk:
    """Takes authors' appeals in."""

    def __init__(self, appeals: AppealStore, *, plan: Callable[[], Plan]) -> None:
        self._appeals = appeals
        self._plan = plan

    def open(self, post_id: PostId, *, client: str, text: str, now: datetime) -> Appeal:
        """Open an appeal, as `AppealStore.open`; what was restricted stays so."""
        queue, category = self._appeals.grounds(post_id)
        plan = self._plan()
        where = plan.appeal_queue(queue, category)
        route = Route(where, plan.category(category).severity, plan.queue(where).service_seconds)
        return self._appeals.open(post_id, client=client, text=text, route=route, now=now)

    def of_post(self, post_id: PostId) -> list[Appeal]:
        """A post's appeals, oldest first."""
        return self._appeals.of_post(post_id)
