"""What becomes of a job when posts of it are withdrawn, on both databases."""

import pytest

from moderation.domain.ids import PostId
from moderation.domain.job import JobKind, JobState
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.retroaction_acts import lock_jobs
from moderation.storage.retroaction_ending import leave_jobs
from tests.factories import after
from tests.storage.review.office import Office
from tests.storage.review.picture_rows import a_pdq
from tests.storage.tampering import run


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def leave(office: Office, *post_ids: PostId, at: float = 10) -> None:
    with office.database.write() as connection:
        waiting = lock_jobs(connection, post_ids)
        leave_jobs(connection, [(one, waiting[one]) for one in post_ids], "sweep-1", now=after(at))


def told(office: Office, job_id: str) -> list[tuple[str, object]]:
    events = AuditStore(office.database).about(f"job:{job_id}")
    return [(one.kind, one.payload["posts"]) for one in events if one.actor == "sweep:sweep-1"]


def test_the_others_of_a_job_still_wait_and_the_last_one_closes_it(office: Office) -> None:
    first, second, third = (office.held(number, pdq=a_pdq(1)) for number in range(3))
    job = office.job(first)
    assert (job.posts, job.post_id) == (3, first)
    office.take(office.person("ada"), job.id, 5)
    leave(office, first)
    left = office.get(job.id)
    assert (left.state, left.posts, left.post_id) == (JobState.OPEN, 2, second)
    assert left.lease is not None, "whoever has it decides on the rest"
    leave(office, second, third)
    closed = office.get(job.id)
    assert (closed.state, closed.closed_at, closed.lease) == (JobState.CLOSED, after(10), None)
    assert told(office, job.id) == [("job.posts_left", 1), ("job.closed", 2)]
    assert AuditStore(office.database).verify().problem is None


def test_later_like_posts_open_a_job_of_their_own(office: Office) -> None:
    first = office.held(0, pdq=a_pdq(1))
    closed = office.job(first).id
    leave(office, first)
    assert office.job(office.held(20, pdq=a_pdq(1))).id != closed


def test_what_asks_about_an_earlier_decision_stays(office: Office) -> None:
    post = office.held()
    run(office.database, f"UPDATE jobs SET kind = '{JobKind.SECOND}'")
    leave(office, post)
    assert office.job(post).state is JobState.OPEN
