"""What people decide, and what becomes of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import AccountId, BatchId, DecisionId, JobId, PostId
from moderation.domain.job import JobKind

CLUSTER_BITS = 15
"""Pictures this near (of 256 bits) are one cluster. At most 15 differing bits leave one of 16 bands of 16 bits equal,
so that an index finds every one of them."""


class Action(StrEnum):
    """What a person does to a post. `uphold` and `overturn` answer an appeal."""

    APPROVE = "approve"
    REJECT = "reject"
    ESCALATE = "escalate"
    UPHOLD = "uphold"
    OVERTURN = "overturn"

    @property
    def publishes(self) -> bool:
        """Whether it lets the post into the feed."""
        return self in {Action.APPROVE, Action.OVERTURN}


class Fate(StrEnum):
    """How a decision ended; without one it is still in its undo window, or was never meant to move a post."""

    SETTLED = "settled"
    """It moved the post, or confirmed the state it was in."""
    UNDONE = "undone"
    SUPERSEDED = "superseded"
    """Another decision or state came first."""


class Source(StrEnum):
    """Who decided: a person, or a person's earlier decision on the same cluster."""

    PERSON = "person"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a person sends. `batch` is made by the browser: the same one again changes nothing and answers the same.

    `category` and `reasons` (codes of the plan) are required for reject; `queue` is where an escalation goes.
    `exceptions` are posts of the cluster that the decision leaves out. `seconds` is how long the person had the job.
    """

    batch: BatchId
    job_id: JobId
    token: str
    action: Action
    category: str = ""
    reasons: tuple[str, ...] = ()
    note: str = ""
    queue: str = ""
    exceptions: frozenset[PostId] = frozenset()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's decision on one post. Never changed: what becomes of it is its `fate`.

    `number` is its audit event's. A decision that is not `binding` measures somebody (gold, second review) or waits
    for a second one (double decision), and moves nothing by itself. Before `effective_at` it can be undone.
    """

    number: int
    id: DecisionId
    batch: BatchId
    job_id: JobId
    post_id: PostId
    account: AccountId
    source: Source
    kind: JobKind
    queue: str
    action: Action
    category: str
    reasons: tuple[str, ...]
    note: str
    seconds: float
    decided_at: datetime
    effective_at: datetime
    binding: bool
    fate: Fate | None = None
    fate_at: datetime | None = None
