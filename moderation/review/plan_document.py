"""The review plan's document, version 1: what a policy team writes about queues, categories, routing and exposure."""

from typing import Annotated, Literal

from pydantic import Field

from moderation.policy.document import LANGUAGE_PATTERN, NAME_PATTERN, Identifier, Name, Part, Prose

Rate = Annotated[float, Field(ge=0, le=1)]
Severity = Annotated[int, Field(ge=0, le=100)]
Title = Annotated[str, Field(min_length=1, max_length=80)]
Language = Annotated[str, Field(pattern=LANGUAGE_PATTERN)]
Word = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]
MAX_DAYS_IN_MINUTES = 30 * 24 * 60


class RevealDocument(Part):
    """How a picture of the category is concealed until somebody asks for it."""

    blur: Annotated[int, Field(ge=0, le=60)] = 30
    """Radius in pixels."""
    grey: bool = True
    size: Annotated[int, Field(ge=20, le=100)] = 60
    """Per cent of the full size, concealed and revealed."""


class ReasonDocument(Part):
    """A second-level choice of a rejection."""

    code: Identifier
    title: Title
    words: bool = False
    """Whether it lies in caption or prompt: then posts with other words do not take the decision."""


class CategoryDocument(Part):
    """A harm: how grave it is, how it is decided, how it is concealed, and the policy in words."""

    title: Title
    severity: Severity
    gravest: bool = False
    """A rejection under it preserves evidence, and nothing of it is ever carried to later posts."""
    offered: bool = True
    """Whether people can reject under it."""
    double: bool = False
    """Whether two people must decide alike."""
    second_rate: Rate = 0.0
    """The share of decisions that somebody else looks at blindly."""
    carry_minutes: Annotated[float, Field(ge=0, le=MAX_DAYS_IN_MINUTES)] = 0.0
    """For how long later near-duplicates take a cluster's decision."""
    audit_rate: Rate = 0.1
    """The share of those that somebody looks at all the same."""
    appeals_queue: Name = "appeals"
    reveal: RevealDocument = RevealDocument()
    warn: bool = False
    """Whether a warning comes before the first picture."""
    reasons: Annotated[list[ReasonDocument], Field(max_length=20)] = Field(default_factory=list)
    text: Annotated[str, Field(min_length=1, max_length=8_000)]


class QueueDocument(Part):
    """Where jobs wait."""

    title: Title
    description: Prose
    service_minutes: Annotated[float, Field(ge=1, le=MAX_DAYS_IN_MINUTES)]
    """The time within which a decision is wanted."""
    restricted: bool = False
    """Named people only; pictures are never shown unasked; evidence is preserved."""
    lead_only: bool = False
    """For senior moderators only."""
    gold_rate: Rate = 0.0
    """The share of jobs that measure the reviewer."""
    escalates_to: Name | None = None


class RoutingDocument(Part):
    """What is different for the jobs for which `when` is true; the first rule that is true counts."""

    name: Identifier
    when: Annotated[str, Field(min_length=1, max_length=4_000)]
    queue: Name | None = None
    skill: Word | None = None
    language: Language | None = None
    severity: Severity | None = None
    why: Prose


class BudgetDocument(Part):
    """How much of a category a person sees in a shift."""

    items: Annotated[int, Field(ge=1, le=100_000)]
    minutes: Annotated[float, Field(gt=0, le=1_440)]


class ExposureDocument(Part):
    """Limits on what people see unconcealed, and breaks."""

    shift_hours: Annotated[float, Field(gt=0, le=24)] = 8.0
    budgets: dict[Identifier, BudgetDocument] = Field(default_factory=dict)
    break_after_minutes: Annotated[float, Field(gt=0, le=1_440)] = 50.0
    break_minutes: Annotated[float, Field(gt=0, le=240)] = 10.0


class PlanDocument(Part):
    """A whole plan."""

    version: Literal[1]
    undo_seconds: Annotated[float, Field(ge=0, le=600)] = 8.0
    """For how long a decision can be taken back before it leaves the system."""
    lease_seconds: Annotated[float, Field(ge=15, le=3_600)] = 90.0
    """How long a job stays with a browser that no longer answers."""
    ahead: Annotated[int, Field(ge=0, le=5)] = 2
    """How many further jobs are leased to a person so that the next is there at once."""
    categories: Annotated[dict[Identifier, CategoryDocument], Field(min_length=1, max_length=60)]
    queues: Annotated[dict[Name, QueueDocument], Field(min_length=1, max_length=200)]
    routing: Annotated[list[RoutingDocument], Field(max_length=200)] = Field(default_factory=list)
    exposure: ExposureDocument = ExposureDocument()
