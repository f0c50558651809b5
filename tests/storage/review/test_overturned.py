from moderation.domain.decision import Action
from moderation.storage.engine import Database
from moderation.storage.review.overturned import AppealedStore
from tests.factories import after
from tests.storage.review.office import UNDO, Office


def test_a_rejection_is_followed_to_the_answer_of_its_appeal(database: Database) -> None:
    office = Office(database)
    ada, ben = office.person("ada"), office.person("ben")
    post, kept = office.held(), office.held(1)
    for one, at in ((post, 2), (kept, 3)):
        office.decide(ada, office.job(one).id, Action.REJECT, at)
    office.settle(20)
    store = AppealedStore(database)
    with database.read() as connection:
        client = connection.exec_driver_sql("SELECT client FROM posts LIMIT 1").scalar_one()
    appeal = office.appeals.open(post, client=client, text="It is a lake.", now=after(30))
    assert store.answered(None, since=after(0)) == []
    office.decide(ben, appeal.job_id, Action.OVERTURN, 40)
    office.settle(40 + UNDO)
    (found,) = store.answered(ada.id, since=after(0))
    assert (found.post_id, found.account, found.category, found.overturned) == (post, ada.id, "adult", True)
    assert found.resolved_at == after(40 + UNDO)
    assert store.answered(None, since=after(0)) == [found], "who answers an appeal has not rejected"
    assert store.answered(ben.id, since=after(0)) == []
    assert store.answered(ada.id, since=after(100)) == []
