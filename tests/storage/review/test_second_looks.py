"""Two people on one case: double decisions, blind second reviews, and the disagreements that follow."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from moderation.domain.decision import Action, Fate
from moderation.domain.errors import ForbiddenError, NotFoundError
from moderation.domain.job import JobKind, JobState
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.storage.review.leasing import grant, locked_row
from moderation.storage.tables import jobs
from tests.factories import after
from tests.storage.review.jobs import LEASE
from tests.storage.review.office import DOUBLE, SECOND, TERMS, UNDO, Office
from tests.storage.review.picture_rows import a_pdq


def test_where_two_must_agree_one_decision_moves_nothing(office: Office) -> None:
    ada, ben, post = office.person("ada"), office.person("ben"), office.held()
    first = office.job(post)
    (decision,) = office.decide(ada, first.id, Action.APPROVE, terms=DOUBLE).decisions
    assert not decision.binding
    assert office.open_jobs(JobKind.SECOND) == []
    office.settle(UNDO)
    assert (office.state(post), office.publish(UNDO)) == (PostState.HELD, [])
    (second,) = office.open_jobs(JobKind.SECOND)
    assert (second.post_id, second.queue, second.category, second.reason) == (post, "second", "adult", first.reason)
    assert second.shown_kind is JobKind.REVIEW
    with pytest.raises(NotFoundError):
        office.take(ada, second.id, 20)
    (agreed,) = office.decide(ben, second.id, Action.APPROVE, 20, terms=DOUBLE).decisions
    assert agreed.binding
    office.settle(20 + UNDO)
    assert office.publish(40) == [post]
    assert office.counted("reviewed") == {("second agreed", "adult"): 1}
    assert office.job_states(first.id, second.id) == [JobState.CLOSED, JobState.CLOSED]
    (unit,) = office.decisions.agreements(JobKind.SECOND, since=after(0), limit=10)
    assert (unit.post_id, unit.category, unit.ratings) == (post, "adult", {ada.id: "approve", ben.id: "approve"})
    office.check()


@pytest.mark.parametrize(
    ("one", "other", "category"),
    [
        (Action.APPROVE, Action.REJECT, "adult"),
        (Action.REJECT, Action.APPROVE, ""),
        (Action.REJECT, Action.REJECT, "x"),
    ],
)
@pytest.mark.parametrize("senior", [Action.APPROVE, Action.REJECT])
def test_two_different_decisions_go_to_a_senior_person(
    office: Office, one: Action, other: Action, category: str, senior: Action
) -> None:
    ada, ben, post = office.person("ada"), office.person("ben"), office.held()
    eve, former = office.person("eve", role=Role.SENIOR), office.person("former", role=Role.SENIOR)
    office.decide(ada, office.job(post).id, one, terms=DOUBLE)
    office.settle(UNDO)
    (second,) = office.open_jobs(JobKind.SECOND)
    (decision,) = office.decide(ben, second.id, other, 20, terms=DOUBLE, category=category).decisions
    assert not decision.binding
    office.settle(20 + UNDO)
    assert office.state(post) is PostState.HELD
    (disagreement,) = office.open_jobs(JobKind.DISAGREEMENT)
    assert (disagreement.queue, disagreement.severity) == ("disagreements", 60)
    for person in (ada, ben, office.person("new")):
        with pytest.raises(NotFoundError):
            office.take(person, disagreement.id, 40)
    assert office.take(former, disagreement.id, 40).id == disagreement.id
    (last,) = office.decide(eve, disagreement.id, senior, 40 + LEASE).decisions
    assert last.binding
    office.settle(200)
    assert office.state(post) is (PostState.APPROVED if senior is Action.APPROVE else PostState.REJECTED)
    office.check()


def test_a_sampled_decision_takes_effect_and_is_looked_at_again(office: Office) -> None:
    ada, ben, post = office.person("ada"), office.person("ben"), office.held()
    office.decide(ada, office.job(post).id, Action.APPROVE, terms=SECOND)
    office.settle(UNDO)
    assert office.publish(UNDO) == [post]
    (second,) = office.open_jobs(JobKind.SECOND)
    (decision,) = office.decide(ben, second.id, Action.APPROVE, 20).decisions
    assert not decision.binding
    office.settle(20 + UNDO)
    assert (office.state(post), office.open_jobs(JobKind.DISAGREEMENT)) == (PostState.PUBLISHED, [])
    assert [one.fate for one in office.decisions.of_post(post)] == [Fate.SETTLED, None]
    office.check()


@pytest.mark.parametrize("first", [Action.APPROVE, Action.REJECT])
@pytest.mark.parametrize("senior", [Action.APPROVE, Action.REJECT])
def test_a_senior_decision_can_turn_what_took_effect(office: Office, first: Action, senior: Action) -> None:
    ada, ben, post = office.person("ada"), office.person("ben"), office.held()
    eve = office.person("eve", role=Role.SENIOR)
    office.decide(ada, office.job(post).id, first, terms=SECOND)
    office.settle(UNDO)
    office.publish(UNDO)
    (second,) = office.open_jobs(JobKind.SECOND)
    office.decide(ben, second.id, Action.REJECT if first is Action.APPROVE else Action.APPROVE, 20)
    office.settle(20 + UNDO)
    before = office.state(post)
    assert before is (PostState.PUBLISHED if first is Action.APPROVE else PostState.REJECTED)
    (disagreement,) = office.open_jobs(JobKind.DISAGREEMENT)
    office.decide(eve, disagreement.id, senior, 40)
    office.settle(40 + UNDO)
    office.publish(50)
    expected = {
        (Action.APPROVE, Action.APPROVE): PostState.PUBLISHED,
        (Action.APPROVE, Action.REJECT): PostState.WITHDRAWN,
        (Action.REJECT, Action.APPROVE): PostState.PUBLISHED,
        (Action.REJECT, Action.REJECT): PostState.REJECTED,
    }
    assert office.state(post) is expected[first, senior]
    assert office.posts.is_overturned(post) is ((first, senior) == (Action.REJECT, Action.APPROVE))
    assert office.messages(post).count("post.withdrawn") == ((first, senior) == (Action.APPROVE, Action.REJECT))
    assert office.posts.feed(cursor=None, limit=10).items[:1] == () or office.state(post) is PostState.PUBLISHED
    office.check()


def test_a_whole_cluster_gets_one_second_look(office: Office) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    posts = [office.held(number, pdq=a_pdq(1)) for number in range(3)]
    office.decide(ada, office.job(posts[0]).id, Action.REJECT, 5, terms=DOUBLE)
    office.settle(5 + UNDO)
    (second,) = office.open_jobs(JobKind.SECOND)
    assert (second.posts, office.queue.members(second.id)) == (3, posts)
    office.decide(ben, second.id, Action.REJECT, 20, terms=DOUBLE, exceptions=posts[:1])
    office.settle(20 + UNDO)
    assert [office.state(post) for post in posts] == [PostState.HELD, PostState.REJECTED, PostState.REJECTED]
    (left,) = office.open_jobs(JobKind.SECOND)
    assert (left.post_id, left.posts) == (posts[0], 1)
    with pytest.raises(NotFoundError):
        office.take(ada, left.id, 40)
    office.decide(ben, left.id, Action.REJECT, 40, terms=DOUBLE)
    office.settle(40 + UNDO)
    assert office.state(posts[0]) is PostState.REJECTED
    office.check()


def test_who_decided_before_is_refused_even_with_a_lease(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    office.decide(ada, office.job(post).id, terms=DOUBLE)
    office.settle(UNDO)
    (second,) = office.open_jobs(JobKind.SECOND)
    with office.database.write() as connection:
        (stolen,) = grant(connection, [locked_row(connection, second.id)], ada.id, lease_seconds=LEASE, now=after(20))
    with pytest.raises(ForbiddenError):
        office.decisions.decide(office.submission(stolen, Action.APPROVE), TERMS, person=ada, now=after(21))
    assert office.settle(1000) == []


def test_an_undone_first_decision_opens_no_second_one(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    decided = office.decide(ada, office.job(post).id, terms=DOUBLE)
    office.decisions.undo(decided.batch, person=ada, now=after(1))
    office.settle(1000)
    assert office.open_jobs(JobKind.SECOND) == []
    office.decide(ada, office.job(post).id, at=2000, terms=DOUBLE)
    office.settle(2000 + UNDO)
    assert len(office.open_jobs(JobKind.SECOND)) == 1


def test_kinds_that_compare_nobody_have_no_agreement(office: Office) -> None:
    with pytest.raises(ValueError, match="compare"):
        office.decisions.agreements(JobKind.REVIEW, since=after(0), limit=1)


@pytest.mark.parametrize("audit", [True, False])
@pytest.mark.parametrize("first", [Action.APPROVE, Action.REJECT])
def test_a_disagreement_about_a_cluster_settles_what_was_carried_too(
    office: Office, first: Action, audit: bool
) -> None:
    ada, ben, eve = office.person("ada"), office.person("ben"), office.person("eve", role=Role.SENIOR)
    terms = replace(TERMS, carry_seconds=600.0, second=not audit)
    posts = [office.held(number, pdq=a_pdq(1)) for number in range(2)]
    cluster = office.job(posts[0]).id
    office.decide(ada, cluster, first, 5, terms=terms)
    office.settle(5 + UNDO)
    posts += [office.held(20 + number, pdq=a_pdq(1)) for number in range(2)]
    if audit:
        with office.database.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == cluster).values(audit_rate=1.0))
        posts.append(office.held(25, pdq=a_pdq(1)))
    office.settle(30)
    office.publish(30)
    other = Action.REJECT if first is Action.APPROVE else Action.APPROVE
    (look,) = office.open_jobs(JobKind.AUDIT if audit else JobKind.SECOND)
    office.decide(ben, look.id, other, 40)
    office.settle(40 + UNDO)
    (settling,) = office.open_jobs(JobKind.DISAGREEMENT)
    assert sorted(office.queue.members(settling.id)) == sorted(posts)
    assert settling.posts == len(posts)
    office.decide(eve, settling.id, other, 60)
    office.settle(60 + UNDO)
    office.publish(80)
    gone = {PostState.WITHDRAWN, PostState.REJECTED}
    for post in posts:
        assert (office.state(post) in gone) is (other is Action.REJECT)
        assert (office.state(post) is PostState.PUBLISHED) is (other is Action.APPROVE)
    office.check()
