"""Putting a job aside, handing it to somebody, and what a lead may do."""

from collections.abc import Callable
from datetime import datetime

import pytest

from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AccountId, JobId
from moderation.domain.job import Job, JobKind, LeaseRef
from moderation.domain.people import Person, Role
from moderation.domain.worker import Worker
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.review.moving import HANDED_OVER, MAX_HOLD, WOKEN_ALONE
from moderation.storage.review.queue import JobQueue
from tests.factories import NOW, after
from tests.storage.review.jobs import LEASE, add_job, add_person, add_special
from tests.storage.tampering import run

HOUR = WOKEN_ALONE.total_seconds()
DAY = HANDED_OVER.total_seconds()


def taken(queue: JobQueue, person: Person, seconds: float = 1.0) -> LeaseRef:
    job = queue.next(Worker.of(person), lease_seconds=LEASE, now=after(seconds))
    assert job is not None
    assert job.lease is not None
    return LeaseRef(job.id, job.lease.token)


def offered(queue: JobQueue, person: Person, seconds: float) -> JobId | None:
    job = queue.next(Worker.of(person), lease_seconds=LEASE, now=after(seconds))
    return None if job is None else job.id


def events(database: Database, job_id: JobId) -> list[tuple[str, str]]:
    return [(event.kind, event.actor) for event in AuditStore(database).about(f"job:{job_id}")]


def test_a_job_put_aside_wakes_for_its_holder_first(database: Database) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    job_id = add_job(database)
    queue.hold(taken(queue, ada), ada.id, wake_at=after(600), note="asked policy", now=after(2))
    assert [offered(queue, person, 599) for person in (ada, ben)] == [None, None]
    assert [job.id for job in queue.mine(ada.id, after(599)).on_hold] == [job_id]
    assert [job.id for job in queue.mine(ada.id, after(601)).handed_to_me] == [job_id]
    assert offered(queue, ben, 601) is None
    assert offered(queue, ada, 601) == job_id
    assert events(database, job_id) == [("job.held", "account:ada")]
    assert AuditStore(database).about(f"job:{job_id}")[0].payload["note"] == "asked policy"


def test_an_hour_after_it_woke_it_is_everybodys(database: Database) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    job_id = add_job(database)
    queue.hold(taken(queue, ada), ada.id, wake_at=after(600), note="", now=after(2))
    assert offered(queue, ben, 599 + HOUR) is None
    assert offered(queue, ben, 600 + HOUR) == job_id
    job = queue.get(job_id)
    assert job is not None
    assert (job.held_by, job.wake_at, job.assigned_to) == (None, None, None)


def test_a_job_that_woke_goes_before_more_urgent_ones(database: Database) -> None:
    queue, ada = JobQueue(database), add_person(database, "ada")
    job_id = add_job(database, severity=1)
    queue.hold(taken(queue, ada), ada.id, wake_at=after(600), note="", now=after(2))
    grave = add_job(database, severity=100)
    assert offered(queue, ada, 700) == job_id
    queue.release(taken(queue, ada, 701), ada.id, after(702))
    assert offered(queue, ada, 600 + HOUR + 200) == grave


def test_only_the_holder_wakes_it_early(database: Database) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    job_id = add_job(database)
    queue.hold(taken(queue, ada), ada.id, wake_at=after(600), note="", now=after(2))
    with pytest.raises(ConflictError, match="put this job aside"):
        queue.take(Worker.of(ben), job_id, lease_seconds=LEASE, now=after(3))
    assert queue.take(Worker.of(ada), job_id, lease_seconds=LEASE, now=after(3)).wake_at is None
    assert queue.mine(ada.id, after(4)).on_hold == ()


@pytest.mark.parametrize("wake_at", [NOW, after(2), NOW + MAX_HOLD + (after(3) - NOW)])
def test_a_hold_ends_within_two_weeks(database: Database, wake_at: datetime) -> None:
    queue, ada = JobQueue(database), add_person(database, "ada")
    add_job(database)
    ref = taken(queue, ada)
    with pytest.raises(InvalidInputError):
        queue.hold(ref, ada.id, wake_at=wake_at, note="", now=after(2))
    assert taken(queue, ada, 3) == ref


def test_a_job_handed_over_waits_for_that_person_alone(database: Database) -> None:
    queue = JobQueue(database)
    ada, ben, cleo = (add_person(database, name) for name in ("ada", "ben", "cleo"))
    job_id, other = add_job(database, severity=90, language="es"), add_job(database)
    queue.hand_over(_take(queue, ada, job_id), ada.id, to=ben.id, note="you read it", now=after(2))
    assert [job.id for job in queue.mine(ben.id, after(3)).handed_to_me] == [job_id]
    assert offered(queue, cleo, 3) == other
    with pytest.raises(ConflictError, match="waits for somebody else"):
        queue.take(Worker.of(cleo), job_id, lease_seconds=LEASE, now=after(3))
    assert offered(queue, ben, 4) == job_id
    assert queue.mine(ben.id, after(5)).handed_to_me == ()
    assert [job.id for job in queue.mine(ben.id, after(5)).leased] == [job_id]
    assert events(database, job_id) == [("job.handed_over", "account:ada")]


def test_a_person_who_never_comes_does_not_keep_a_job(database: Database) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    job_id = add_job(database)
    queue.hand_over(taken(queue, ada), ada.id, to=ben.id, note="", now=after(2))
    assert offered(queue, ada, 1 + DAY) is None
    assert offered(queue, ada, 2 + DAY) == job_id


def _take(queue: JobQueue, person: Person, job_id: JobId) -> LeaseRef:
    job: Job = queue.take(Worker.of(person), job_id, lease_seconds=LEASE, now=after(1))
    assert job.lease is not None
    return LeaseRef(job.id, job.lease.token)


def _without_grant(database: Database) -> AccountId:
    return add_person(database, "other", queues=("adult",)).id


def _disabled(database: Database) -> AccountId:
    person = add_person(database, "gone")
    run(database, "UPDATE accounts SET disabled_at = created_at WHERE id = :id", id=person.id)
    return person.id


def _auditor(database: Database) -> AccountId:
    return add_person(database, "auditor", role=Role.AUDITOR).id


def _nobody(_: Database) -> AccountId:
    return AccountId("nobody")


@pytest.mark.parametrize("recipient", [_without_grant, _disabled, _auditor, _nobody])
def test_a_job_is_handed_only_to_who_may_decide_it(
    database: Database, recipient: Callable[[Database], AccountId]
) -> None:
    queue, ada = JobQueue(database), add_person(database, "ada")
    job_id = add_job(database)
    ref, to = taken(queue, ada), recipient(database)
    with pytest.raises(InvalidInputError, match="cannot decide"):
        queue.hand_over(ref, ada.id, to=to, note="", now=after(2))
    with pytest.raises(InvalidInputError, match="cannot decide"):
        queue.assign(job_id, to, actor="account:lead", now=after(2))
    with pytest.raises(InvalidInputError, match="already"):
        queue.hand_over(ref, ada.id, to=ada.id, note="", now=after(2))
    assert taken(queue, ada, 3) == ref
    assert events(database, job_id) == []


def test_who_decided_the_case_cannot_be_handed_its_second_look(database: Database) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    add_special(database, JobKind.SECOND, exclude=(ben.id,))
    with pytest.raises(InvalidInputError, match="cannot decide"):
        queue.hand_over(taken(queue, ada), ada.id, to=ben.id, note="", now=after(2))


def test_a_disagreement_is_handed_to_senior_people_only(database: Database) -> None:
    queue, ada = JobQueue(database), add_person(database, "ada", role=Role.SENIOR)
    ben, cleo = add_person(database, "ben"), add_person(database, "cleo", role=Role.SENIOR)
    add_special(database, JobKind.DISAGREEMENT)
    ref = taken(queue, ada)
    with pytest.raises(InvalidInputError, match="cannot decide"):
        queue.hand_over(ref, ada.id, to=ben.id, note="", now=after(2))
    queue.hand_over(ref, ada.id, to=cleo.id, note="", now=after(2))
    assert offered(queue, cleo, 3) == ref.job_id


def test_a_lead_takes_a_job_from_whoever_has_it(database: Database) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    job_id = add_job(database)
    ref = taken(queue, ada)
    queue.assign(job_id, ben.id, actor="account:lead", now=after(2))
    with pytest.raises(ConflictError, match="no longer yours"):
        queue.release(ref, ada.id, after(3))
    assert offered(queue, ada, 3) is None
    queue.hold(taken(queue, ben, 3), ben.id, wake_at=after(10**6), note="", now=after(4))
    queue.assign(job_id, None, actor="account:lead", now=after(5))
    assert offered(queue, ada, 6) == job_id
    assert events(database, job_id) == [
        ("job.assigned", "account:lead"),
        ("job.held", "account:ben"),
        ("job.assigned", "account:lead"),
    ]
    with pytest.raises(NotFoundError):
        queue.assign(JobId("none"), ben.id, actor="account:lead", now=after(5))


@pytest.mark.parametrize(("state", "says"), [("decided", "is decided"), ("closed", "is closed")])
def test_nothing_is_done_to_a_job_that_is_decided(database: Database, state: str, says: str) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    job_id = add_job(database)
    ref = taken(queue, ada)
    run(database, "UPDATE jobs SET state = :state WHERE id = :id", state=state, id=job_id)
    acts: list[Callable[[], object]] = [
        lambda: queue.release(ref, ada.id, after(3)),
        lambda: queue.skip(ref, ada.id, reason="", now=after(3)),
        lambda: queue.hold(ref, ada.id, wake_at=after(99), note="", now=after(3)),
        lambda: queue.hand_over(ref, ada.id, to=ben.id, note="", now=after(3)),
        lambda: queue.extend(ref, ada.id, seconds=9, now=after(3)),
        lambda: queue.take(Worker.of(ben), job_id, lease_seconds=LEASE, now=after(3)),
        lambda: queue.assign(job_id, ben.id, actor="account:lead", now=after(3)),
    ]
    for act in acts:
        with pytest.raises(ConflictError, match=says):
            act()
    assert queue.heartbeat(ada.id, [ref], lease_seconds=LEASE, now=after(3)) == []
    assert offered(queue, ben, 10**6) is None


def test_giving_back_and_skipping_are_audited(database: Database) -> None:
    queue, ada, ben = JobQueue(database), add_person(database, "ada"), add_person(database, "ben")
    job_id = add_job(database)
    queue.release(taken(queue, ada), ada.id, after(2))
    queue.skip(taken(queue, ben, 3), ben.id, reason="I know them", now=after(4))
    assert events(database, job_id) == [("job.released", "account:ada"), ("job.skipped", "account:ben")]
    assert AuditStore(database).verify().problem is None


@pytest.mark.parametrize("leaving", ["disabled", "no grant", "no moderator"])
def test_what_somebody_has_who_leaves_is_everybodys_again(database: Database, leaving: str) -> None:
    queue, people = JobQueue(database), PeopleStore(database)
    ada, ben = add_person(database, "ada"), add_person(database, "ben")
    cy, job_ids = add_person(database, "cy"), {add_job(database) for _ in range(4)}
    queue.hold(taken(queue, ada), ada.id, wake_at=after(13 * DAY), note="", now=after(2))
    queue.hand_over(taken(queue, ben), ben.id, to=ada.id, note="", now=after(3))
    kept = taken(queue, cy).job_id
    assert offered(queue, ada, 4) is not None
    gold = add_special(database, kind=JobKind.GOLD, assigned_to=ada.id)
    if leaving == "disabled":
        people.disable(ada.id, actor="account:admin", now=after(5))
    elif leaving == "no grant":
        people.set_queues(ada.id, frozenset({"other"}), actor="account:admin", now=after(5))
    else:
        people.set_role(ada.id, Role.POLICY, actor="account:admin", now=after(5))
    first = offered(queue, ben, 6)
    found = queue.ahead(Worker.of(ben), count=9, lease_seconds=LEASE, now=after(7))
    assert {first, *(job.id for job in found)} == job_ids - {kept}
    left = queue.get(gold)
    assert left is not None
    assert left.assigned_to == ada.id
