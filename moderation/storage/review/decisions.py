"""Decisions: taken under a lease, undone while their time runs, settled after it."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from moderation.domain.decision import Decision, Submission
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import AccountId, BatchId, JobId, PostId
from moderation.domain.job import JobKind
from moderation.domain.people import Person
from moderation.domain.quality import ReviewedUnit
from moderation.storage.engine import Database
from moderation.storage.review import agreements, batches, carrying, deciding, decision_rows, settling, undoing
from moderation.storage.review.terms import Decided, RecentBatch, Terms
from moderation.storage.tables import decisions, pending_decisions

__all__ = ["Decided", "DecisionStore", "RecentBatch", "Terms"]

LEASE_SECONDS = 90.0


class DecisionStore:
    """The decisions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(self, submission: Submission, terms: Terms, *, person: Person, now: datetime) -> Decided:
        """Decide a job that the person has; the same batch again changes nothing and answers the same.

        Nothing happens to the posts until the decision settles. Raises `ConflictError` when the job is somebody else's
        or decided, `ForbiddenError` when the person may not decide it, `InvalidInputError` for a submission that does
        not fit the job.
        """
        with self._database.write() as connection:
            return deciding.decide(connection, submission, terms, person=person, now=now)

    def replay(self, submission: Submission, *, person: Person) -> Decided | None:
        """What the same submission did when it came before, or None; changes nothing.

        Raises `ConflictError` when its id was used for another decision, or when what it did was undone.
        """
        with self._database.read() as connection:
            return deciding.replayed(connection, submission, person)

    def undo(
        self, batch: BatchId, *, person: Person, now: datetime, lease_seconds: float = LEASE_SECONDS
    ) -> list[JobId]:
        """Take a decision back before it is effective; the person has the job again. Leads may undo anybody's.

        Posts that joined the cluster meanwhile come along; exceptions stay out. Raises `NotFoundError` for an unknown
        batch or another person's, `ConflictError` when it is too late.
        """
        with self._database.write() as connection:
            return undoing.undo(connection, batch, person=person, lease_seconds=lease_seconds, now=now)

    def settle_due(self, *, limit: int, now: datetime) -> list[PostId]:
        """Let up to `limit` jobs' decisions whose undo window is over take effect; returns the posts they were about.

        Each job is a transaction. Safe with any number of settlers at once, and when it is repeated after a crash.
        A job that cannot be settled does not keep the others waiting: its error is raised once they are done.
        """
        with self._database.read() as connection:
            due = settling.due_jobs(connection, limit=limit, now=now)
            expired = carrying.any_expired(connection, now)
        settled: list[PostId] = []
        problems: list[Exception] = []
        for job_id in due:
            try:
                settled += self._settle(job_id, now)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - raised below
                problems.append(error)
        if expired:
            with self._database.write() as connection:
                carrying.end_expired(connection, now)
        if problems:
            raise problems[0]
        return settled

    def _settle(self, job_id: JobId, now: datetime) -> list[PostId]:
        with self._database.write() as connection:
            return settling.settle(connection, job_id, now=now)

    def of_post(self, post_id: PostId) -> list[Decision]:
        """A post's decisions, oldest first, undone ones too."""
        return self.of_posts([post_id]).get(post_id, [])

    def of_posts(self, post_ids: Collection[PostId]) -> dict[PostId, list[Decision]]:
        """Decisions by post, oldest first; posts without any are absent."""
        found: dict[PostId, list[Decision]] = {}
        with self._database.read() as connection:
            for decision in decision_rows.read(connection, decisions.c.post_id.in_(list(post_ids))):
                found.setdefault(decision.post_id, []).append(decision)
        return found

    def of_job(self, job_id: JobId) -> list[Decision]:
        """A job's decisions, oldest first."""
        with self._database.read() as connection:
            return decision_rows.read(connection, decisions.c.job_id == job_id)

    def recent(self, account: AccountId, *, limit: int, now: datetime) -> list[RecentBatch]:
        """The person's newest submissions, newest first."""
        with self._database.read() as connection:
            return batches.recent(connection, account, limit=limit, now=now)

    def pending(self) -> int:
        """How many decisions wait to settle."""
        query = select(func.count()).select_from(pending_decisions)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def agreements(self, kind: JobKind, *, since: datetime, limit: int) -> list[ReviewedUnit]:
        """Up to `limit` posts, newest first, that were rated twice: kind second, audit or gold."""
        with self._database.read() as connection:
            return agreements.read(connection, kind, since=since, limit=limit)
