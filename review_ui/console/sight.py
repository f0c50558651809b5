"""Whether somebody may see a post and its picture: asked wherever one is about to be shown."""

from moderation.domain.people import Person
from moderation.review.plan import Plan
from moderation.storage.review.standing import Standing


def may_see_post(person: Person, standing: Standing, plan: Plan) -> bool:
    """Whether the person may read the post.

    A post that ever waited in a restricted queue is only for people with a grant for each of those queues; one that was
    judged under a gravest category without waiting in such a queue, for people with a grant for any restricted queue.
    """
    if not restricted(standing, plan):
        return True
    queues = {queue for queue in standing.queues if plan.queue(queue).restricted}
    return queues <= person.queues if queues else not plan.restricted_queues.isdisjoint(person.queues)


def restricted(standing: Standing, plan: Plan) -> bool:
    """Whether nothing of the picture may be shown unasked, not even coarsely."""
    waited = any(plan.queue(queue).restricted for queue in standing.queues)
    return waited or any(plan.category(category).gravest for category in standing.categories)
