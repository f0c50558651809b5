"""People who decide posts in a real database, with clocks that tests set: what tests of decisions are written in."""

from collections.abc import Collection
from dataclasses import replace
from itertools import count

from moderation.domain.decision import Action, Submission
from moderation.domain.ids import BatchId, JobId, PostId
from moderation.domain.job import Job, JobKind, JobState, Route
from moderation.domain.people import Person, Role
from moderation.domain.post import PostState
from moderation.domain.signal import Match, PictureHash
from moderation.domain.verdict import Verdict
from moderation.domain.worker import Worker
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from moderation.storage.review.appeals import AppealStore
from moderation.storage.review.counters import CounterStore
from moderation.storage.review.decisions import Decided, DecisionStore, Terms
from moderation.storage.review.gold import GoldStore
from moderation.storage.review.queue import JobQueue
from tests.factories import a_hold, a_score, a_screening, accept, after, claim_all, judgement_of
from tests.storage.review.jobs import LEASE, add_person, job_of_post

UNDO = 8.0
QUEUES = ("spam", "second", "senior", "disagreements", "appeals")
TERMS = Terms(
    undo_seconds=UNDO,
    second_route=Route("second", 50, 3600.0),
    disagreement_route=Route("disagreements", 60, 3600.0),
    escalate=Route("senior", 80, 600.0),
)
CARRIED = replace(TERMS, carry_seconds=600.0)
DOUBLE = replace(TERMS, double=True)
SECOND = replace(TERMS, second=True)
GROUNDS = "the same grounds"


class Office:
    """A database with the stores of review. Times are seconds after `NOW`."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.posts = PostStore(database)
        self.queue = JobQueue(database)
        self.decisions = DecisionStore(database)
        self.gold = GoldStore(database)
        self.appeals = AppealStore(database)
        self.counters = CounterStore(database)
        self._batches = count()

    def person(self, name: str, *, role: Role = Role.MODERATOR, queues: Collection[str] = QUEUES) -> Person:
        return add_person(self.database, name, queues=queues, role=role)

    def held(self, at: float = 0, *, pdq: str | None = None, basis: str = GROUNDS, category: str = "adult") -> PostId:
        """A post that a verdict held in the queue `spam`; with a hash it may share a job with its like."""
        post = accept(self.posts, now=after(at))
        (claim,) = claim_all(self.posts, now=after(at))
        hashes = () if pdq is None else (PictureHash(0, pdq, 90),)
        results = (a_score(), Match("image_match", {"bank_hit": 0}, (), "7", hashes))
        screening = a_screening(claim, replace(a_hold("spam"), category=category), results=results)
        self.posts.commit([(claim, screening)], now=after(at), bases={post.id: basis} if pdq else {})
        return post.id

    def judged(self, verdict: Verdict, at: float = 0) -> PostId:
        """A post that the machine judged."""
        post = accept(self.posts, now=after(at))
        (claim,) = claim_all(self.posts, now=after(at))
        self.posts.commit([(claim, a_screening(claim, judgement_of(verdict)))], now=after(at))
        return post.id

    def job(self, post_id: PostId) -> Job:
        """The only job of the post."""
        return self.get(job_of_post(self.database, post_id))

    def get(self, job_id: JobId) -> Job:
        job = self.queue.get(job_id)
        assert job is not None
        return job

    def open_jobs(self, kind: JobKind) -> list[Job]:
        """Open jobs of a kind, oldest first."""
        found = [job for queue in QUEUES for job in self.queue.page(queue, cursor=None, limit=100).jobs]
        return sorted((job for job in found if job.kind is kind), key=lambda job: job.id)

    def take(self, person: Person, job_id: JobId, at: float = 0) -> Job:
        return self.queue.take(Worker.of(person), job_id, lease_seconds=LEASE, now=after(at))

    def submission(
        self,
        job: Job,
        action: Action,
        *,
        category: str = "adult",
        exceptions: Collection[PostId] = (),
        batch: str = "",
        queue: str = "",
    ) -> Submission:
        assert job.lease is not None
        rejects = action is Action.REJECT
        return Submission(
            batch=BatchId(batch or f"batch-{next(self._batches):06}"),
            job_id=job.id,
            token=job.lease.token,
            action=action,
            category=category if rejects else "",
            reasons=("nudity",) if rejects else (),
            note="what I saw",
            queue=queue,
            exceptions=frozenset(exceptions),
            seconds=12.5,
        )

    def decide(
        self,
        person: Person,
        job_id: JobId,
        action: Action = Action.APPROVE,
        at: float = 0,
        *,
        terms: Terms = TERMS,
        category: str = "adult",
        exceptions: Collection[PostId] = (),
    ) -> Decided:
        """Take a job and decide it."""
        job = self.take(person, job_id, at)
        submission = self.submission(job, action, category=category, exceptions=exceptions)
        return self.decisions.decide(submission, terms, person=person, now=after(at))

    def settle(self, at: float) -> list[PostId]:
        return self.decisions.settle_due(limit=100, now=after(at))

    def publish(self, at: float) -> list[PostId]:
        return self.posts.publish_approved(limit=100, now=after(at))

    def state(self, post_id: PostId) -> PostState:
        post = self.posts.get(post_id)
        assert post is not None
        return post.state

    def events(self, post_id: PostId) -> list[str]:
        return [event.kind for event in AuditStore(self.database).about(f"post:{post_id}")]

    def messages(self, post_id: PostId) -> list[str]:
        found = OutboxStore(self.database).messages(limit=1000)
        return [message.type for message in found if message.post_id == post_id]

    def counted(self, name: str) -> dict[tuple[str, str], float]:
        rows = self.counters.read([name], since=after(-7200), until=after(7200))
        found: dict[tuple[str, str], float] = {}
        for row in rows:
            found[row.label, row.detail] = found.get((row.label, row.detail), 0.0) + row.value
        return found

    def job_states(self, *job_ids: JobId) -> list[JobState]:
        return [self.get(job_id).state for job_id in job_ids]

    def check(self) -> None:
        """What must hold at all times."""
        assert AuditStore(self.database).verify().problem is None
        assert self.posts.published_without_verdict() == []


__all__ = ["CARRIED", "DOUBLE", "GROUNDS", "QUEUES", "SECOND", "TERMS", "UNDO", "Office"]
