"""What must stand behind a post before it may be in the feed."""

from sqlalchemy import ColumnElement, and_, exists, or_

from moderation.domain.decision import Action, Fate
from moderation.domain.verdict import Verdict
from moderation.storage.tables import decision_fates, decisions, posts, verdicts

PUBLISHING = tuple(action for action in Action if action.publishes)


def approval() -> ColumnElement[bool]:
    """That the post may be published, to be asked beside `posts`.

    The newest settled decision lets it in; or no settled decision rejected it, and a complete verdict `approve` is
    there. A decision that is pending, undone, superseded or not binding counts for nothing.
    """
    let_in, let_in_fate = decisions.alias("let_in"), decision_fates.alias("let_in_fate")
    rejected, rejected_fate = decisions.alias("rejected"), decision_fates.alias("rejected_fate")
    rejection = and_(
        rejected.c.post_id == posts.c.id,
        rejected.c.action == Action.REJECT,
        rejected.c.binding.is_(True),
        rejected_fate.c.decision_id == rejected.c.id,
        rejected_fate.c.fate == Fate.SETTLED,
    )
    rejected_later = exists().where(rejection, rejected_fate.c.number > let_in_fate.c.number)
    by_people = exists().where(
        let_in.c.post_id == posts.c.id,
        let_in.c.action.in_(PUBLISHING),
        let_in.c.binding.is_(True),
        let_in_fate.c.decision_id == let_in.c.id,
        let_in_fate.c.fate == Fate.SETTLED,
        ~rejected_later.correlate(posts, let_in_fate),
    )
    by_machine = exists().where(
        verdicts.c.post_id == posts.c.id, verdicts.c.verdict == Verdict.APPROVE, verdicts.c.complete.is_(True)
    )
    rejected_ever = exists().where(rejection)
    return or_(by_people.correlate(posts), and_(by_machine.correlate(posts), ~rejected_ever.correlate(posts)))
