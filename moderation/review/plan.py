"""The review plan in force: queues, categories, routing and exposure, as everything else asks for them.

A name that the plan does not know is taken for the worst it could be: severe, never carried, restricted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from moderation.domain.ids import Digest
from moderation.domain.job import DEFAULT_SERVICE_SECONDS, DEFAULT_SEVERITY
from moderation.domain.verdict import SystemQueue
from moderation.policy.condition import Predicate

UNKNOWN_SEVERITY = 90
"""Of a category that the policy names and the plan does not."""


class ReviewQueue(StrEnum):
    """Queues into which people's own acts lead; every plan has them."""

    ESCALATIONS = "escalations"
    DISAGREEMENTS = "disagreements"
    APPEALS = "appeals"


REQUIRED_QUEUES = (*SystemQueue, *ReviewQueue)
"""What every plan names, because something else than a rule sends posts there."""


@dataclass(frozen=True, slots=True)
class Reveal:
    """How pictures are concealed: radius in pixels, whether in grey, size in per cent of the full one."""

    blur: int = 40
    grey: bool = True
    size: int = 50


@dataclass(frozen=True, slots=True)
class Reason:
    """A second-level choice of a rejection. `words`: it lies in caption or prompt, not in the picture alone."""

    code: str
    title: str
    words: bool = False


@dataclass(frozen=True, slots=True)
class CategoryPlan:
    """How posts of one harm are decided. Rates are shares from 0 to 1; `severity` is 0 to 100.

    `offered`: people can reject under it. `carry_seconds` is 0 where no decision is carried to later posts.
    `known` is False for a name that the plan does not have.
    """

    name: str
    title: str
    severity: int
    gravest: bool = False
    offered: bool = True
    double: bool = False
    second_rate: float = 0.0
    carry_seconds: float = 0.0
    audit_rate: float = 0.1
    appeals_queue: str = ReviewQueue.APPEALS
    reveal: Reveal = Reveal()
    warn: bool = False
    reasons: tuple[Reason, ...] = ()
    text: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """Where jobs wait. A restricted queue's pictures are never shown unasked, and only to people named for it.

    `escalates_to` is a queue of the plan, "" where nothing is above; `lead_only`: for senior moderators.
    """

    name: str
    title: str
    description: str
    service_seconds: float
    restricted: bool = False
    lead_only: bool = False
    gold_rate: float = 0.0
    escalates_to: str = ReviewQueue.ESCALATIONS
    known: bool = True


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """What is different for jobs for which the condition is true; "" and None leave things as they are."""

    name: str
    when: str
    condition: Predicate
    queue: str
    skill: str
    language: str
    severity: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a category a person sees unconcealed in a shift."""

    items: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """Limits on what people see, and breaks: after `break_after_seconds` of work comes one of `break_seconds`."""

    shift_seconds: float = 8 * 3600.0
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    break_after_seconds: float = 50 * 60.0
    break_seconds: float = 10 * 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. `number` is its version's in the database, 0 for the file; mappings keep the document's order."""

    digest: Digest
    source: str
    text: str = field(repr=False)
    undo_seconds: float
    lease_seconds: float
    ahead: int
    categories: Mapping[str, CategoryPlan]
    queues: Mapping[str, QueuePlan]
    routing: tuple[RoutingRule, ...]
    exposure: Exposure
    number: int = 0

    def category(self, name: str) -> CategoryPlan:
        """The category; for "" (no harm was named) one of middling severity, for an unknown name a severe one.

        Neither is offered for a rejection, and no decision is carried.
        """
        found = self.categories.get(name)
        if found is not None:
            return found
        if not name:
            return CategoryPlan("", "No category", DEFAULT_SEVERITY, offered=False, known=False)
        title = f"{name} (not in the plan)"
        return CategoryPlan(name, title, UNKNOWN_SEVERITY, offered=False, warn=True, known=False)

    def queue(self, name: str) -> QueuePlan:
        """The queue; an unknown one is restricted, so that a name that was dropped opens nothing to anybody."""
        found = self.queues.get(name)
        if found is not None:
            return found
        description = "The plan does not name this queue. Only people who were let into it see its jobs."
        return QueuePlan(name, name, description, DEFAULT_SERVICE_SECONDS, restricted=True, known=False)

    @property
    def rejections(self) -> tuple[CategoryPlan, ...]:
        """The categories under which people reject, in the document's order: the first has the key 1."""
        return tuple(category for category in self.categories.values() if category.offered)

    @property
    def restricted_queues(self) -> frozenset[str]:
        """The restricted queues that the plan names."""
        return frozenset(name for name, queue in self.queues.items() if queue.restricted)

    def escalation_queue(self, queue: str) -> str:
        """Where an escalation from `queue` goes unless the person says otherwise; "" where nothing is above.

        Never from a restricted queue to one that is not.
        """
        target = self.queue(queue).escalates_to
        if target == queue or not self.may_move(queue, target):
            return ""
        return target

    def escalation_targets(self, queue: str) -> tuple[str, ...]:
        """Every queue that an escalation from `queue` may go to, the usual one first, then lead and restricted ones."""
        usual = self.escalation_queue(queue)
        others = (
            name
            for name, plan in self.queues.items()
            if (plan.lead_only or plan.restricted) and name not in {queue, usual, *ReviewQueue}
        )
        return tuple(name for name in (usual, *others) if name and self.may_move(queue, name))

    def disagreement_queue(self, queue: str) -> str:
        """Where two people's different decisions on a job of `queue` are settled."""
        if self.queue(queue).restricted:
            return self.escalation_queue(queue) or queue
        return ReviewQueue.DISAGREEMENTS

    def appeal_queue(self, queue: str, category: str) -> str:
        """Where an appeal waits against a rejection under `category` of a post that waited in `queue` ("": in none)."""
        target = self.category(category).appeals_queue
        return target if not queue or self.may_move(queue, target) else queue

    def may_move(self, source: str, target: str) -> bool:
        """Whether a job of one queue may be put into another: what is restricted stays so."""
        return not self.queue(source).restricted or self.queue(target).restricted
