"""What follows a decision once it settles, as JSON in its row among the pending ones."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from moderation.domain.job import JobKind, Route
from moderation.storage.rows import AnyRow

_MOVED = ("queue", "severity", "rank", "language", "skill", "routing_rule")


@dataclass(frozen=True, slots=True)
class Back:
    """Where an escalated job came from, to put it back when the escalation is undone."""

    queue: str
    severity: int
    rank: float
    language: str
    skill: str
    routing_rule: str
    due_at: datetime | None

    @classmethod
    def of(cls, row: AnyRow) -> "Back":
        """Where the job in the row is now."""
        return cls(**{name: getattr(row, name) for name in _MOVED}, due_at=row.due_at)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """`opens` is the kind of job that asks somebody else, on `route`. `agreed` says how a comparison came out."""

    opens: JobKind | None = None
    route: Route | None = None
    agreed: bool | None = None
    back: Back | None = None
    target: str = ""
    """The queue of an escalation."""


def dump(follow_up: FollowUp) -> str:
    """JSON text."""
    back = follow_up.back
    document = asdict(follow_up)
    if back is not None:
        document["back"]["due_at"] = None if back.due_at is None else back.due_at.isoformat()
    return json.dumps(document, separators=(",", ":"))


def load(text: str) -> FollowUp:
    """What `dump` wrote."""
    document = json.loads(text)
    back = document["back"]
    if back is not None:
        due_at = back["due_at"]
        back = Back(**{**back, "due_at": None if due_at is None else datetime.fromisoformat(due_at)})
    return FollowUp(
        opens=None if document["opens"] is None else JobKind(document["opens"]),
        route=None if document["route"] is None else Route(**document["route"]),
        agreed=document["agreed"],
        back=back,
        target=document["target"],
    )
