"""Appeals: who may ask, who answers, and what becomes of the post."""

from dataclasses import replace

import pytest

from moderation.domain.appeal import AppealState
from moderation.domain.decision import Action, Fate
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AppealId, PostId
from moderation.domain.job import JobKind, Route
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.domain.worker import Worker
from moderation.storage.audit import AuditStore
from tests.factories import after
from tests.storage.review.jobs import LEASE
from tests.storage.review.office import CARRIED, SECOND, TERMS, UNDO, Office
from tests.storage.review.picture_rows import a_pdq
from tests.storage.tampering import run

TWO_MUST_AGREE = replace(TERMS, double=True, second_route=Route("appeals", 50, 3600.0))
WHY = "It is a painting."


def rejected_by(office: Office, name: str = "ada") -> PostId:
    post = office.held()
    office.decide(office.person(name), office.job(post).id, Action.REJECT)
    office.settle(UNDO)
    return post


def test_an_overturned_rejection_is_published_and_left_alone_by_rules(office: Office) -> None:
    ben, post = office.person("ben"), rejected_by(office)
    appeal = office.appeals.open(post, client="client-1", text=f" {WHY} ", now=after(20))
    assert (appeal.text, appeal.state, appeal.opened_at) == (WHY, AppealState.OPEN, after(20))
    (job,) = office.open_jobs(JobKind.APPEAL)
    assert (job.id, job.queue, job.category, job.origin) == (appeal.job_id, "appeals", "adult", appeal.id)
    assert job.shown_kind is JobKind.APPEAL
    office.decide(ben, job.id, Action.OVERTURN, 30)
    assert (office.state(post), office.appeals.get(appeal.id)) == (PostState.REJECTED, appeal)
    office.settle(30 + UNDO)
    assert office.publish(40) == [post]
    assert office.posts.is_overturned(post)
    (found,) = office.appeals.of_post(post)
    assert (found.state, found.resolved_at) == (AppealState.OVERTURNED, after(30 + UNDO))
    assert office.messages(post)[-3:] == ["post.approved", "appeal.overturned", "post.published"]
    assert office.counted("appeal") == {("overturned", "adult"): 1}
    office.check()


def test_an_upheld_rejection_stays_and_cannot_be_appealed_again(office: Office) -> None:
    ben, post = office.person("ben"), rejected_by(office)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(20))
    office.decide(ben, appeal.job_id, Action.UPHOLD, 30)
    office.settle(30 + UNDO)
    assert office.state(post) is PostState.REJECTED
    assert office.messages(post)[-1] == "appeal.upheld"
    assert not office.posts.is_overturned(post)
    with pytest.raises(ConflictError, match="before"):
        office.appeals.open(post, client="client-1", text=WHY, now=after(50))
    office.check()


def test_a_machines_rejection_can_be_appealed(office: Office) -> None:
    ada, post = office.person("ada"), office.judged(Verdict.REJECT)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(20))
    assert office.appeals.grounds(post) == ("", "adult")
    office.decide(ada, appeal.job_id, Action.OVERTURN, 30)
    office.settle(30 + UNDO)
    assert office.publish(40) == [post]
    office.check()


def test_whoever_decided_before_does_not_answer(office: Office) -> None:
    post = office.held()
    ada, ben = office.person("ada"), office.person("ben")
    office.decide(ada, office.job(post).id, Action.REJECT, terms=SECOND)
    office.settle(UNDO)
    (second,) = office.open_jobs(JobKind.SECOND)
    office.decide(ben, second.id, Action.REJECT, 20)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(40))
    for person in (ada, ben):
        with pytest.raises(NotFoundError):
            office.take(person, appeal.job_id, 41)
    office.decide(office.person("eve"), appeal.job_id, Action.UPHOLD, 41)


def test_whoever_took_a_second_look_meanwhile_is_not_offered_the_appeal(office: Office) -> None:
    ada, ben, fay, post = office.person("ada"), office.person("ben"), office.person("fay"), office.held()
    office.decide(ada, office.job(post).id, Action.REJECT, terms=SECOND)
    office.settle(UNDO)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(10))
    office.decide(ben, office.open_jobs(JobKind.SECOND)[0].id, Action.REJECT, 20)
    office.settle(20 + UNDO)
    assert office.queue.next(Worker.of(ben), lease_seconds=LEASE, now=after(40)) is None
    found = office.queue.next(Worker.of(fay), lease_seconds=LEASE, now=after(41))
    assert found is not None
    assert found.id == appeal.job_id


def test_an_undone_answer_leaves_the_appeal_open(office: Office) -> None:
    ben, post = office.person("ben"), rejected_by(office)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(20))
    decided = office.decide(ben, appeal.job_id, Action.OVERTURN, 30)
    office.decisions.undo(decided.batch, person=ben, now=after(31))
    office.settle(1000)
    assert office.appeals.of_post(post) == [appeal]
    with pytest.raises(ConflictError, match="open"):
        office.appeals.open(post, client="client-1", text=WHY, now=after(50))


def test_an_appeal_is_not_decided_like_a_review(office: Office) -> None:
    ben, post = office.person("ben"), rejected_by(office)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(20))
    for action in (Action.APPROVE, Action.REJECT):
        with pytest.raises(InvalidInputError):
            office.decide(ben, appeal.job_id, action, 30)


@pytest.mark.parametrize("second", [Action.OVERTURN, Action.UPHOLD])
def test_where_two_must_agree_no_single_person_overturns(office: Office, second: Action) -> None:
    ben, cem, post = office.person("ben"), office.person("cem"), rejected_by(office)
    eve = office.person("eve", role=Role.SENIOR)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(20))
    (first,) = office.decide(ben, appeal.job_id, Action.OVERTURN, 30, terms=TWO_MUST_AGREE).decisions
    assert not first.binding
    office.settle(30 + UNDO)
    assert (office.state(post), office.publish(40)) == (PostState.REJECTED, [])
    (again,) = office.open_jobs(JobKind.APPEAL)
    assert (again.origin, again.category) == (appeal.id, "adult")
    with pytest.raises(NotFoundError):
        office.take(ben, again.id, 41)
    office.decide(cem, again.id, second, 50, terms=TWO_MUST_AGREE)
    office.settle(50 + UNDO)
    if second is Action.UPHOLD:
        assert office.appeals.of_post(post)[0].state is AppealState.OPEN
        (disagreement,) = office.open_jobs(JobKind.DISAGREEMENT)
        office.decide(eve, disagreement.id, Action.APPROVE, 70)
        office.settle(70 + UNDO)
    assert office.publish(90) == [post]
    assert office.appeals.of_post(post)[0].state is AppealState.OVERTURNED
    assert office.messages(post).count("appeal.overturned") == 1
    office.check()


def test_a_withdrawn_post_can_come_back(office: Office) -> None:
    ada, ben, post = office.person("ada"), office.person("ben"), office.held()
    eve, fay = office.person("eve", role=Role.SENIOR), office.person("fay")
    office.decide(ada, office.job(post).id, Action.APPROVE, terms=SECOND)
    office.settle(UNDO)
    office.publish(UNDO)
    office.decide(ben, office.open_jobs(JobKind.SECOND)[0].id, Action.REJECT, 20)
    office.settle(20 + UNDO)
    office.decide(eve, office.open_jobs(JobKind.DISAGREEMENT)[0].id, Action.REJECT, 40)
    office.settle(40 + UNDO)
    assert office.state(post) is PostState.WITHDRAWN
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(60))
    office.decide(fay, appeal.job_id, Action.OVERTURN, 70)
    office.settle(70 + UNDO)
    assert office.publish(80) == [post]
    (item,) = office.posts.feed(cursor=None, limit=10).items
    assert (item.post.id, item.published_at) == (post, after(80))
    office.check()


def test_an_answer_that_comes_after_another_decision_let_the_post_in_is_superseded(office: Office) -> None:
    ada, ben, post = office.person("ada"), office.person("ben"), office.held()
    eve, fay = office.person("eve", role=Role.SENIOR), office.person("fay")
    office.decide(ada, office.job(post).id, Action.REJECT, terms=SECOND)
    office.settle(UNDO)
    appeal = office.appeals.open(post, client="client-1", text=WHY, now=after(10))
    office.decide(ben, office.open_jobs(JobKind.SECOND)[0].id, Action.APPROVE, 20)
    office.settle(20 + UNDO)
    office.decide(eve, office.open_jobs(JobKind.DISAGREEMENT)[0].id, Action.APPROVE, 40)
    office.decide(fay, appeal.job_id, Action.UPHOLD, 41)
    office.settle(41 + UNDO)
    assert office.publish(60) == [post]
    assert office.decisions.of_post(post)[-1].fate is Fate.SUPERSEDED
    assert office.appeals.of_post(post)[0].state is AppealState.OVERTURNED
    office.check()


def test_an_overturned_cluster_is_carried_no_more(office: Office) -> None:
    ada, ben, first = office.person("ada"), office.person("ben"), office.held(pdq=a_pdq(1))
    office.decide(ada, office.job(first).id, Action.REJECT, terms=CARRIED)
    office.settle(UNDO)
    second = office.held(20, pdq=a_pdq(1))
    office.settle(20)
    assert office.state(second) is PostState.REJECTED
    appeal = office.appeals.open(second, client="client-1", text=WHY, now=after(30))
    with pytest.raises(NotFoundError):
        office.take(ada, appeal.job_id, 31)
    office.decide(ben, appeal.job_id, Action.OVERTURN, 31)
    office.settle(31 + UNDO)
    third = office.held(60, pdq=a_pdq(1))
    assert office.decisions.of_post(third) == []
    assert [office.state(post) for post in (first, second, third)] == [
        PostState.REJECTED,
        PostState.APPROVED,
        PostState.HELD,
    ]
    office.check()


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4_001, "a\0b", "\udc00"])
def test_an_appeal_has_a_text(office: Office, text: str) -> None:
    post = office.judged(Verdict.REJECT)
    with pytest.raises(InvalidInputError):
        office.appeals.open(post, client="client-1", text=text, now=after(1))
    assert office.appeals.of_post(post) == []


def test_what_cannot_be_appealed(office: Office) -> None:
    for verdict in (Verdict.APPROVE, Verdict.HOLD):
        with pytest.raises(ConflictError):
            office.appeals.open(office.judged(verdict), client="client-1", text=WHY, now=after(1))
    post = office.judged(Verdict.REJECT)
    for post_id, client in ((post, "somebody"), (PostId("none"), "client-1")):
        with pytest.raises(NotFoundError):
            office.appeals.open(post_id, client=client, text=WHY, now=after(1))
    run(office.database, "UPDATE posts SET image_deleted_at = received_at WHERE id = :id", id=post)
    with pytest.raises(ConflictError, match="picture"):
        office.appeals.open(post, client="client-1", text=WHY, now=after(1))
    assert office.appeals.get(AppealId("none")) is None
    assert all(event.kind != "appeal.opened" for event in AuditStore(office.database).events(limit=1000))
