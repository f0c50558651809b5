"""Which model serves a signal, which one is tried beside it, and what the tried one said."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import Digest, ScreeningId
from moderation.domain.signal import SignalResult


class RoleChange(StrEnum):
    """What was done to a slot."""

    CANDIDATE = "candidate"
    """A candidate was named, or taken away."""
    PROMOTE = "promote"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class ModelPin:
    """Exactly one model: its name in the model store, and the SHA-256 that a verdict pins."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class SlotRoles:
    """Who serves the signal `slot` since a change; `number` is its audit event's, 0 before the first change.

    `live` and `former` are None for the model that the software ships with: a later release may ship another one.
    """

    slot: str
    number: int = 0
    live: ModelPin | None = None
    candidate: ModelPin | None = None
    former: ModelPin | None = None


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """One change of a slot's roles: what holds from then on, who did it and when."""

    roles: SlotRoles
    change: RoleChange
    by: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class ShadowResult:
    """What a candidate said of a post that was judged without it. `seconds` is the post's share of its batch's time."""

    screening_id: ScreeningId
    model: ModelPin
    result: SignalResult
    seconds: float
