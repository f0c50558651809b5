"""What the plan says about one decision, and what comes of deciding."""

from dataclasses import dataclass
from datetime import datetime

from moderation.domain.decision import Action, Decision, Fate
from moderation.domain.ids import BatchId, JobId
from moderation.domain.job import Route


@dataclass(frozen=True, slots=True)
class Terms:
    """How one decision is taken, as the plan says for its job; times in seconds, rates from 0 to 1.

    `double`: a second person must decide the same before anything moves. `second`: this decision was drawn for a blind
    second review. For `carry_seconds` after it settled, later posts of the cluster take the same decision, except
    `audit_rate` of them, which somebody else looks at; a decision `for_words` only where these are the same.
    `escalate` is None where nothing is above.
    """

    undo_seconds: float
    second_route: Route
    disagreement_route: Route
    escalate: Route | None = None
    double: bool = False
    second: bool = False
    carry_seconds: float = 0.0
    audit_rate: float = 0.0
    for_words: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What a submission did: a decision for each post of the job. `replayed`: it had been sent before."""

    batch: BatchId
    decisions: tuple[Decision, ...]
    effective_at: datetime
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class RecentBatch:
    """One submission of a person, for their own list. `posts` counts those decided by it, later joined ones too.

    `fate` is the worst of its decisions': undone, else superseded, else settled; None while it waits, and for good
    where it was never meant to move a post.
    """

    batch: BatchId
    job_id: JobId
    queue: str
    action: Action
    category: str
    posts: int
    decided_at: datetime
    effective_at: datetime
    undoable: bool
    fate: Fate | None
