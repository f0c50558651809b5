"""The machine's verdict on a post, and everything needed to explain it and to reach it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.media import ImageFacts, Refusal
from moderation.domain.post import PostState
from moderation.domain.signal import SignalResult, Value


class Verdict(StrEnum):
    """What the machine says; the strictest of all rules wins, and only `approve` publishes."""

    APPROVE = "approve"
    HOLD = "hold"
    REJECT = "reject"

    @property
    def strictness(self) -> int:
        """0 for approve, 1 for hold, 2 for reject."""
        return list(Verdict).index(self)

    @property
    def state(self) -> PostState:
        """The state that a post enters with this verdict."""
        return {
            Verdict.APPROVE: PostState.APPROVED,
            Verdict.HOLD: PostState.HELD,
            Verdict.REJECT: PostState.REJECTED,
        }[self]


class RuleStatus(StrEnum):
    """How far a rule's effect reaches: only `live` rules change a verdict, `shadow` rules are only recorded."""

    DRAFT = "draft"
    SHADOW = "shadow"
    LIVE = "live"


class Truth(StrEnum):
    """SQL's three-valued logic."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a rule's condition, as written, with the numbers that it saw.

    `threshold` names the policy threshold it used, or is empty. `expected` is the literal's or threshold's value.
    """

    text: str
    column: str
    actual: Value
    operator: str
    expected: str
    threshold: str
    truth: Truth


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule whose condition was true, or could not be decided (`unknown`, which holds)."""

    rule: str
    status: RuleStatus
    truth: Truth
    verdict: Verdict
    queue: str
    category: str
    reason: str
    comparisons: tuple[Comparison, ...]


class SystemQueue(StrEnum):
    """Queues that no rule names: where posts go when something failed."""

    STALLED = "stalled"
    """The deadline passed without a verdict."""
    SIGNAL_FAILURE = "signal-failure"
    """A signal has no measurement, or a condition could not be decided."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What policy makes of one post's signals.

    `complete` is True when every signal measured and every live rule was decided: only then can `verdict` be
    approve. `queue` is where a held post waits ("" unless held); `category` is the deciding rule's ("" if none);
    `reason` is one sentence. `hits` has the live and shadow rules that were true or unknown, strictest first.
    """

    verdict: Verdict
    complete: bool
    queue: str
    category: str
    reason: str
    hits: tuple[RuleHit, ...]
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pins:
    """The exact versions of everything that a verdict rests on.

    `signals` maps signal name to spec version, `models` model name to SHA-256, `bank_checkpoint` is "" when no bank
    was searched.
    """

    policy: Digest
    image: Digest
    bank_checkpoint: str
    signals: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True, slots=True)
class Screening:
    """One pass of one post through signals and policy. Never updated once stored.

    `seconds` maps stage name (decode, signals, policy…) to this post's share of the batch's time.
    """

    id: ScreeningId
    post_id: PostId
    lane: str
    attempt: int
    started_at: datetime
    finished_at: datetime
    image: ImageFacts | Refusal
    results: tuple[SignalResult, ...]
    judgement: Judgement
    pins: Pins
    seconds: Mapping[str, float] = field(default_factory=dict)
