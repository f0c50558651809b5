"""One decision on one job: who may take it, what it changes at once, and how it is taken back."""

from dataclasses import replace

import pytest

from moderation.domain.decision import Action, Fate, Source
from moderation.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from moderation.domain.ids import BatchId, JobId, PostId
from moderation.domain.job import JobKind, JobState, LeaseRef
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.storage.audit import AuditStore
from tests.factories import after
from tests.storage.review.office import TERMS, UNDO, Office
from tests.storage.tampering import run


def test_nothing_happens_to_the_post_before_the_decision_settles(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    decided = office.decide(ada, office.job(post).id)
    (decision,) = decided.decisions
    assert (decision.post_id, decision.account, decision.action) == (post, ada.id, Action.APPROVE)
    assert (decision.source, decision.kind, decision.binding) == (Source.PERSON, JobKind.REVIEW, True)
    assert (decision.fate, decision.note, decision.seconds) == (None, "what I saw", 12.5)
    assert decided.effective_at == after(UNDO)
    assert not decided.replayed
    assert office.settle(UNDO - 0.001) == []
    assert (office.state(post), office.publish(UNDO)) == (PostState.HELD, [])
    assert office.job(post).state is JobState.DECIDED
    assert office.job(post).lease is None
    assert office.decisions.pending() == 1
    assert office.messages(post) == ["post.held"]


def test_an_approval_settles_and_the_post_is_published(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    office.decide(ada, office.job(post).id)
    assert office.settle(UNDO) == [post]
    assert office.state(post) is PostState.APPROVED
    assert office.publish(UNDO) == [post]
    (decision,) = office.decisions.of_post(post)
    assert (decision.fate, decision.fate_at) == (Fate.SETTLED, after(UNDO))
    assert office.job(post).state is JobState.CLOSED
    assert office.job(post).closed_at == after(UNDO)
    assert office.messages(post) == ["post.held", "post.approved", "post.published"]
    kinds = ["post.received", "post.verdict", "decision.made", "post.decided", "post.published"]
    assert office.events(post) == kinds
    assert AuditStore(office.database).about(f"post:{post}")[2].actor == "account:ada"
    assert office.settle(1000) == []
    office.check()


def test_a_rejection_settles_and_tells_why_but_not_the_note(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    office.decide(ada, office.job(post).id, Action.REJECT)
    office.settle(UNDO)
    assert office.state(post) is PostState.REJECTED
    assert office.publish(UNDO) == []
    assert office.messages(post) == ["post.held", "post.rejected"]
    office.check()


def test_the_same_submission_again_changes_nothing(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    job = office.take(ada, office.job(post).id)
    submission = office.submission(job, Action.REJECT)
    first = office.decisions.decide(submission, TERMS, person=ada, now=after(0))
    for at in (1, UNDO + 1):
        again = office.decisions.decide(submission, TERMS, person=ada, now=after(at))
        assert again.replayed
        assert [one.id for one in again.decisions] == [one.id for one in first.decisions]
        assert again.effective_at == first.effective_at
        assert office.decisions.replay(submission, person=ada) == again
        office.settle(UNDO)
    assert len(office.decisions.of_post(post)) == 1
    assert office.counted("decided") == {("spam", "reject"): 1}


def test_a_submission_that_was_undone_is_not_answered_as_if_it_stood(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    submission = office.submission(office.take(ada, office.job(post).id), Action.REJECT)
    decided = office.decisions.decide(submission, TERMS, person=ada, now=after(0))
    office.decisions.undo(decided.batch, person=ada, now=after(1))
    with pytest.raises(ConflictError, match="taken back"):
        office.decisions.decide(submission, TERMS, person=ada, now=after(2))
    with pytest.raises(ConflictError, match="taken back"):
        office.decisions.replay(submission, person=ada)
    office.decide(ada, office.job(post).id, Action.APPROVE, 3)
    office.settle(3 + UNDO)
    assert office.state(post) is PostState.APPROVED


def test_an_id_that_decided_something_else_is_refused(office: Office) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    one, other = office.held(), office.held(1)
    job = office.take(ada, office.job(one).id)
    submission = office.submission(job, Action.APPROVE)
    office.decisions.decide(submission, TERMS, person=ada, now=after(0))
    next_job = office.take(ada, office.job(other).id)
    same_id = replace(office.submission(next_job, Action.APPROVE), batch=submission.batch)
    with pytest.raises(ConflictError):
        office.decisions.decide(same_id, TERMS, person=ada, now=after(1))
    with pytest.raises(ConflictError):
        office.decisions.decide(
            replace(submission, action=Action.REJECT, category="adult", reasons=("nudity",)),
            TERMS,
            person=ada,
            now=after(1),
        )
    with pytest.raises(ConflictError):
        office.decisions.replay(submission, person=ben)
    assert office.state(other) is PostState.HELD


def test_a_lease_decides_even_when_its_time_is_over_but_not_when_somebody_took_the_job(office: Office) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    late, lost = office.held(), office.held(1)
    mine, theirs = office.take(ada, office.job(late).id), office.take(ada, office.job(lost).id)
    office.decisions.decide(office.submission(mine, Action.APPROVE), TERMS, person=ada, now=after(1000))
    office.take(ben, theirs.id, 1000)
    with pytest.raises(ConflictError, match="Somebody else"):
        office.decisions.decide(office.submission(theirs, Action.APPROVE), TERMS, person=ada, now=after(1001))
    assert office.decisions.of_post(lost) == []


def test_only_people_who_may_decide_the_job_do(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    job = office.take(ada, office.job(post).id)
    submission = office.submission(job, Action.APPROVE)
    for person in (
        replace(ada, queues=frozenset({"other"})),
        replace(ada, role=Role.AUDITOR),
        replace(ada, role=Role.ADMIN),
        replace(ada, disabled_at=after(0)),
    ):
        with pytest.raises(ForbiddenError):
            office.decisions.decide(submission, TERMS, person=person, now=after(1))
    assert office.decisions.of_post(post) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": ""},
        {"batch": "x" * 37},
        {"batch": "../../etc/passwd"},
        {"note": "x" * 4_001},
        {"note": "a\0b"},
        {"note": "\ud800"},
        {"action": Action.REJECT, "category": "", "reasons": ("nudity",)},
        {"action": Action.REJECT, "category": "adult", "reasons": ()},
        {"action": Action.UPHOLD},
        {"action": Action.OVERTURN},
        {"reasons": ("",)},
        {"seconds": float("nan")},
        {"exceptions": frozenset({PostId("another")})},
    ],
)
def test_a_submission_that_does_not_fit_is_refused(office: Office, changes: dict[str, object]) -> None:
    ada, post = office.person("ada"), office.held()
    job = office.take(ada, office.job(post).id)
    submission = replace(office.submission(job, Action.APPROVE), **changes)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        office.decisions.decide(submission, TERMS, person=ada, now=after(1))
    assert office.job(post).state is JobState.OPEN


def test_handling_times_stay_within_a_day(office: Office) -> None:
    ada = office.person("ada")
    for given, kept in ((-5.0, 0.0), (1e9, 86_400.0)):
        job = office.take(ada, office.job(office.held()).id)
        submission = replace(office.submission(job, Action.APPROVE), seconds=given)
        (decision,) = office.decisions.decide(submission, TERMS, person=ada, now=after(0)).decisions
        assert decision.seconds == kept


def test_an_undone_decision_leaves_no_trace_but_history(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    decided = office.decide(ada, office.job(post).id, Action.REJECT)
    job_id = office.job(post).id
    assert office.decisions.undo(decided.batch, person=ada, now=after(UNDO - 1)) == [job_id]
    job = office.job(post)
    assert job.state is JobState.OPEN
    assert job.lease is not None
    assert (job.lease.holder, job.lease.expires_at) == (ada.id, after(UNDO - 1 + 90))
    assert office.settle(1000) == []
    assert office.state(post) is PostState.HELD
    (decision,) = office.decisions.of_post(post)
    assert decision.fate is Fate.UNDONE
    assert office.counted("undone") == {("spam", ""): 1}
    again = office.decide(ada, job_id, Action.APPROVE, 20)
    office.settle(20 + UNDO)
    assert office.state(post) is PostState.APPROVED
    assert [one.fate for one in office.decisions.of_post(post)] == [Fate.UNDONE, Fate.SETTLED]
    assert office.decisions.of_job(job_id)[-1].batch == again.batch
    office.check()


def test_undoing_twice_is_undoing_once(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    decided = office.decide(ada, office.job(post).id)
    first = office.decisions.undo(decided.batch, person=ada, now=after(1))
    token = office.job(post).lease
    assert office.decisions.undo(decided.batch, person=ada, now=after(2)) == first
    assert office.job(post).lease == token
    assert len(AuditStore(office.database).about(f"job:{first[0]}")) == 1


@pytest.mark.parametrize("settled", [True, False])
def test_once_its_time_is_over_a_decision_stands(office: Office, settled: bool) -> None:
    ada, post = office.person("ada"), office.held()
    decided = office.decide(ada, office.job(post).id)
    if settled:
        office.settle(UNDO)
    with pytest.raises(ConflictError, match="too late"):
        office.decisions.undo(decided.batch, person=ada, now=after(UNDO))
    office.settle(UNDO)
    assert office.state(post) is PostState.APPROVED


def test_nobody_else_undoes_a_decision_but_leads(office: Office) -> None:
    ada, ben, eve = office.person("ada"), office.person("ben"), office.person("eve", role=Role.SENIOR)
    post = office.held()
    decided = office.decide(ada, office.job(post).id)
    with pytest.raises(NotFoundError):
        office.decisions.undo(decided.batch, person=ben, now=after(1))
    with pytest.raises(NotFoundError):
        office.decisions.undo(BatchId("batch-unknown"), person=eve, now=after(1))
    office.decisions.undo(decided.batch, person=eve, now=after(2))
    assert office.job(post).lease is None
    assert office.take(ben, office.job(post).id, 3).state is JobState.OPEN


def test_an_escalation_moves_the_job_at_once_and_decides_nothing(office: Office) -> None:
    ada, eve, post = office.person("ada"), office.person("eve", role=Role.SENIOR), office.held()
    job_id = office.job(post).id
    (decision,) = office.decide(ada, job_id, Action.ESCALATE).decisions
    assert not decision.binding
    job = office.get(job_id)
    assert (job.state, job.queue, job.severity, job.lease) == (JobState.OPEN, "senior", 80, None)
    assert job.due_at == after(600)
    office.decide(eve, job_id, Action.REJECT, 2)
    assert office.settle(UNDO) == [post]
    assert office.job_states(job_id) == [JobState.DECIDED]
    office.settle(2 + UNDO)
    assert (office.state(post), office.job_states(job_id)) == (PostState.REJECTED, [JobState.CLOSED])
    assert [one.fate for one in office.decisions.of_post(post)] == [None, Fate.SETTLED]
    assert office.decisions.pending() == 0
    office.check()


def test_an_undone_escalation_comes_back_as_it_was(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    before = office.job(post)
    decided = office.decide(ada, before.id, Action.ESCALATE)
    office.decisions.undo(decided.batch, person=ada, now=after(1))
    job = office.get(before.id)
    assert (job.queue, job.severity, job.due_at, job.state) == ("spam", before.severity, before.due_at, JobState.OPEN)
    assert job.lease is not None
    assert job.lease.holder == ada.id


@pytest.mark.parametrize("released", [True, False])
def test_an_escalation_that_somebody_took_stands(office: Office, released: bool) -> None:
    ada, eve, post = office.person("ada"), office.person("eve", role=Role.SENIOR), office.held()
    job_id = office.job(post).id
    decided = office.decide(ada, job_id, Action.ESCALATE)
    lease = office.take(eve, job_id, 1).lease
    assert lease is not None
    if released:
        office.queue.release(LeaseRef(job_id, lease.token), eve.id, after(2))
        office.decisions.undo(decided.batch, person=ada, now=after(3))
        assert office.get(job_id).queue == "spam"
        return
    with pytest.raises(ConflictError, match="too late"):
        office.decisions.undo(decided.batch, person=ada, now=after(3))
    assert office.get(job_id).queue == "senior"


def test_there_may_be_nobody_to_escalate_to(office: Office) -> None:
    ada, post = office.person("ada"), office.held()
    with pytest.raises(InvalidInputError):
        office.decide(ada, office.job(post).id, Action.ESCALATE, terms=replace(TERMS, escalate=None))


def test_decisions_are_counted_with_handling_time_and_lateness(office: Office) -> None:
    ada = office.person("ada")
    for at in (0.0, 4000.0):
        office.decide(ada, office.job(office.held()).id, at=at)
    assert office.counted("decided") == {("spam", "approve"): 2}
    assert office.counted("handling_s") == {("spam", ""): 25}
    assert office.counted("breached") == {("spam", ""): 1}


def test_a_persons_newest_submissions_are_listed(office: Office) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    jobs = [office.job(office.held(number)).id for number in range(4)]
    office.decide(ben, jobs[3])
    batches = [office.decide(ada, job_id, at=number).batch for number, job_id in enumerate(jobs[:3])]
    office.decisions.undo(batches[1], person=ada, now=after(2))
    office.settle(UNDO)
    found = office.decisions.recent(ada.id, limit=10, now=after(UNDO))
    assert [(one.batch, one.fate, one.undoable) for one in found] == [
        (batches[2], None, True),
        (batches[1], Fate.UNDONE, False),
        (batches[0], Fate.SETTLED, False),
    ]
    assert [one.job_id for one in office.decisions.recent(ada.id, limit=1, now=after(UNDO))] == [jobs[2]]
    assert office.decisions.recent(office.person("new").id, limit=5, now=after(0)) == []


def test_an_unknown_job_is_not_found(office: Office) -> None:
    ada = office.person("ada")
    job = replace(office.take(ada, office.job(office.held()).id), id=JobId("none"))
    with pytest.raises(NotFoundError):
        office.decisions.decide(office.submission(job, Action.APPROVE), TERMS, person=ada, now=after(1))


def test_a_job_that_cannot_be_settled_does_not_keep_the_others_waiting(office: Office) -> None:
    ada, broken, sound = office.person("ada"), office.held(), office.held(1)
    office.decide(ada, office.job(broken).id)
    office.decide(ada, office.job(sound).id, at=1)
    run(
        office.database,
        "UPDATE pending_decisions SET follow_up = 'no JSON' WHERE batch = :batch",
        batch=office.decisions.of_post(broken)[0].batch,
    )
    with pytest.raises(ValueError, match="Expecting value"):
        office.settle(20)
    assert (office.state(broken), office.state(sound)) == (PostState.HELD, PostState.APPROVED)
    assert office.publish(21) == [sound]
