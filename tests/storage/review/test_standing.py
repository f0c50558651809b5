"""What decides who may see a post: what was said of it and stands."""

from moderation.domain.decision import Action
from moderation.domain.worker import Worker
from moderation.storage.review.standing import StandingStore
from tests.factories import after
from tests.storage.review.jobs import LEASE
from tests.storage.review.office import UNDO, Office


def test_a_decision_that_was_undone_was_never_said(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    decided = office.decide(ada, office.job(post).id, Action.REJECT, 1, category="minors")
    assert "minors" in StandingStore(office.database).of([post])[post].categories
    office.decisions.undo(decided.batch, person=ada, now=after(2))
    assert StandingStore(office.database).of([post])[post].categories == {"adult"}


def test_an_answer_to_a_gold_item_says_nothing_of_the_post(office: Office) -> None:
    ada, ben, post = office.person("ada"), office.person("ben"), office.held()
    office.decide(ada, office.job(post).id, Action.APPROVE, 1)
    office.settle(1 + UNDO)
    office.gold.add(post, queue="spam", action=Action.APPROVE, category="", note="", person=ada, now=after(20))
    assert office.gold.offer(Worker.of(ben), now=after(21)) is not None
    job = office.queue.next(Worker.of(ben), lease_seconds=LEASE, now=after(22))
    assert job is not None
    office.decide(ben, job.id, Action.REJECT, 22, category="minors")
    office.settle(22 + UNDO)
    assert StandingStore(office.database).of([post])[post].categories == {"adult"}
