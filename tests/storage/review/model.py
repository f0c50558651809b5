"""The queue and its decisions as a few dictionaries: what the real one is compared with after every step."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from moderation.domain.decision import Action, Fate
from moderation.domain.ids import AccountId, BatchId, JobId, PostId
from moderation.domain.job import Job, JobKind, JobState
from moderation.domain.people import Person, Role
from moderation.domain.post import PostState
from moderation.domain.priority import rank
from moderation.domain.worker import Worker
from moderation.storage.review.outcomes import post_outcome

LEASE = 90.0
UNDO = 8.0
HELD_ALONE = timedelta(hours=1)
HANDED_OVER = timedelta(days=1)
ESCALATIONS, SECONDS, DISAGREEMENTS = "escalations", "seconds", "disagreements"


@dataclass
class ExpectedBatch:
    """One submission. `came_from` is set for an escalation: queue, rank and language before it."""

    job: "ExpectedJob"
    person: AccountId
    action: Action
    label: str
    posts: tuple[PostId, ...]
    effective_at: datetime
    binding: bool
    opens: JobKind | None = None
    came_from: tuple[str, float, str] | None = None
    fate: str = "pending"


@dataclass
class ExpectedJob:
    """What the model knows of a job. `double` and `second` are the terms of its decisions."""

    id: JobId
    kind: JobKind
    queue: str
    rank: float
    language: str
    posts: list[PostId]
    double: bool
    second: bool
    state: JobState = JobState.OPEN
    token: str | None = None
    holder: AccountId | None = None
    taken_at: datetime | None = None
    expires_at: datetime | None = None
    wake_at: datetime | None = None
    held_by: AccountId | None = None
    assigned_to: AccountId | None = None
    assigned_until: datetime | None = None
    excluded: set[AccountId] = field(default_factory=set)
    compared: ExpectedBatch | None = None
    batches: list[ExpectedBatch] = field(default_factory=list)

    @classmethod
    def of(cls, job: Job, posts: list[PostId], *, double: bool = False, second: bool = False) -> "ExpectedJob":
        """A job as it was opened."""
        return cls(job.id, job.kind, job.queue, rank(job.urgency), job.language, posts, double, second)

    @property
    def order(self) -> tuple[float, str]:
        """Higher goes first."""
        return self.rank, self.id

    def is_live(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at > now

    def is_aside(self, now: datetime) -> bool:
        return self.wake_at is not None and self.wake_at > now

    def waits_for(self, now: datetime) -> AccountId | None:
        """The only person to whom it is offered, or None."""
        lapsed = self.assigned_until is not None and self.assigned_until <= now
        return None if lapsed else self.assigned_to

    def may_be_had(self, person: Person) -> bool:
        senior = self.kind is not JobKind.DISAGREEMENT or person.role is Role.SENIOR
        return senior and self.queue in person.queues and person.id not in self.excluded

    def is_offered(self, person: Person, worker: Worker, now: datetime) -> bool:
        if self.state is not JobState.OPEN or not self.may_be_had(person) or self.is_live(now) or self.is_aside(now):
            return False
        waits_for = self.waits_for(now)
        spoken = self.language in {"", *worker.languages}
        return waits_for == person.id if waits_for is not None else spoken

    def is_held(self, person: AccountId, token: str) -> bool:
        """Whether the token lets the person act."""
        return self.state is JobState.OPEN and self.token == token and self.holder == person

    def grant(self, person: AccountId, token: str, now: datetime, seconds: float = LEASE) -> None:
        until = now + timedelta(seconds=seconds)
        if self.token is not None and self.holder == person:
            assert token == self.token
            assert self.expires_at is not None
            self.expires_at = max(self.expires_at, until)
        else:
            assert token != self.token
            self.token, self.holder, self.taken_at, self.expires_at = token, person, now, until
        self.wake_at = self.held_by = None
        if self.assigned_to != person:
            self.assigned_to = self.assigned_until = None

    def end(self) -> None:
        self.token = self.holder = self.taken_at = self.expires_at = None

    def assign(self, to: AccountId | None, until: datetime | None) -> None:
        self.assigned_to, self.assigned_until = to, until


class Model:
    """Every job, submission and post."""

    def __init__(self) -> None:
        self.jobs: dict[JobId, ExpectedJob] = {}
        self.batches: dict[BatchId, ExpectedBatch] = {}
        self.posts: dict[PostId, PostState] = {}

    def live(self, person: AccountId, now: datetime) -> list[ExpectedJob]:
        """Running leases, the oldest first."""
        mine = [
            job
            for job in self.jobs.values()
            if job.state is JobState.OPEN and job.holder == person and job.is_live(now)
        ]
        return sorted(mine, key=lambda job: (job.taken_at, -job.rank, job.id))

    def best(self, person: Person, worker: Worker, count: int, now: datetime) -> list[ExpectedJob]:
        """What is offered: by name first, then by priority."""
        offered = [job for job in self.jobs.values() if job.is_offered(person, worker, now)]
        by_name = [job for job in offered if job.waits_for(now) == person.id]
        others = [job for job in offered if job.waits_for(now) is None]
        by_priority = [
            *sorted(by_name, key=lambda job: job.order, reverse=True),
            *sorted(others, key=lambda job: job.order, reverse=True),
        ]
        return by_priority[:count]

    def decide(
        self, job: ExpectedJob, batch: BatchId, person: AccountId, answer: tuple[Action, str], now: datetime
    ) -> None:
        """The decision of all of the job's posts, exceptions have left before."""
        action, label = answer
        made = ExpectedBatch(job, person, action, label, tuple(job.posts), now + timedelta(seconds=UNDO), binding=True)
        if action is Action.ESCALATE:
            made.binding, made.came_from = False, (job.queue, job.rank, job.language)
        elif job.kind is JobKind.SECOND:
            assert job.compared is not None
            same = job.compared.label == label
            made.binding = same and not job.compared.binding
            made.opens = None if same else JobKind.DISAGREEMENT
        elif job.kind is JobKind.REVIEW and (job.double or job.second):
            made.binding, made.opens = not job.double, JobKind.SECOND
        self.batches[batch] = made
        job.batches.append(made)
        job.end()
        job.wake_at = job.held_by = None
        if made.came_from is None:
            job.state = JobState.DECIDED

    def undone(self, made: ExpectedBatch) -> None:
        made.fate = "undone"
        if made.came_from is not None:
            made.job.queue, made.job.rank, made.job.language = made.came_from
        else:
            made.job.state = JobState.OPEN

    def can_undo(self, made: ExpectedBatch, now: datetime) -> bool:
        if made.fate != "pending" or now >= made.effective_at:
            return False
        if made.came_from is None:
            return True
        job = made.job
        taken = job.token is not None or job.assigned_to is not None or job.held_by is not None
        return not taken and job.state is JobState.OPEN and job.queue == ESCALATIONS and job.batches[-1] is made

    def settle(self, now: datetime) -> tuple[set[PostId], list[ExpectedBatch]]:
        """The posts that settlement was about, and the submissions that somebody else is asked about next."""
        about: set[PostId] = set()
        asking: list[ExpectedBatch] = []
        for made in self.batches.values():
            if made.fate != "pending" or made.effective_at > now:
                continue
            made.fate = "settled"
            about |= set(made.posts)
            if made.came_from is None:
                self._answered(made)
                if made.opens is not None:
                    asking.append(made)
        return about, asking

    def _answered(self, made: ExpectedBatch) -> None:
        made.job.state = JobState.CLOSED
        for post_id in made.posts if made.binding else ():
            outcome = post_outcome(made.job.kind, made.action, self.posts[post_id])
            assert outcome.fate is Fate.SETTLED
            self.posts[post_id] = outcome.state or self.posts[post_id]

    def deciders(self, posts: tuple[PostId, ...]) -> set[AccountId]:
        """Everybody whose answer on one of the posts stands."""
        return {
            made.person
            for made in self.batches.values()
            if made.fate != "undone" and made.came_from is None and set(made.posts) & set(posts)
        }
