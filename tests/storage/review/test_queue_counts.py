"""What waits, in numbers and page by page, and that no number of rows makes a page slower than another."""

import pytest
from sqlalchemy import event

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import JobId
from moderation.domain.priority import priority
from moderation.storage.engine import Database
from moderation.storage.review.counting import QueueCount
from moderation.storage.review.queue import JobQueue, Worker
from tests.factories import NOW, after
from tests.storage.review.jobs import LEASE, add_job, add_person, post_of_job
from tests.storage.review.test_queue_moves import taken


def test_counts_tell_what_waits_in_each_queue(database: Database) -> None:
    queue, ada = JobQueue(database), add_person(database, "ada")
    add_job(database, severity=90, now=after(-100))
    add_job(database, severity=80, service_seconds=60, now=after(-200))
    add_job(database, severity=1)
    add_job(database, queue="adult")
    queue.hold(taken(queue, ada, 1), ada.id, wake_at=after(500), note="", now=after(2))
    taken(queue, ada, 3)
    spam = QueueCount("spam", 3, 1, 1, 1, after(-200), after(-140))
    adult = QueueCount("adult", 1, 0, 0, 0, NOW, after(3600))
    assert queue.counts(["spam", "empty"], after(4)) == [QueueCount("empty"), spam]
    assert queue.counts(None, after(4)) == [adult, spam]
    assert queue.counts([], after(4)) == []
    later = queue.counts(["spam"], after(4000))[0]
    assert (later.leased, later.on_hold, later.overdue) == (0, 0, 3)


def walk(queue: JobQueue, limit: int) -> list[JobId]:
    found: list[JobId] = []
    cursor = None
    while True:
        page = queue.page("spam", cursor=cursor, limit=limit)
        found += [job.id for job in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_pages_are_in_the_order_of_priority(database: Database) -> None:
    queue = JobQueue(database)
    for number in range(7):
        add_job(database, severity=number % 3 * 20, service_seconds=600 * (number % 2 + 1), now=after(number % 4 * 60))
    add_job(database, queue="adult")
    every = queue.page("spam", cursor=None, limit=100).jobs
    points = [priority(job.urgency, after(10**5)).points for job in every]
    assert points == sorted(points, reverse=True)
    assert len(every) == 7
    for limit in (1, 2, 3, 7):
        assert walk(queue, limit) == [job.id for job in every]
    worker = Worker.of(add_person(database, "ada"))
    first = queue.next(worker, lease_seconds=LEASE, now=after(700))
    assert first is not None
    assert first.id == every[0].id


def test_a_page_of_one_category(database: Database) -> None:
    queue = JobQueue(database)
    add_job(database)
    spam = add_job(database, category="spam")
    assert [job.id for job in queue.page("spam", cursor=None, limit=5, category="spam").jobs] == [spam]


@pytest.mark.parametrize("cursor", ["", "x", "jobs", "am9iczpuYW46eA", "am9iczphOmI", "\0", "am9iczoxOngA"])
def test_a_cursor_that_no_page_gave_out_is_refused(database: Database, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        JobQueue(database).page("spam", cursor=cursor, limit=5)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_a_sensible_length(database: Database, limit: int) -> None:
    with pytest.raises(InvalidInputError):
        JobQueue(database).page("spam", cursor=None, limit=limit)


def test_what_a_job_consists_of(database: Database) -> None:
    queue = JobQueue(database)
    job_id = add_job(database)
    job = queue.get(job_id)
    assert job is not None
    assert (job.reach, job.posts, job.due_at) == (12, 1, after(3600))
    assert queue.members(job_id) == [post_of_job(database, job_id)]
    assert queue.get(JobId("none")) is None
    assert queue.members(JobId("none")) == []


def statements(database: Database, queue: JobQueue, worker: Worker) -> int:
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(database._engine, "before_cursor_execute", note)
    try:
        queue.counts(None, after(4))
        queue.page("spam", cursor=None, limit=50)
        queue.mine(worker.account, after(4))
        queue.next(worker, lease_seconds=LEASE, now=after(4))
        queue.ahead(worker, count=1, lease_seconds=LEASE, now=after(4))
    finally:
        event.remove(database._engine, "before_cursor_execute", note)
    return len(seen)


def test_the_number_of_statements_does_not_grow_with_the_number_of_jobs(database: Database) -> None:
    queue = JobQueue(database)
    for _ in range(3):
        add_job(database)
    few = statements(database, queue, Worker.of(add_person(database, "ada")))
    for _ in range(60):
        add_job(database)
    assert statements(database, queue, Worker.of(add_person(database, "ben"))) == few
