"""A job: one thing to review, most often a held post or a cluster of near-duplicates, that waits for a decision."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import AccountId, JobId, PostId
from moderation.domain.priority import Urgency


class JobKind(StrEnum):
    """Why a person is asked. Moderators are shown only whether it is an appeal or a disagreement."""

    REVIEW = "review"
    """Held posts; the decision moves them."""
    SECOND = "second"
    """A blind second look by somebody else."""
    DISAGREEMENT = "disagreement"
    """Two people decided differently; a senior person decides."""
    GOLD = "gold"
    """A post whose right answer is known, to measure a reviewer; moves nothing."""
    APPEAL = "appeal"
    """The author asks again; never decided by somebody who decided before."""
    AUDIT = "audit"
    """A sample of what a cluster's earlier decision did to later arrivals."""


HIDDEN_KINDS = frozenset({JobKind.SECOND, JobKind.GOLD, JobKind.AUDIT})
"""Shown as an ordinary review: who knows that it is a test looks at it with other eyes."""


class JobState(StrEnum):
    """`decided` is the undo window: decided, and nothing has left the system yet."""

    OPEN = "open"
    DECIDED = "decided"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who works on a job until when; `token` proves it with every act on the job."""

    token: str
    holder: AccountId
    taken_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """Why posts wait, and since when. `category` is the harm that the deciding rule names, or "".

    `post_id` is the post, or a cluster's first one; `posts` counts all of them. `severity` (0 to 100), `reach`,
    `opened_at` and `due_at` make the priority. `language` (BCP 47 primary tag) and `skill` are what the person must
    have ("": anybody). Until `wake_at` a held job is offered to nobody; `assigned_to` is the only one to whom it is
    offered. `origin` is the id of what led to it: a batch, a gold item, an appeal.
    """

    id: JobId
    post_id: PostId
    queue: str
    category: str
    reason: str
    opened_at: datetime
    due_at: datetime
    kind: JobKind = JobKind.REVIEW
    state: JobState = JobState.OPEN
    severity: int = 0
    reach: int = 0
    language: str = ""
    skill: str = ""
    posts: int = 1
    lease: Lease | None = None
    wake_at: datetime | None = None
    held_by: AccountId | None = None
    assigned_to: AccountId | None = None
    origin: str = ""
    closed_at: datetime | None = None

    @property
    def shown_kind(self) -> JobKind:
        """The kind as the person who decides may know it."""
        return JobKind.REVIEW if self.kind in HIDDEN_KINDS else self.kind

    @property
    def urgency(self) -> Urgency:
        """What the priority rests on."""
        return Urgency(self.severity, self.reach, self.kind is JobKind.APPEAL, self.opened_at, self.due_at)

    def held_by_lease(self, token: str) -> bool:
        """Whether `token` is the newest lease's: nobody else took the job since, even when its time is over."""
        return self.lease is not None and self.lease.token == token


@dataclass(frozen=True, slots=True)
class LeaseRef:
    """What a browser holds of a lease."""

    job_id: JobId
    token: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a post waits and how urgent it is, as routing decided.

    `severity` is 0 to 100; `service_seconds` is the time within which the queue wants a decision; `rule` names the
    routing rule that matched first, "" when none did.
    """

    queue: str
    severity: int
    service_seconds: float
    language: str = ""
    skill: str = ""
    rule: str = ""


DEFAULT_SERVICE_SECONDS = 3600.0
DEFAULT_SEVERITY = 50
"""Where nothing says how grave it is, it is not harmless."""
