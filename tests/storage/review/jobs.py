"""People and open jobs in a real database, for the tests of review."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select

from moderation.domain.ids import AccountId, JobId, PostId, new_id
from moderation.domain.job import JobKind, Route
from moderation.domain.people import Person, Role
from moderation.domain.post import PostState
from moderation.domain.worker import Worker
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.opening import Opening, open_jobs
from moderation.storage.tables import accounts, jobs, queue_grants
from tests.factories import NOW, a_hold, a_post, a_screening, accept, claim_all

LEASE = 90.0


def add_person(
    database: Database, name: str, *, queues: Collection[str] = ("spam",), role: Role = Role.MODERATOR
) -> Person:
    """An account with grants."""
    account = AccountId(new_id(NOW))
    with database.write() as connection:
        connection.execute(
            insert(accounts).values(
                id=account,
                name=name,
                display_name=name.title(),
                role=role,
                languages="",
                skills="",
                preferences="{}",
                must_change=False,
                recovery_digests="[]",
                created_at=NOW,
            )
        )
        for queue in queues:
            connection.execute(
                insert(queue_grants).values(account_id=account, queue=queue, granted_by="test", granted_at=NOW)
            )
    return Person(account, name, name.title(), role, frozenset(queues))


def a_worker(name: str = "ada", *, queues: Collection[str] = ("spam",), **values: object) -> Worker:
    """A person at work who need not be in the database."""
    return Worker(AccountId(f"id-of-{name}"), name, frozenset(queues), **values)  # type: ignore[arg-type]


def add_job(
    database: Database,
    *,
    queue: str = "spam",
    severity: int = 50,
    service_seconds: float = 3600.0,
    language: str = "",
    skill: str = "",
    category: str = "adult",
    now: datetime = NOW,
) -> JobId:
    """The job of a post that a verdict held."""
    store = PostStore(database)
    post = accept(store, now=now)
    (claim,) = claim_all(store, now=now)
    route = Route(queue, severity, service_seconds, language, skill)
    judgement = replace(a_hold(queue), category=category)
    store.commit([(claim, a_screening(claim, judgement))], now=now, routes={post.id: route})
    return job_of_post(database, post.id)


def add_special(
    database: Database,
    kind: JobKind,
    *,
    queue: str = "spam",
    exclude: tuple[AccountId, ...] = (),
    assigned_to: AccountId | None = None,
    now: datetime = NOW,
) -> JobId:
    """A job of another kind, for a post that waits in the queue `elsewhere`."""
    post_id = post_of_job(database, add_job(database, queue="elsewhere", now=now))
    opening = Opening(
        a_post(post_id=post_id, state=PostState.HELD),
        queue,
        "adult",
        "Look.",
        Route(queue, 50, 3600.0),
        kind=kind,
        exclude=exclude,
        assigned_to=assigned_to,
    )
    with database.write() as connection:
        return open_jobs(connection, [opening], now=now)[0]


def job_of_post(database: Database, post_id: PostId) -> JobId:
    """The only job of a post."""
    with database.read() as connection:
        return JobId(connection.execute(select(jobs.c.id).where(jobs.c.post_id == post_id)).scalar_one())


def post_of_job(database: Database, job_id: JobId) -> PostId:
    """The first post of a job."""
    with database.read() as connection:
        return PostId(connection.execute(select(jobs.c.post_id).where(jobs.c.id == job_id)).scalar_one())
