"""Gold items that fit the review plan: an answer that people can give, in a queue where it is asked."""

from collections.abc import Callable
from datetime import datetime

from moderation.domain.decision import Action
from moderation.domain.errors import ForbiddenError, InvalidInputError
from moderation.domain.ids import PostId
from moderation.domain.people import Capability, Person
from moderation.domain.quality import GoldItem
from moderation.review.plan import Plan
from moderation.storage.review.gold import GoldStore
from moderation.storage.review.standing import Standing


def is_open(plan: Plan, standing: Standing) -> bool:
    """Whether everybody who decides may see a post: it never waited in a restricted queue, and nobody named the
    gravest harm.
    """
    waited = any(plan.queue(queue).restricted for queue in standing.queues)
    return not waited and not any(plan.category(category).gravest for category in standing.categories)


class GoldKeeper:
    """Adds and retires gold items for leads."""

    def __init__(self, gold: GoldStore, *, plan: Callable[[], Plan]) -> None:
        self._gold = gold
        self._plan = plan

    def add(
        self, post_id: PostId, *, queue: str, action: Action, category: str, note: str, person: Person, now: datetime
    ) -> GoldItem:
        """Make a post a gold item, as `GoldStore.add`.

        Raises `ForbiddenError` for somebody who leads nobody, `InvalidInputError` for a queue or category that the plan
        does not have, and for a post that is restricted: that is shown to nobody as a test.
        """
        if not person.may(Capability.LEAD):
            raise ForbiddenError("Gold items are for leads to choose.")
        plan = self._plan()
        if not plan.queue(queue).known or plan.queue(queue).restricted:
            raise InvalidInputError("Choose a queue of the plan that is not restricted.")
        if action is Action.REJECT and (not plan.category(category).offered or plan.category(category).gravest):
            raise InvalidInputError("Choose a category of the plan that is not among the gravest.")
        if not is_open(plan, self._gold.standing(post_id)):
            raise InvalidInputError("Choose a post that never waited in a restricted queue.")
        return self._gold.add(post_id, queue=queue, action=action, category=category, note=note, person=person, now=now)

    def retire(self, gold_id: str, *, person: Person, now: datetime) -> None:
        """Ask nobody about it any more, as `GoldStore.retire`."""
        if not person.may(Capability.LEAD):
            raise ForbiddenError("Gold items are for leads to choose.")
        self._gold.retire(gold_id, person=person, now=now)
