"""Gold items: chosen by leads, hidden among a person's jobs, and compared with the right answer."""

import uuid
from dataclasses import replace

import pytest

from moderation.domain.decision import Action
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.job import Job, JobKind, JobState, LeaseRef
from moderation.domain.people import Person, Role
from moderation.domain.post import PostState
from moderation.domain.quality import GOLD_RATER, GoldItem
from moderation.domain.verdict import Verdict
from moderation.domain.worker import Worker
from moderation.storage.review.standing import Standing
from tests.factories import after
from tests.storage.review.jobs import LEASE
from tests.storage.review.office import TERMS, UNDO, Office
from tests.storage.tampering import run


def a_gold(
    office: Office, lead: Person, post: PostId, *, action: Action = Action.REJECT, queue: str = "spam"
) -> GoldItem:
    category = "adult" if action is Action.REJECT else ""
    return office.gold.add(
        post, queue=queue, action=action, category=category, note="Because.", person=lead, now=after(100)
    )


@pytest.fixture
def lead(office: Office) -> Person:
    return office.person("lead", role=Role.SENIOR)


@pytest.fixture
def known(office: Office) -> PostId:
    """A post that somebody rejected long ago."""
    post = office.held()
    office.decide(office.person("former"), office.job(post).id, Action.REJECT)
    office.settle(UNDO)
    return post


def asked(office: Office, person: Person, at: float) -> Job:
    assert office.gold.offer(Worker.of(person), now=after(at)) is not None
    job = office.queue.next(Worker.of(person), lease_seconds=LEASE, now=after(at))
    assert job is not None
    assert job.kind is JobKind.GOLD
    return job


def answer(office: Office, person: Person, job: Job, action: Action, at: float, category: str = "adult") -> str:
    submission = office.submission(job, action, category=category)
    return office.decisions.decide(submission, TERMS, person=person, now=after(at)).batch


def test_a_gold_item_looks_like_its_posts_own_job_and_moves_nothing(
    office: Office, lead: Person, known: PostId
) -> None:
    ada, first = office.person("ada"), office.job(known)
    item = a_gold(office, lead, known)
    job = asked(office, ada, 200)
    assert (job.queue, job.category, job.reason, job.severity, job.post_id) == (
        first.queue,
        first.category,
        first.reason,
        first.severity,
        known,
    )
    assert (job.shown_kind, job.posts) == (JobKind.REVIEW, 1)
    answer(office, ada, job, Action.APPROVE, 201)
    assert office.get(job.id).state is JobState.DECIDED
    assert office.gold.results(ada.id, since=after(0)) == []
    office.settle(201 + UNDO)
    assert (office.state(known), office.get(job.id).state) == (PostState.REJECTED, JobState.CLOSED)
    (result,) = office.gold.results(ada.id, since=after(0))
    assert (result.gold_id, result.agreed, result.note) == (item.id, False, "Because.")
    assert (result.expected_action, result.given_action) == (Action.REJECT, Action.APPROVE)
    assert office.counted("reviewed") == {("gold disagreed", "adult"): 1}
    assert office.counted("decided") == {("spam", "reject"): 1}
    assert office.messages(known) == ["post.held", "post.rejected"]
    (unit,) = office.decisions.agreements(JobKind.GOLD, since=after(0), limit=5)
    assert unit.ratings == {GOLD_RATER: "reject:adult", ada.id: "approve"}
    office.check()


def test_a_gold_item_waits_since_when_its_queues_next_job_does(office: Office, lead: Person, known: PostId) -> None:
    ada, a_day = office.person("ada"), 86_400.0
    a_gold(office, lead, known)
    beside = office.job(office.held(150))
    office.held(a_day)
    job = asked(office, ada, a_day + 1)
    assert (job.opened_at, job.due_at, job.urgency) == (beside.opened_at, beside.due_at, beside.urgency)
    milliseconds = uuid.UUID(job.id).int >> 80
    assert milliseconds == int(beside.opened_at.timestamp() * 1000)
    office.check()


def test_a_gold_item_that_may_not_be_shown_is_not_asked(office: Office, lead: Person, known: PostId) -> None:
    worker = Worker.of(office.person("ada"))
    a_gold(office, lead, known)
    assert office.gold.standing(known) == Standing(frozenset({"spam"}), frozenset({"adult"}))
    assert office.gold.offer(worker, now=after(200), may_show=lambda found: "adult" not in found.categories) is None
    assert office.gold.offer(worker, now=after(200), may_show=lambda found: "adult" in found.categories) is not None


@pytest.mark.parametrize(
    ("action", "category", "right"),
    [
        (Action.REJECT, "adult", True),
        (Action.REJECT, "spam", False),
        (Action.APPROVE, "", False),
        (Action.ESCALATE, "", False),
    ],
)
def test_an_answer_is_right_when_action_and_category_are(
    office: Office, lead: Person, known: PostId, action: Action, category: str, right: bool
) -> None:
    ada = office.person("ada")
    a_gold(office, lead, known)
    job = asked(office, ada, 200)
    answer(office, ada, job, action, 201, category=category)
    assert office.get(job.id).queue == "spam"
    office.settle(201 + UNDO)
    (result,) = office.gold.results(None, since=after(0))
    assert (result.account, result.agreed) == (ada.id, right)
    assert office.gold.results(None, since=after(1000)) == []


def test_an_answer_can_be_undone_like_any_other(office: Office, lead: Person, known: PostId) -> None:
    ada = office.person("ada")
    a_gold(office, lead, known)
    job = asked(office, ada, 200)
    batch = office.decisions.decide(office.submission(job, Action.APPROVE), TERMS, person=ada, now=after(201)).batch
    assert office.decisions.undo(batch, person=ada, now=after(202)) == [job.id]
    again = office.get(job.id)
    assert (again.state, again.assigned_to) == (JobState.OPEN, ada.id)
    answer(office, ada, again, Action.REJECT, 203)
    office.settle(1000)
    (result,) = office.gold.results(ada.id, since=after(0))
    assert result.agreed


def test_everybody_is_asked_once(office: Office, lead: Person, known: PostId) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    a_gold(office, lead, known)
    job = asked(office, ada, 200)
    assert office.gold.offer(Worker.of(ada), now=after(200)) is None
    answer(office, ada, job, Action.REJECT, 201)
    for at in (202, 1000):
        office.settle(at)
        assert office.gold.offer(Worker.of(ada), now=after(at)) is None
    other = asked(office, ben, 300)
    assert other.lease is not None
    office.queue.skip(LeaseRef(other.id, other.lease.token), ben.id, reason="seen", now=after(301))
    assert office.gold.offer(Worker.of(ben), now=after(302)) is None
    (item,) = office.gold.list()
    assert item.asked == 1


def test_who_knows_the_answer_is_not_asked(office: Office, lead: Person, known: PostId) -> None:
    (decision,) = office.decisions.of_post(known)
    a_gold(office, lead, known)
    former = Worker(decision.account, "former", frozenset({"spam"}))
    assert office.gold.offer(former, now=after(200)) is None


def test_nobody_is_asked_outside_their_queues_or_what_they_avoid(office: Office, lead: Person, known: PostId) -> None:
    worker = Worker.of(office.person("ada"))
    item = a_gold(office, lead, known)
    assert office.gold.offer(replace(worker, queues=frozenset({"senior"})), now=after(200)) is None
    assert office.gold.offer(replace(worker, queues=frozenset()), now=after(200)) is None
    assert office.gold.offer(replace(worker, avoid=frozenset({"adult"})), now=after(200)) is None
    office.gold.retire(item.id, person=lead, now=after(200))
    office.gold.retire(item.id, person=lead, now=after(201))
    assert office.gold.offer(worker, now=after(202)) is None
    assert office.gold.list() == []
    (retired,) = office.gold.list(retired=True)
    assert retired.retired_at == after(200)
    assert a_gold(office, lead, known).id != item.id


def test_a_post_without_its_picture_is_not_asked_about(office: Office, lead: Person, known: PostId) -> None:
    a_gold(office, lead, known)
    run(office.database, "UPDATE posts SET image_deleted_at = received_at WHERE id = :id", id=known)
    assert office.gold.offer(Worker.of(office.person("ada")), now=after(200)) is None


def test_a_job_of_somebody_elses_gold_item_is_nobodys(office: Office, lead: Person, known: PostId) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    a_gold(office, lead, known)
    job = office.gold.offer(Worker.of(ada), now=after(200))
    assert job is not None
    with pytest.raises(NotFoundError):
        office.take(ben, job.id, 201)
    assert office.queue.next(Worker.of(ben), lease_seconds=LEASE, now=after(201)) is None


def test_only_posts_whose_story_is_over_can_be_gold(office: Office, lead: Person, known: PostId) -> None:
    with pytest.raises(ConflictError):
        a_gold(office, lead, office.held(1))
    with pytest.raises(NotFoundError):
        a_gold(office, lead, PostId("none"))
    a_gold(office, lead, known)
    with pytest.raises(ConflictError, match="already"):
        a_gold(office, lead, known)
    appealed = office.judged(Verdict.REJECT, 2)
    office.appeals.open(appealed, client="client-1", text="Why?", now=after(3))
    with pytest.raises(ConflictError):
        a_gold(office, lead, appealed)


@pytest.mark.parametrize(
    ("queue", "action", "category", "note"),
    [
        ("", Action.APPROVE, "", ""),
        ("spam", Action.APPROVE, "adult", ""),
        ("spam", Action.REJECT, "", ""),
        ("spam", Action.ESCALATE, "", ""),
        ("spam", Action.APPROVE, "", "x" * 4_001),
        ("spam", Action.APPROVE, "", "a\0"),
    ],
)
def test_an_answer_that_nobody_could_give_is_refused(
    office: Office, lead: Person, queue: str, action: Action, category: str, note: str
) -> None:
    post = office.judged(Verdict.REJECT)
    with pytest.raises(InvalidInputError):
        office.gold.add(post, queue=queue, action=action, category=category, note=note, person=lead, now=after(1))


def test_an_unknown_gold_item_cannot_be_retired(office: Office, lead: Person) -> None:
    with pytest.raises(NotFoundError):
        office.gold.retire("none", person=lead, now=after(1))
