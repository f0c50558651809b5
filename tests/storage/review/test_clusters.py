"""Near-duplicates: one job, exceptions, later arrivals, and the audit of what was carried to them."""

from dataclasses import replace

import pytest

from moderation.domain.cluster import WITH_WORDS, bands, distance_bits
from moderation.domain.decision import Action, Fate, Source
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import PostId
from moderation.domain.job import JobKind, JobState
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.storage.review import clusters, settling
from moderation.storage.review.clusters import drawn
from moderation.storage.review.plans import PlanStore
from tests.factories import after
from tests.storage.review.jobs import LEASE
from tests.storage.review.office import CARRIED, DOUBLE, TERMS, UNDO, Office
from tests.storage.review.picture_rows import a_pdq
from tests.storage.tampering import count, scalar

PDQ = a_pdq(1)
NEAR = a_pdq(1, flipped=15)
FAR = a_pdq(1, flipped=16)
OTHER = a_pdq(2)
AUDITED = replace(CARRIED, audit_rate=1.0)


def members(office: Office, post: PostId) -> list[PostId]:
    return office.queue.members(office.job(post).id)


def test_near_pictures_on_the_same_grounds_are_one_job(office: Office) -> None:
    first = office.held(pdq=PDQ)
    second, third = office.held(1, pdq=NEAR), office.held(2, pdq=PDQ)
    alone = [
        office.held(3, pdq=FAR),
        office.held(4, pdq=PDQ, basis="other grounds"),
        office.held(5, pdq=PDQ, category="violence"),
        office.held(6, pdq=OTHER),
        office.held(7),
    ]
    assert members(office, first) == sorted([first, second, third])
    assert office.job(first).posts == 3
    assert [members(office, post) for post in alone] == [[post] for post in alone]
    assert office.job(first).category == "adult"
    office.check()


def test_a_cluster_is_decided_once_and_undone_as_one(office: Office) -> None:
    ada = office.person("ada")
    posts = [office.held(number, pdq=PDQ) for number in range(3)]
    job_id = office.job(posts[0]).id
    decided = office.decide(ada, job_id, Action.REJECT, 5)
    assert sorted(one.post_id for one in decided.decisions) == posts
    office.decisions.undo(decided.batch, person=ada, now=after(6))
    assert all(office.decisions.of_post(post)[0].fate is Fate.UNDONE for post in posts)
    office.decide(ada, job_id, Action.REJECT, 7)
    assert sorted(office.settle(7 + UNDO)) == posts
    assert {office.state(post) for post in posts} == {PostState.REJECTED}
    assert office.counted("decided") == {("spam", "reject"): 2}
    office.check()


def test_exceptions_wait_for_a_decision_of_their_own(office: Office) -> None:
    ada = office.person("ada")
    first, second, third = (office.held(number, pdq=PDQ) for number in range(3))
    before = office.job(first)
    decided = office.decide(ada, before.id, Action.APPROVE, 5, exceptions=[first, second], terms=CARRIED)
    assert [one.post_id for one in decided.decisions] == [third]
    assert office.get(before.id).post_id == third
    assert office.queue.members(before.id) == [third]
    for post in (first, second):
        job = office.job(post)
        assert (job.queue, job.category, job.reason, job.due_at) == (
            before.queue,
            before.category,
            before.reason,
            before.due_at,
        )
        assert (job.kind, job.state, job.posts) == (JobKind.REVIEW, JobState.OPEN, 1)
    office.decisions.undo(decided.batch, person=ada, now=after(6))
    assert office.queue.members(before.id) == [third]
    office.decide(ada, before.id, Action.APPROVE, 7)
    office.settle(7 + UNDO)
    assert [office.state(post) for post in (first, second, third)] == [
        PostState.HELD,
        PostState.HELD,
        PostState.APPROVED,
    ]
    office.check()


def test_a_cluster_cannot_be_all_exceptions(office: Office) -> None:
    ada, post = office.person("ada"), office.held(pdq=PDQ)
    with pytest.raises(InvalidInputError):
        office.decide(ada, office.job(post).id, exceptions=[post])


def test_nothing_joins_a_job_that_somebody_looks_at(office: Office) -> None:
    ada, first = office.person("ada"), office.held(pdq=PDQ)
    job = office.take(ada, office.job(first).id)
    second = office.held(1, pdq=PDQ)
    assert members(office, first) == [first]
    assert members(office, second) == [second]
    decided = office.decisions.decide(office.submission(job, Action.APPROVE), TERMS, person=ada, now=after(2))
    assert [one.post_id for one in decided.decisions] == [first]


def test_a_lease_that_ran_out_ends_when_a_post_joins(office: Office) -> None:
    ada, first = office.person("ada"), office.held(pdq=PDQ)
    job = office.take(ada, office.job(first).id)
    second = office.held(LEASE, pdq=PDQ)
    assert members(office, first) == [first, second]
    with pytest.raises(Exception, match="no longer yours"):
        office.decisions.decide(office.submission(job, Action.APPROVE), TERMS, person=ada, now=after(LEASE + 1))


@pytest.mark.parametrize("action", [Action.APPROVE, Action.REJECT])
def test_a_later_post_takes_the_decision_for_a_while(office: Office, action: Action) -> None:
    ada, first = office.person("ada"), office.held(pdq=PDQ)
    batch = office.decide(ada, office.job(first).id, action, terms=CARRIED).batch
    office.settle(UNDO)
    later = office.held(100, pdq=NEAR)
    (decision,) = office.decisions.of_post(later)
    assert (decision.source, decision.account, decision.batch) == (Source.CARRIED, ada.id, batch)
    assert (decision.action, decision.binding, decision.note) == (action, True, "")
    assert office.state(later) is PostState.HELD
    assert office.settle(100) == [later]
    assert office.state(later) is office.state(first)
    assert office.counted("carried") == {("spam", action.value): 1}
    assert office.publish(101) == ([first, later] if action is Action.APPROVE else [])
    assert "decision.carried" in office.events(later)
    too_late = office.held(UNDO + 600, pdq=PDQ)
    assert office.decisions.of_post(too_late) == []
    assert office.job(too_late).state is JobState.OPEN
    office.check()


def test_a_later_post_comes_along_when_the_cluster_is_undone(office: Office) -> None:
    ada, first = office.person("ada"), office.held(pdq=PDQ)
    batch = office.decide(ada, office.job(first).id, Action.APPROVE, terms=CARRIED).batch
    later = office.held(3, pdq=PDQ)
    assert office.decisions.of_post(later)[0].effective_at == after(UNDO)
    office.decisions.undo(batch, person=ada, now=after(4))
    assert office.settle(1000) == []
    assert office.decisions.of_post(later)[0].fate is Fate.UNDONE
    assert office.queue.members(office.job(first).id) == [first, later]
    office.decide(ada, office.job(first).id, Action.REJECT, 5, terms=CARRIED)
    office.settle(5 + UNDO)
    assert (office.state(first), office.state(later)) == (PostState.REJECTED, PostState.REJECTED)
    office.check()


def test_gravest_and_double_decisions_are_never_carried(office: Office) -> None:
    ada = office.person("ada")
    for terms, pdq in ((TERMS, PDQ), (replace(DOUBLE, carry_seconds=600.0), OTHER)):
        first = office.held(pdq=pdq)
        office.decide(ada, office.job(first).id, Action.REJECT, terms=terms)
        during = office.held(1, pdq=pdq)
        office.settle(UNDO)
        later = office.held(100, pdq=pdq)
        assert office.decisions.of_posts([during, later]) == {}
        assert office.state(later) is PostState.HELD


@pytest.mark.parametrize(("basis", "carried"), [("picture", False), (f"{WITH_WORDS}same", True)])
def test_a_rejection_for_words_is_carried_only_to_the_same_words(office: Office, basis: str, carried: bool) -> None:
    ada, first = office.person("ada"), office.held(pdq=PDQ, basis=basis)
    office.decide(ada, office.job(first).id, Action.REJECT, terms=replace(CARRIED, for_words=True))
    office.settle(UNDO)
    later = office.held(100, pdq=PDQ, basis=basis)
    assert bool(office.decisions.of_post(later)) is carried


def test_a_post_that_looks_like_an_exception_takes_nothing(office: Office) -> None:
    ada = office.person("ada")
    first, odd = office.held(pdq=PDQ), office.held(1, pdq=NEAR)
    office.decide(ada, office.job(first).id, Action.APPROVE, 2, exceptions=[odd], terms=CARRIED)
    office.settle(2 + UNDO)
    again = office.held(100, pdq=NEAR)
    assert office.decisions.of_post(again) == []
    like_the_cluster = office.held(101, pdq=PDQ)
    assert office.decisions.of_post(like_the_cluster) != []
    office.check()


def test_when_the_first_post_is_the_exception_nothing_is_carried(office: Office) -> None:
    ada = office.person("ada")
    first, second = office.held(pdq=PDQ), office.held(1, pdq=NEAR)
    office.decide(ada, office.job(first).id, Action.APPROVE, 2, exceptions=[first], terms=CARRIED)
    office.settle(2 + UNDO)
    assert office.state(second) is PostState.APPROVED
    for number, pdq in enumerate((PDQ, NEAR)):
        assert office.decisions.of_post(office.held(100 + number, pdq=pdq)) == []


def test_a_sampled_share_waits_for_somebody_else_who_agrees(office: Office) -> None:
    ada, ben, first = office.person("ada"), office.person("ben"), office.held(pdq=PDQ)
    office.decide(ada, office.job(first).id, Action.REJECT, terms=AUDITED)
    office.settle(UNDO)
    later = office.held(100, pdq=PDQ)
    job = office.job(later)
    assert (job.kind, job.shown_kind) == (JobKind.AUDIT, JobKind.REVIEW)
    assert office.decisions.of_post(later) == []
    with pytest.raises(Exception, match="no job"):
        office.take(ada, job.id, 101)
    (decision,) = office.decide(ben, job.id, Action.REJECT, 101).decisions
    assert decision.binding
    office.settle(101 + UNDO)
    assert office.state(later) is PostState.REJECTED
    assert office.counted("reviewed") == {("audit agreed", "adult"): 1}
    (unit,) = office.decisions.agreements(JobKind.AUDIT, since=after(0), limit=10)
    assert unit.ratings == {ada.id: "reject:adult", ben.id: "reject:adult"}
    assert office.job(office.held(200, pdq=PDQ)).kind is JobKind.AUDIT
    office.check()


def test_an_audit_that_sees_it_differently_ends_the_carrying(office: Office) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    eve, first = office.person("eve", role=Role.SENIOR), office.held(pdq=PDQ)
    office.decide(ada, office.job(first).id, Action.APPROVE, terms=AUDITED)
    office.settle(UNDO)
    later = office.held(100, pdq=PDQ)
    (decision,) = office.decide(ben, office.job(later).id, Action.REJECT, 101).decisions
    assert not decision.binding
    office.settle(101 + UNDO)
    assert office.state(later) is PostState.HELD
    (disagreement,) = office.open_jobs(JobKind.DISAGREEMENT)
    assert disagreement.post_id == later
    assert count(office.database, "cluster_bands") == 0
    assert office.job(office.held(200, pdq=PDQ)).kind is JobKind.REVIEW
    office.decide(eve, disagreement.id, Action.REJECT, 201)
    office.settle(201 + UNDO)
    assert (office.state(later), office.state(first)) == (PostState.REJECTED, PostState.REJECTED)
    office.check()


def test_clusters_whose_time_is_over_leave_the_index(office: Office) -> None:
    ada, first = office.person("ada"), office.held(pdq=PDQ)
    office.decide(ada, office.job(first).id, terms=CARRIED)
    office.settle(UNDO)
    assert count(office.database, "cluster_bands") == 16
    office.settle(UNDO + 599)
    assert count(office.database, "cluster_bands") == 16
    office.settle(UNDO + 600)
    assert count(office.database, "cluster_bands") == 0
    assert scalar(office.database, "SELECT count(*) FROM jobs WHERE carry_until IS NOT NULL") == 0


def test_the_sampled_share_is_of_the_wanted_size_and_always_the_same() -> None:
    ids = [f"post-{number}" for number in range(2000)]
    assert not any(drawn(one, 0.0) for one in ids)
    assert all(drawn(one, 1.0) for one in ids)
    share = sum(drawn(one, 0.25) for one in ids) / len(ids)
    assert 0.2 < share < 0.3
    assert [drawn(one, 0.25) for one in ids] == [drawn(one, 0.25) for one in ids]


def test_the_hashes_of_these_tests_are_as_far_apart_as_they_say() -> None:
    assert (distance_bits(PDQ, NEAR), distance_bits(PDQ, FAR)) == (15, 16)
    assert len(bands(PDQ)) == 16


def test_a_full_job_takes_in_no_more_and_the_next_post_begins_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "MOST_POSTS", 2)
    posts = [office.held(number, pdq=PDQ) for number in range(5)]
    assert [members(office, first) for first in posts[::2]] == [posts[:2], posts[2:4], posts[4:]]


def test_a_crowd_that_was_carried_settles_part_by_part(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "AT_ONCE", 2)
    ada, first = office.person("ada"), office.held(pdq=PDQ)
    job_id = office.job(first).id
    office.decide(ada, job_id, Action.APPROVE, 1, terms=CARRIED)
    posts = [first, *(office.held(2 + number, pdq=NEAR) for number in range(4))]
    settled = [office.settle(20) for _ in range(4)]
    assert [len(some) for some in settled] == [2, 2, 1, 0]
    assert first in settled[0]
    assert sorted(post for some in settled for post in some) == sorted(posts)
    assert {office.state(post) for post in posts} == {PostState.APPROVED}
    assert office.get(job_id).state is JobState.CLOSED
    office.check()


@pytest.mark.parametrize("settled", [True, False])
def test_a_decision_on_the_terms_of_an_older_plan_is_carried_no_more(office: Office, settled: bool) -> None:
    ada, first = office.person("ada"), office.held(pdq=PDQ)
    office.decide(ada, office.job(first).id, Action.APPROVE, 1, terms=CARRIED)
    if settled:
        office.settle(1 + UNDO)
    PlanStore(office.database).save("a new plan", person=ada, now=after(10), expected=0)
    later = office.held(11, pdq=PDQ)
    assert office.decisions.of_post(later) == []
    assert office.job(later).state is JobState.OPEN
    office.decide(ada, office.job(later).id, Action.APPROVE, 12, terms=CARRIED)
    (carried,) = office.decisions.of_post(office.held(13, pdq=PDQ))
    assert carried.source is Source.CARRIED
    office.check()


@pytest.mark.parametrize("second", [Action.APPROVE, Action.REJECT])
def test_an_audit_of_a_decision_that_was_undone_is_a_first_look(office: Office, second: Action) -> None:
    ada, ben, first = office.person("ada"), office.person("ben"), office.held(pdq=PDQ)
    decided = office.decide(ada, office.job(first).id, Action.APPROVE, 1, terms=AUDITED)
    audited = office.held(2, pdq=PDQ)
    office.decisions.undo(decided.batch, person=ada, now=after(3))
    office.decide(ada, office.job(first).id, Action.REJECT, 4)
    office.settle(4 + UNDO)
    (audit,) = office.open_jobs(JobKind.AUDIT)
    office.decide(ben, audit.id, second, 20)
    office.settle(20 + UNDO)
    assert office.state(audited) is (PostState.APPROVED if second is Action.APPROVE else PostState.REJECTED)
    assert office.open_jobs(JobKind.DISAGREEMENT) == []
    assert office.decisions.agreements(JobKind.AUDIT, since=after(0), limit=10) == []
    office.check()
