"""Features are kept with the verdict, found again once the post is rejected, and go with the picture."""

import pytest

from moderation.domain.decision import Action
from moderation.domain.ids import Digest, PostId
from moderation.domain.post import Claim
from moderation.domain.rejected_picture import RejectedPicture
from moderation.domain.signal import Features, Score
from moderation.domain.verdict import Verdict
from moderation.storage import picture_features
from moderation.storage.engine import Database
from moderation.storage.picture_features import PictureFeatureStore
from moderation.storage.posts import PostStore
from moderation.storage.review.evidence import EvidenceStore
from moderation.storage.review.retention import RetentionStore
from tests.factories import a_digest, a_new_post, a_score, a_screening, accept, after, claim_all, judgement_of
from tests.storage.review.jobs import add_person
from tests.storage.review.office import UNDO, Office

MODEL = Digest("a" * 64)


def features(number: int) -> Features:
    return Features(MODEL, bytes([number, 127, 0, 255]))


def judged(database: Database, *verdicts: Verdict, at: float = 0.0) -> list[PostId]:
    """One post for each verdict, whose picture's features begin with its number."""
    store = PostStore(database)
    for number in range(len(verdicts)):
        accept(store, a_new_post(image=a_digest(f"{at} {number}")), now=after(at + number))
    claims = claim_all(store, now=after(at + 100))
    done = [
        (claim, a_screening(claim, judgement_of(verdict), results=results(number, claim)))
        for number, (claim, verdict) in enumerate(zip(claims, verdicts, strict=True))
    ]
    store.commit(done, now=after(at + 101))
    return [claim.post.id for claim in claims]


def results(number: int, claim: Claim) -> list[Score]:
    seen = Score("image_nsfw", {"image_nsfw": 0.5}, features=features(number))
    return [seen, a_score("image_facts", {"image_width": 640})]


def test_features_of_every_verdict_are_kept_and_rejected_ones_are_references(database: Database) -> None:
    posts = judged(database, Verdict.APPROVE, Verdict.HOLD, Verdict.REJECT)
    store = PictureFeatureStore(database)
    assert store.count() == 3
    change = store.changes(None, most=10)
    assert change.whole
    assert change.number == store.number()
    assert change.added == (RejectedPicture(posts[2], features(2)),)


def test_results_without_features_leave_nothing(database: Database) -> None:
    store = PostStore(database)
    accept(store)
    (claim,) = claim_all(store, now=after(1))
    store.commit([(claim, a_screening(claim))], now=after(2))
    assert PictureFeatureStore(database).count() == 0


def test_nothing_new_is_nothing(database: Database) -> None:
    store = PictureFeatureStore(database)
    judged(database, Verdict.REJECT)
    change = store.changes(store.number(), most=10)
    assert (change.added, change.removed, change.whole) == ((), (), False)


def test_later_rejections_are_told_and_others_are_not_references(database: Database) -> None:
    store = PictureFeatureStore(database)
    before = store.number()
    held, rejected = judged(database, Verdict.HOLD, Verdict.REJECT)
    change = store.changes(before, most=10)
    assert [reference.post_id for reference in change.added] == [rejected]
    assert change.removed == (held,)


def test_the_newest_references_come_when_there_are_too_many(database: Database) -> None:
    posts = judged(database, *[Verdict.REJECT] * 4)
    change = PictureFeatureStore(database).changes(None, most=2)
    assert [reference.post_id for reference in change.added] == [posts[3], posts[2]]


def test_after_too_many_events_everything_is_read_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(database, Verdict.REJECT)
    monkeypatch.setattr(picture_features, "MAX_EVENTS", 1)
    assert PictureFeatureStore(database).changes(0, most=10).whole


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
def test_a_persons_decision_makes_a_reference_or_none(database: Database, action: Action) -> None:
    (held,) = judged(database, Verdict.HOLD)
    office, store = Office(database), PictureFeatureStore(database)
    ada = office.person("ada", queues=["adult"])
    before = store.number()
    office.decide(ada, office.job(held).id, action, 200)
    office.settle(200 + UNDO)
    change = store.changes(before, most=10)
    assert ([reference.post_id for reference in change.added] == [held]) == (action is Action.REJECT)
    assert (held in change.removed) == (action is Action.APPROVE)


def test_features_go_with_the_picture(database: Database) -> None:
    rejected, other = judged(database, Verdict.REJECT, Verdict.REJECT)
    store = PictureFeatureStore(database)
    before = store.number()
    day = after(10 * 86_400)
    assert RetentionStore(database).forget(a_digest("0.0 0"), day, delete=lambda _: True, now=day)
    assert store.count() == 1
    change = store.changes(before, most=10)
    assert change.removed == (rejected,)
    assert [reference.post_id for reference in store.changes(None, most=10).added] == [other]


def test_what_retention_could_not_delete_stays(database: Database) -> None:
    judged(database, Verdict.REJECT)
    day = after(10 * 86_400)
    assert not RetentionStore(database).forget(a_digest("0.0 0"), day, delete=lambda _: False, now=day)
    assert PictureFeatureStore(database).count() == 1


LONG = 40 * 86_400.0
BEFORE = after(LONG - 86_400.0)


def kept(database: Database) -> set[str]:
    with database.read() as connection:
        return {str(row[0]) for row in connection.exec_driver_sql("SELECT post_id FROM picture_features")}


def test_features_of_pictures_that_passed_go_after_a_while(database: Database) -> None:
    approved, held, rejected = judged(database, Verdict.APPROVE, Verdict.HOLD, Verdict.REJECT)
    store = RetentionStore(database)
    assert store.forget_features(after(50), limit=10) == [], "too young"
    assert store.forget_features(BEFORE, limit=10) == [approved]
    assert kept(database) == {held, rejected}
    assert store.forget_features(BEFORE, limit=10) == []


def test_they_go_page_by_page(database: Database) -> None:
    posts = sorted(judged(database, *[Verdict.APPROVE] * 3))
    store = RetentionStore(database)
    assert store.forget_features(BEFORE, limit=2) == posts[:2]
    assert store.forget_features(BEFORE, limit=2, after=posts[1]) == posts[2:]
    assert kept(database) == set()


def test_what_a_person_approved_lately_is_kept_a_while_longer(database: Database) -> None:
    (held,) = judged(database, Verdict.HOLD)
    office, store = Office(database), RetentionStore(database)
    ada = office.person("ada", queues=["adult"])
    office.decide(ada, office.job(held).id, Action.APPROVE, LONG)
    office.settle(LONG + UNDO)
    assert store.forget_features(BEFORE, limit=10) == []
    assert store.forget_features(after(LONG + 86_400), limit=10) == [held]


def test_evidence_keeps_the_features_of_its_image(database: Database) -> None:
    (approved,) = judged(database, Verdict.APPROVE)
    EvidenceStore(database).place([approved], "opened", person=add_person(database, "ada"), now=after(200))
    assert RetentionStore(database).forget_features(BEFORE, limit=10) == []
    assert kept(database) == {approved}


def test_a_rejection_that_is_overturned_is_no_reference_any_more(database: Database) -> None:
    (held,) = judged(database, Verdict.HOLD)
    office, store = Office(database), PictureFeatureStore(database)
    office.decide(office.person("ada", queues=["adult"]), office.job(held).id, Action.REJECT, 200)
    office.settle(200 + UNDO)
    assert [each.post_id for each in store.changes(None, most=10).added] == [held]
    before = store.number()
    appeal = office.appeals.open(held, client="client-1", text="It is a painting.", now=after(300))
    office.decide(office.person("ben"), appeal.job_id, Action.OVERTURN, 310)
    office.settle(310 + UNDO)
    assert store.changes(before, most=10).removed == (held,)
    assert store.changes(None, most=10).added == ()
    assert RetentionStore(database).forget_features(BEFORE, limit=10) == [held]
