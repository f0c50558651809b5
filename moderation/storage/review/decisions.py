"""Decisions: taken under a lease, undone while their time runs, settled after it. Each method is one transaction."""

from collections.abc import Collection
from datetime import datetime

from moderation.domain.decision import Decision, Submission
from moderation.domain.ids import AccountId, BatchId, JobId, PostId
from moderation.domain.job import JobKind
from moderation.domain.people import Person
from moderation.domain.quality import ReviewedUnit
from moderation.storage.engine import Database
from moderation.storage.review.terms import Decided, RecentBatch, Terms

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
        raise NotImplementedError

    def undo(
        self, batch: BatchId, *, person: Person, now: datetime, lease_seconds: float = LEASE_SECONDS
    ) -> list[JobId]:
        """Take a decision back before it is effective; the person has the job again. Leads may undo anybody's.

        Posts that joined the cluster meanwhile come along; exceptions stay out. Raises `NotFoundError` for an unknown
        batch or another person's, `ConflictError` when it is too late.
        """
        raise NotImplementedError

    def settle_due(self, *, limit: int, now: datetime) -> list[PostId]:
        """Let up to `limit` jobs' decisions whose undo window is over take effect; returns the posts they were about.

        Safe with any number of settlers at once, and when it is repeated after a crash.
        """
        raise NotImplementedError

    def of_post(self, post_id: PostId) -> list[Decision]:
        """A post's decisions, oldest first, undone ones too."""
        return self.of_posts([post_id]).get(post_id, [])

    def of_posts(self, post_ids: Collection[PostId]) -> dict[PostId, list[Decision]]:
        """Decisions by post, oldest first; posts without any are absent."""
        raise NotImplementedError

    def of_job(self, job_id: JobId) -> list[Decision]:
        """A job's decisions, oldest first."""
        raise NotImplementedError

    def recent(self, account: AccountId, *, limit: int, now: datetime) -> list[RecentBatch]:
        """The person's newest submissions, newest first."""
        raise NotImplementedError

    def pending(self) -> int:
        """How many decisions wait to settle."""
        raise NotImplementedError

    def agreements(self, kind: JobKind, *, since: datetime, limit: int) -> list[ReviewedUnit]:
        """Up to `limit` posts, newest first, that were rated twice: kind second, audit or gold."""
        raise NotImplementedError
