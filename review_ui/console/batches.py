"""Deciding several jobs at once: what may go into a batch, and the two steps it takes.

One press of a key can never decide a batch: every picture of it must have been shown to the person, as the audit log
tells, and what they confirm carries a seal over exactly what they were asked about.
"""

import hashlib
import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from moderation.domain.audit import canonical_json
from moderation.domain.decision import Action, Submission
from moderation.domain.errors import ConflictError, InvalidInputError, ModerationError
from moderation.domain.ids import BatchId, JobId, PostId
from moderation.domain.job import Job, JobKind
from moderation.domain.people import Person
from review_ui.console.desk import Desk
from review_ui.problem import SERVER_ERROR

BATCH = 18
"""Jobs that a grid leases at once."""
SEEN_WITHIN = timedelta(hours=12)
"""A picture counts as seen for this long: it never changes, so a look earlier in the shift is a look at it."""
MAX_NOTE_CHARS = 2_000
MAX_PICK_CHARS = 300
_NAMESPACE = uuid.UUID("5f1d3b1e-9c52-4b43-9f57-0f6f7a0e6b8d")


class UnseenError(ConflictError):
    """A batch has pictures that the person did not look at."""

    code = "unseen"


class SealError(ConflictError):
    """What is confirmed is not what was asked about."""

    code = "batch_changed"


@dataclass(frozen=True, slots=True)
class Pick:
    """A job of a batch: the lease that proves it, and the post whose picture must have been seen."""

    job: JobId
    token: str
    post: PostId

    @classmethod
    def of(cls, job: Job) -> "Pick":
        """The pick of a job that is leased."""
        return cls(job.id, "" if job.lease is None else job.lease.token, job.post_id)

    @classmethod
    def read(cls, text: str) -> "Pick":
        """What `text` was written as. Raises `InvalidInputError`."""
        parts = text.split(" ")
        if len(parts) != 3 or len(text) > MAX_PICK_CHARS:  # noqa: PLR2004 - its three fields
            raise InvalidInputError("The batch is not one that a grid made.")
        return cls(JobId(parts[0]), parts[1], PostId(parts[2]))

    @property
    def text(self) -> str:
        """How a form carries it."""
        return f"{self.job} {self.token} {self.post}"


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with every job of a batch."""

    action: Action
    category: str = ""
    reasons: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A job of the batch that was not decided, and why."""

    job: JobId
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a batch."""

    decided: tuple[BatchId, ...]
    posts: int
    undo_seconds: float
    kept: tuple[Kept, ...]


def held_jobs(desk: Desk, person: Person, queue: str, now: datetime) -> list[Job]:
    """The person's leased jobs of the queue that a grid may show, in the order in which they were taken."""
    return [
        job for job in desk.queue.mine(person.id, now).leased if job.queue == queue and job.shown_kind is JobKind.REVIEW
    ]


def chosen_jobs(held: Sequence[Job], ids: Sequence[str]) -> list[Job]:
    """The chosen ones among the jobs that the person has, in their order.

    Raises `InvalidInputError` for none or too many, `ConflictError` for one that the person does not have any more.
    """
    wanted = dict.fromkeys(ids)
    if not wanted:
        raise InvalidInputError("Nothing is chosen.", hint="Look at pictures, then choose them.")
    if len(wanted) > BATCH:
        raise InvalidInputError(f"At most {BATCH} jobs are decided at once.")
    chosen = [job for job in held if job.id in wanted]
    if len(chosen) != len(wanted):
        raise ConflictError("A job of the batch is not yours any more.", hint="Load the grid again.")
    return chosen


def seen_posts(desk: Desk, person: Person, jobs: Sequence[Job], now: datetime) -> frozenset[PostId]:
    """Of the jobs' first pictures those that were shown to the person. One statement."""
    return desk.seen.among([job.post_id for job in jobs], actor=person.actor, since=now - SEEN_WITHIN)


def check_seen(desk: Desk, person: Person, picks: Sequence[Pick], now: datetime) -> None:
    """Raise `UnseenError` unless the person looked at the picture of every job."""
    posts = [pick.post for pick in picks]
    seen = desk.seen.among(posts, actor=person.actor, since=now - SEEN_WITHIN)
    unseen = sum(post not in seen for post in posts)
    if unseen:
        pictures = "1 picture was" if unseen == 1 else f"{unseen} pictures were"
        raise UnseenError(f"{pictures} not looked at.", hint="Look at each one, or leave it out.")


def seal_of(secret: str, picks: Sequence[Pick], choice: Choice) -> str:
    """What proves that the second step is about the same as the first. `secret` is the session's token."""
    told = [
        sorted(pick.text for pick in picks),
        choice.action.value,
        choice.category,
        list(choice.reasons),
        choice.note,
    ]
    return hmac.new(secret.encode(), canonical_json(told).encode(), hashlib.sha256).hexdigest()


def check_seal(secret: str, picks: Sequence[Pick], choice: Choice, shown: str) -> None:
    """Raise `SealError` unless `shown` is the seal over exactly this."""
    if not secret or not hmac.compare_digest(seal_of(secret, picks, choice), shown):
        raise SealError("This is not what you were asked about.", hint="Choose again, and confirm what is shown.")


def decide_batch(
    desk: Desk, person: Person, picks: Sequence[Pick], choice: Choice, *, seal: str, seconds: float
) -> Done:
    """Decide the jobs one by one. What fails for one (taken, decided meanwhile) is told and stops no other.

    The same seal again changes nothing: each job's batch id follows from it. `seconds` is how long all of them took.
    """
    now = desk.clock()
    decided: list[BatchId] = []
    kept: list[Kept] = []
    posts, undo_seconds = 0, 0.0
    for pick in picks:
        submission = Submission(
            batch=BatchId(str(uuid.uuid5(_NAMESPACE, f"{seal}:{pick.job}"))),
            job_id=pick.job,
            token=pick.token,
            action=choice.action,
            category=choice.category,
            reasons=choice.reasons,
            note=choice.note,
            seconds=seconds / len(picks),
        )
        try:
            done = desk.resolver.decide(person, submission, now=now)
        except ModerationError as error:
            if error.status >= SERVER_ERROR:
                raise
            kept.append(Kept(pick.job, error.message))
            continue
        decided.append(done.batch)
        posts += len(done.decisions)
        undo_seconds = max(undo_seconds, (done.effective_at - now).total_seconds())
    return Done(tuple(decided), posts, undo_seconds, tuple(kept))
