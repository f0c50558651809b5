"""Who gets which job next, and what ends a lease."""

from dataclasses import replace

import pytest

from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import JobId
from moderation.domain.job import Job, JobKind, LeaseRef
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review import leasing
from moderation.storage.review.queue import JobQueue, Worker
from tests.factories import NOW, accept, after
from tests.storage.review.jobs import LEASE, a_worker, add_job, add_special
from tests.storage.tampering import count

ADA, BEN = a_worker("ada"), a_worker("ben")


def ref(job: Job) -> LeaseRef:
    assert job.lease is not None
    return LeaseRef(job.id, job.lease.token)


def next_id(queue: JobQueue, worker: Worker, seconds: float = 1.0) -> JobId | None:
    job = queue.next(worker, lease_seconds=LEASE, now=after(seconds))
    return None if job is None else job.id


def next_job(queue: JobQueue, worker: Worker, seconds: float = 1.0) -> Job:
    job = queue.next(worker, lease_seconds=LEASE, now=after(seconds))
    assert job is not None
    return job


def test_the_most_urgent_job_comes_first_and_once(database: Database) -> None:
    queue = JobQueue(database)
    mild, grave, urgent = (
        add_job(database, severity=10),
        add_job(database, severity=90),
        add_job(database, severity=10, service_seconds=60),
    )
    people = [a_worker(name) for name in "abcd"]
    assert [next_id(queue, person) for person in people] == [grave, urgent, mild, None]


def test_next_is_the_same_job_until_it_is_left(database: Database) -> None:
    queue = JobQueue(database)
    job_id, other = add_job(database, severity=60), add_job(database)
    first = next_job(queue, ADA, 1)
    again = next_job(queue, ADA, 80)
    assert (first.id, again.id) == (job_id, job_id)
    assert ref(again) == ref(first)
    assert again.lease is not None
    assert again.lease.expires_at == after(80 + LEASE)
    queue.release(ref(again), ADA.account, after(81))
    assert next_id(queue, BEN, 82) == job_id
    assert next_id(queue, ADA, 82) == other


def test_only_granted_queues_are_offered(database: Database) -> None:
    queue = JobQueue(database)
    add_job(database, queue="restricted")
    assert next_id(queue, ADA) is None
    assert next_id(queue, a_worker("nobody", queues=())) is None
    assert next_id(queue, a_worker("carl", queues=("restricted", "spam"))) is not None


@pytest.mark.parametrize(
    ("wanted", "able"),
    [({"language": "es"}, {"languages": frozenset({"es", "de"})}), ({"skill": "law"}, {"skills": frozenset({"law"})})],
)
def test_a_job_goes_to_who_has_the_language_and_the_skill(
    database: Database, wanted: dict[str, str], able: dict[str, frozenset[str]]
) -> None:
    queue = JobQueue(database)
    special = add_job(database, severity=90, **wanted)  # type: ignore[arg-type]
    plain = add_job(database)
    assert next_id(queue, ADA) == plain
    assert next_id(queue, a_worker("ben", **able)) == special


def test_a_category_to_be_avoided_is_not_offered_and_its_lease_ends(database: Database) -> None:
    queue = JobQueue(database)
    adult, spam = add_job(database, severity=90), add_job(database, category="spam")
    tired = replace(ADA, avoid=frozenset({"adult"}))
    job = next_job(queue, ADA)
    assert job.id == adult
    assert next_id(queue, tired, 2) == spam
    assert next_id(queue, BEN, 2) == adult
    with pytest.raises(ConflictError):
        queue.extend(ref(job), ADA.account, seconds=60, now=after(3))
    with pytest.raises(ConflictError, match="working on"):
        queue.take(tired, adult, lease_seconds=LEASE, now=after(3))
    with pytest.raises(ConflictError, match="seen enough"):
        queue.take(tired, adult, lease_seconds=LEASE, now=after(200))


def test_a_grant_that_was_taken_away_ends_the_lease(database: Database) -> None:
    queue = JobQueue(database)
    job = next_job(queue, ADA) if add_job(database) else None
    assert job is not None
    assert next_id(queue, replace(ADA, queues=frozenset({"other"})), 2) is None
    if database.dialect == "postgresql":
        assert next_id(queue, BEN, 2) == job.id
    assert next_id(queue, BEN, 2) == job.id


def test_a_disagreement_is_for_senior_people(database: Database) -> None:
    queue = JobQueue(database)
    job_id = add_special(database, JobKind.DISAGREEMENT)
    assert next_id(queue, ADA) is None
    with pytest.raises(NotFoundError):
        queue.take(ADA, job_id, lease_seconds=LEASE, now=NOW)
    assert next_id(queue, replace(BEN, senior=True)) == job_id


def test_who_decided_before_never_learns_of_the_second_job(database: Database) -> None:
    queue = JobQueue(database)
    job_id = add_special(database, JobKind.SECOND, exclude=(ADA.account,))
    assert next_id(queue, ADA) is None
    with pytest.raises(NotFoundError):
        queue.take(ADA, job_id, lease_seconds=LEASE, now=NOW)
    assert next_job(queue, BEN).shown_kind is JobKind.REVIEW


def test_a_gold_item_is_for_one_person_and_in_no_list(database: Database) -> None:
    queue = JobQueue(database)
    job_id = add_special(database, JobKind.GOLD, assigned_to=ADA.account)
    assert next_id(queue, BEN, 10**7) is None
    with pytest.raises(NotFoundError):
        queue.take(BEN, job_id, lease_seconds=LEASE, now=NOW)
    assert queue.page("spam", cursor=None, limit=10).jobs == ()
    assert [item.open for item in queue.counts(["spam"], NOW)] == [0]
    assert queue.mine(ADA.account, NOW).handed_to_me == ()
    job = next_job(queue, ADA)
    assert job.id == job_id
    queue.skip(ref(job), ADA.account, reason="unclear", now=after(2))
    assert next_id(queue, ADA, 3) is None
    assert next_id(queue, BEN, 3) is None


def test_a_dead_browsers_job_returns_by_itself(database: Database) -> None:
    queue = JobQueue(database)
    job_id = add_job(database)
    left = next_job(queue, ADA, 1)
    assert next_id(queue, BEN, LEASE) is None
    assert next_id(queue, BEN, 1 + LEASE) == job_id
    assert queue.heartbeat(ADA.account, [ref(left)], lease_seconds=LEASE, now=after(100)) == []
    for act in (
        lambda: queue.release(ref(left), ADA.account, after(100)),
        lambda: queue.skip(ref(left), ADA.account, reason="", now=after(100)),
        lambda: queue.hold(ref(left), ADA.account, wake_at=after(200), note="", now=after(100)),
        lambda: queue.hand_over(ref(left), ADA.account, to=BEN.account, note="", now=after(100)),
        lambda: queue.extend(ref(left), ADA.account, seconds=60, now=after(100)),
    ):
        with pytest.raises(ConflictError, match="Somebody else has taken"):
            act()


def test_an_expired_lease_that_nobody_took_runs_on(database: Database) -> None:
    queue = JobQueue(database)
    add_job(database)
    job = next_job(queue, ADA, 1)
    assert queue.heartbeat(ADA.account, [ref(job)], lease_seconds=LEASE, now=after(1000)) == [job.id]
    assert next_id(queue, BEN, 1000 + LEASE - 1) is None
    assert next_id(queue, ADA, 2000) == job.id


def test_the_same_person_gets_an_expired_job_back_under_the_same_token(database: Database) -> None:
    queue = JobQueue(database)
    add_job(database)
    first = next_job(queue, ADA, 1)
    again = next_job(queue, ADA, 5000)
    assert ref(again) == ref(first)


def test_a_heartbeat_tells_what_is_still_mine(database: Database) -> None:
    queue = JobQueue(database)
    for _ in range(3):
        add_job(database)
    mine = queue.ahead(ADA, count=2, lease_seconds=LEASE, now=NOW)
    theirs = next_job(queue, BEN)
    refs = [ref(job) for job in mine]
    wrong = [LeaseRef(theirs.id, "0" * 32), LeaseRef(JobId("no-such-job"), "x"), ref(theirs)]
    beat = queue.heartbeat(ADA.account, [*wrong[:2], *refs], lease_seconds=LEASE, now=after(10))
    assert beat == [job.id for job in mine]
    assert queue.heartbeat(ADA.account, [wrong[2]], lease_seconds=LEASE, now=after(10)) == []
    assert queue.heartbeat(ADA.account, [], lease_seconds=LEASE, now=after(10)) == []


def test_an_extended_lease_is_not_shortened_by_a_heartbeat(database: Database) -> None:
    queue = JobQueue(database)
    add_job(database)
    job = next_job(queue, ADA)
    extended = queue.extend(ref(job), ADA.account, seconds=1800, now=after(2))
    queue.heartbeat(ADA.account, [ref(job)], lease_seconds=LEASE, now=after(10))
    assert extended.lease is not None
    assert extended.lease.expires_at == after(1802)
    assert next_id(queue, BEN, 1801) is None
    assert next_id(queue, BEN, 1802) == job.id


@pytest.mark.parametrize("seconds", [0.0, -1.0, leasing.MAX_LEASE_SECONDS + 1, float("nan"), float("inf")])
def test_a_lease_has_a_sensible_length(database: Database, seconds: float) -> None:
    queue = JobQueue(database)
    add_job(database)
    job = next_job(queue, ADA)
    with pytest.raises(InvalidInputError):
        queue.extend(ref(job), ADA.account, seconds=seconds, now=after(2))
    with pytest.raises(InvalidInputError):
        queue.next(ADA, lease_seconds=seconds, now=NOW)


def test_jobs_ahead_are_leased_up_to_a_number(database: Database) -> None:
    queue = JobQueue(database)
    jobs = [add_job(database, severity=severity) for severity in (90, 80, 70, 60)]
    current = next_job(queue, ADA)
    ahead = queue.ahead(ADA, count=2, lease_seconds=LEASE, now=after(2))
    assert [current.id, *(job.id for job in ahead)] == jobs[:3]
    assert [job.id for job in queue.ahead(ADA, count=2, lease_seconds=LEASE, now=after(3))] == jobs[1:3]
    assert queue.ahead(ADA, count=0, lease_seconds=LEASE, now=after(3)) == []
    queue.skip(ref(current), ADA.account, reason="not mine", now=after(4))
    assert next_id(queue, ADA, 5) == jobs[1]
    named = queue.ahead(ADA, count=2, lease_seconds=LEASE, now=after(6), current=jobs[2])
    assert [job.id for job in named] == [jobs[1], jobs[3]]
    assert next_id(queue, BEN, 7) == jobs[0]


def test_taking_by_address(database: Database) -> None:
    queue = JobQueue(database)
    job_id = add_job(database)
    taken = queue.take(ADA, job_id, lease_seconds=LEASE, now=NOW)
    assert ref(queue.take(ADA, job_id, lease_seconds=LEASE, now=after(5))) == ref(taken)
    with pytest.raises(ConflictError, match="working on"):
        queue.take(BEN, job_id, lease_seconds=LEASE, now=after(6))
    assert queue.take(BEN, job_id, lease_seconds=LEASE, now=after(5 + LEASE)).lease is not None
    with pytest.raises(NotFoundError):
        queue.take(a_worker("eve", queues=("other",)), job_id, lease_seconds=LEASE, now=after(7))
    with pytest.raises(NotFoundError):
        queue.take(ADA, JobId("none"), lease_seconds=LEASE, now=NOW)


def test_a_skipped_job_is_never_offered_to_that_person_again(database: Database) -> None:
    queue = JobQueue(database)
    job_id = add_job(database)
    queue.skip(ref(next_job(queue, ADA)), ADA.account, reason="I know the author", now=after(2))
    assert next_id(queue, ADA, 10**6) is None
    with pytest.raises(NotFoundError):
        queue.take(ADA, job_id, lease_seconds=LEASE, now=after(3))
    assert next_id(queue, BEN, 3) == job_id
    with pytest.raises(InvalidInputError):
        queue.skip(ref(next_job(queue, BEN, 4)), BEN.account, reason="x" * 2001, now=after(5))
    assert next_id(queue, BEN, 6) == job_id


def test_more_than_a_page_of_candidates_that_do_not_suit_hides_nothing(database: Database) -> None:
    """Thirty-three jobs that somebody skipped stand before the one that they may have."""
    queue = JobQueue(database)
    for _ in range(33):
        add_job(database, severity=90)
    last = add_job(database, severity=1)
    for _ in range(33):
        queue.skip(ref(next_job(queue, ADA)), ADA.account, reason="no", now=after(2))
    assert next_id(queue, ADA, 3) == last


def test_a_post_that_was_never_held_makes_no_job(database: Database) -> None:
    accept(PostStore(database))
    assert next_id(JobQueue(database), ADA) is None
    assert count(database, "jobs") == 0
