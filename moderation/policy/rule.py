"""A compiled policy's parts."""

from dataclasses import dataclass

from moderation.domain.verdict import RuleStatus, Verdict
from moderation.policy.condition import Predicate


@dataclass(frozen=True, slots=True)
class Threshold:
    """A named number and the reasoning behind it."""

    name: str
    value: float
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the document, with its condition as a tree. `queue` is "" for a rule that rejects."""

    name: str
    status: RuleStatus
    when: str
    condition: Predicate
    verdict: Verdict
    queue: str
    category: str
    reason: str
    why: str

    @property
    def active(self) -> bool:
        """Whether the rule is evaluated: drafts are only checked."""
        return self.status is not RuleStatus.DRAFT

    @property
    def live(self) -> bool:
        """Whether the rule changes verdicts."""
        return self.status is RuleStatus.LIVE
