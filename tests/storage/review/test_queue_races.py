"""Many people at one queue at once: nobody ever gets a job that somebody else has."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from moderation.domain.errors import ConflictError
from moderation.domain.ids import JobId
from moderation.domain.job import Job, LeaseRef
from moderation.domain.people import Person
from moderation.domain.worker import Worker
from moderation.storage.engine import Database
from moderation.storage.review.queue import JobQueue
from tests.factories import after
from tests.storage.review.jobs import LEASE, a_worker, add_job, add_person

T = TypeVar("T")

PEOPLE = 8
JOBS = 24


def together(acts: list[Callable[[], T]]) -> list[T]:
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, act) for act in acts]]


def ref(job: Job) -> LeaseRef:
    assert job.lease is not None
    return LeaseRef(job.id, job.lease.token)


def test_nobody_gets_a_job_that_somebody_else_has(database: Database) -> None:
    jobs = [add_job(database, severity=number) for number in range(JOBS)]
    queue = JobQueue(database)

    def work(worker: Worker) -> list[JobId]:
        first = queue.next(worker, lease_seconds=LEASE, now=after(1))
        ahead = queue.ahead(worker, count=2, lease_seconds=LEASE, now=after(1))
        return [job.id for job in ([first] if first else [])] + [job.id for job in ahead]

    people = [a_worker(f"person-{number}") for number in range(PEOPLE)]
    found = [job_id for got in together([partial(work, worker) for worker in people]) for job_id in got]
    assert Counter(found) == Counter(jobs)
    for worker in people:
        assert len(queue.mine(worker.account, after(2)).leased) == JOBS // PEOPLE


def test_of_several_who_open_the_same_job_one_gets_it(database: Database) -> None:
    queue = JobQueue(database)
    people = [a_worker(f"person-{number}") for number in range(4)]

    def take(worker: Worker, job_id: JobId) -> bool:
        try:
            return ref(queue.take(worker, job_id, lease_seconds=LEASE, now=after(1))).job_id == job_id
        except ConflictError:
            return False

    for _ in range(4):
        job_id = add_job(database)
        assert sorted(together([partial(take, who, job_id) for who in people])) == [False] * 3 + [True]


def test_an_expired_lease_is_renewed_or_taken_but_not_both(database: Database) -> None:
    queue, ada, ben = JobQueue(database), a_worker("ada"), a_worker("ben")

    def renew(held: LeaseRef) -> bool:
        return bool(queue.heartbeat(ada.account, [held], lease_seconds=LEASE, now=after(1000)))

    def steal() -> bool:
        return queue.next(ben, lease_seconds=LEASE, now=after(1000)) is not None

    for _ in range(6):
        add_job(database)
        mine = queue.next(ada, lease_seconds=LEASE, now=after(1))
        assert mine is not None

        acts: list[Callable[[], bool]] = [partial(renew, ref(mine)), steal]
        assert sorted(together(acts)) == [False, True]
        holder = ada if queue.mine(ada.account, after(1000)).leased else ben
        (job,) = queue.mine(holder.account, after(1000)).leased
        queue.skip(ref(job), holder.account, reason="next", now=after(1001))
        other = ben if holder is ada else ada
        left = queue.next(other, lease_seconds=LEASE, now=after(1002))
        assert left is not None
        queue.skip(ref(left), other.account, reason="next", now=after(1003))


def test_everybody_moving_jobs_at_once_neither_blocks_nor_loses_one(database: Database) -> None:
    """Skips, holds, hand-overs, heartbeats and takes on one set of jobs; each job ends where exactly one act put it."""
    people = [add_person(database, f"person-{number}") for number in range(4)]
    jobs = [add_job(database) for _ in range(8)]
    queue = JobQueue(database)

    def work(number: int, person: Person) -> int:
        worker, done = Worker.of(person), 0
        for step in range(8):
            job = queue.next(worker, lease_seconds=LEASE, now=after(step))
            if job is None:
                continue
            done += 1
            queue.ahead(worker, count=2, lease_seconds=LEASE, now=after(step))
            act = (number + step) % 4
            if act == 0:
                queue.skip(ref(job), person.id, reason="no", now=after(step))
            elif act == 1:
                queue.hold(ref(job), person.id, wake_at=after(step + 0.5), note="", now=after(step))
            elif act == 2:
                queue.release(ref(job), person.id, after(step))
            else:
                queue.heartbeat(person.id, [ref(job)], lease_seconds=LEASE, now=after(step))
        return done

    done = together([partial(work, number, who) for number, who in enumerate(people)])
    assert sum(done) > 0
    assert [item.open for item in queue.counts(["spam"], after(100))] == [len(jobs)]
    holders = [job.id for person in people for job in queue.mine(person.id, after(8)).leased]
    assert len(holders) == len(set(holders))
