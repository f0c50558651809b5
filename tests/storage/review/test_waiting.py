from collections.abc import Callable

import pytest

from moderation.domain.ids import JobId
from moderation.domain.job import JobKind, Route
from moderation.domain.people import Person, Role
from moderation.domain.priority import rank
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.queue import JobQueue
from moderation.storage.review.waiting import MOST_MOVES, WaitingStore
from tests.factories import NOW, a_score, accept, after
from tests.storage.review.jobs import LEASE, a_worker, add_job, add_person, add_special
from tests.storage.tampering import run

ROUTE = Route("adult", 70, 1800.0, language="en", skill="images", rule="certain")


@pytest.fixture
def policy(database: Database) -> Person:
    return add_person(database, "pia", role=Role.POLICY)


def moved(database: Database, person: Person, job: JobId, route: Route = ROUTE) -> bool:
    return WaitingStore(database).move({job: route}, person=person, plan=7, now=after(60)) == [job]


def test_waiting_jobs_come_newest_first_with_the_wanted_signals(database: Database) -> None:
    jobs = [add_job(database, now=after(seconds)) for seconds in (0, 1, 2)]
    found = WaitingStore(database).newest(2, signals={"image_nsfw"})
    assert [item.job.id for item in found] == [jobs[2], jobs[1]]
    newest = found[0]
    assert newest.results == (a_score(),)
    assert (newest.queue, newest.category, newest.rule, newest.complete) == ("spam", "adult", "adult-image", True)
    assert newest.post == PostStore(database).get(newest.post.id)
    assert WaitingStore(database).newest(1, signals=())[0].results == ()
    assert WaitingStore(database).count() == 3


def test_a_post_that_was_never_measured_waits_without_results(database: Database) -> None:
    posts = PostStore(database)
    accept(posts, deadline_seconds=1)
    posts.hold_overdue(now=after(5), limit=10)
    (found,) = WaitingStore(database).newest(10, signals={"image_nsfw"})
    assert (found.results, found.queue, found.rule, found.complete) == ((), "stalled", "", False)


def test_only_reviews_that_nobody_decided_about_count(database: Database) -> None:
    second = add_special(database, JobKind.SECOND)
    assert second not in {item.job.id for item in WaitingStore(database).newest(10, signals=())}
    assert WaitingStore(database).count() == 1


def test_a_job_is_moved_with_its_rank_and_deadline_and_audited(database: Database, policy: Person) -> None:
    job = add_job(database)
    assert moved(database, policy, job)
    after_move = JobQueue(database).get(job)
    assert after_move is not None
    assert (after_move.queue, after_move.severity, after_move.language, after_move.skill) == (
        "adult",
        70,
        "en",
        "images",
    )
    assert (after_move.due_at - after_move.opened_at).total_seconds() == 1800
    event = AuditStore(database).events()[-1]
    assert (event.kind, event.subject, event.actor) == ("job.rerouted", f"job:{job}", "account:pia")
    assert event.payload["from"] == "spam"
    assert (event.payload["to"], event.payload["rule"], event.payload["plan"]) == ("adult", "certain", 7)
    (waiting,) = WaitingStore(database).newest(10, signals=())
    assert waiting.routed_by == "certain"
    with database.read() as connection:
        stored = connection.exec_driver_sql("SELECT rank FROM jobs").scalar_one()
    assert stored == pytest.approx(rank(after_move.urgency))


def test_what_is_there_already_is_left_alone(database: Database, policy: Person) -> None:
    job = add_job(database)
    before = len(AuditStore(database).events())
    assert not moved(database, policy, job, Route("spam", 50, 3600.0))
    assert len(AuditStore(database).events()) == before


def lease(database: Database, job: JobId) -> None:
    JobQueue(database).take(a_worker(), job, lease_seconds=LEASE, now=NOW)


def assign(database: Database, job: JobId) -> None:
    run(database, "UPDATE jobs SET assigned_to = 'somebody' WHERE id = :job", job=job)


def hold(database: Database, job: JobId) -> None:
    run(database, "UPDATE jobs SET held_by = 'somebody' WHERE id = :job", job=job)


def close(database: Database, job: JobId) -> None:
    run(database, "UPDATE jobs SET state = 'closed', closed_at = opened_at WHERE id = :job", job=job)


@pytest.mark.parametrize("occupy", [lease, assign, hold, close])
def test_what_somebody_works_on_stays(
    database: Database, policy: Person, occupy: Callable[[Database, JobId], None]
) -> None:
    job = add_job(database)
    occupy(database, job)
    assert not moved(database, policy, job)
    found = JobQueue(database).get(job)
    assert found is not None
    assert found.queue == "spam"


def test_a_dead_lease_does_not_keep_a_job(database: Database, policy: Person) -> None:
    job = add_job(database)
    JobQueue(database).take(a_worker(), job, lease_seconds=30, now=NOW)
    assert moved(database, policy, job)


def test_no_more_than_a_request_can_do(database: Database, policy: Person) -> None:
    routes = {JobId(str(number)): ROUTE for number in range(MOST_MOVES + 1)}
    with pytest.raises(ValueError, match="at once"):
        WaitingStore(database).move(routes, person=policy, plan=1, now=NOW)
