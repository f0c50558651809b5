"""People's work: what was decided and what became of it, appeals, gold items, evidence, counters."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Named,
    String,
    Table,
    Text,
    TypedColumns,
    text,
)

from moderation.domain.decision import Action, Fate, Source
from moderation.domain.job import JobKind
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


class JobPostColumns(TypedColumns):
    """The posts of a job, its first one too. `left_at`: it was taken out as an exception."""

    job_id: Named[str] = Column(ForeignKey("jobs.id"), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"), primary_key=True)
    joined_at: Named[datetime] = Column(UtcTime)
    left_at: Named[datetime | None] = Column(UtcTime)


job_posts = Table("job_posts", METADATA, JobPostColumns, Index("ix_job_posts_post_id", "post_id"))


class ClusterBandColumns(TypedColumns):
    """A cluster's hash in 16 bands of 16 bits, while posts may still join it or take its decision."""

    job_id: Named[str] = Column(ForeignKey("jobs.id"), primary_key=True)
    band: Named[int] = Column(primary_key=True, autoincrement=False)
    value: Named[int]


cluster_bands = Table("cluster_bands", METADATA, ClusterBandColumns, Index("ix_cluster_bands_value", "value", "band"))


class JobExclusionColumns(TypedColumns):
    """A person to whom a job is never offered (again), and why: skipped it, decided the same post before."""

    job_id: Named[str] = Column(ForeignKey("jobs.id"), primary_key=True)
    account_id: Named[str] = Column(String(36), primary_key=True)
    reason: Named[str] = Column(Text)
    at: Named[datetime] = Column(UtcTime)


job_exclusions = Table("job_exclusions", METADATA, JobExclusionColumns)


class DecisionColumns(TypedColumns):
    """One decision on one post; `number` is its audit event's, `reasons` a JSON list of codes."""

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Named[str] = Column(String(36), unique=True)
    batch: Named[str] = Column(String(36))
    job_id: Named[str] = Column(ForeignKey("jobs.id"))
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    account_id: Named[str] = Column(String(36))
    source: Named[Source] = Column(choice(Source))
    kind: Named[JobKind] = Column(choice(JobKind))
    queue: Named[str]
    action: Named[Action] = Column(choice(Action))
    category: Named[str]
    reasons: Named[str] = Column(Text)
    note: Named[str] = Column(Text)
    seconds: Named[float]
    decided_at: Named[datetime] = Column(UtcTime)
    effective_at: Named[datetime] = Column(UtcTime)
    binding: Named[bool]


decisions = Table(
    "decisions",
    METADATA,
    DecisionColumns,
    Index("ix_decisions_batch", "batch"),
    Index("ix_decisions_post_id", "post_id"),
    Index("ix_decisions_job_id", "job_id"),
    Index("ix_decisions_account_id_number", "account_id", "number"),
    Index("ix_decisions_kind_number", "kind", "number"),
)


class DecisionFateColumns(TypedColumns):
    """What became of a decision, once. `number` is the audit event's that tells of it."""

    decision_id: Named[str] = Column(ForeignKey("decisions.id"), primary_key=True)
    fate: Named[Fate] = Column(choice(Fate))
    number: Named[int] = Column(BigInteger)
    at: Named[datetime] = Column(UtcTime)


decision_fates = Table("decision_fates", METADATA, DecisionFateColumns)


class PendingDecisionColumns(TypedColumns):
    """Decisions in their undo window: the work list of settlement. Its rows go when they settle or are undone.

    `follow_up` is JSON: what settlement opens, or how an undone escalation goes back.
    """

    decision_id: Named[str] = Column(ForeignKey("decisions.id"), primary_key=True)
    batch: Named[str] = Column(String(36))
    effective_at: Named[datetime] = Column(UtcTime)
    follow_up: Named[str] = Column(Text)


pending_decisions = Table(
    "pending_decisions",
    METADATA,
    PendingDecisionColumns,
    Index("ix_pending_decisions_effective_at", "effective_at"),
    Index("ix_pending_decisions_batch", "batch"),
)


class GoldColumns(TypedColumns):
    """A post whose right answer is known."""

    id: Named[str] = Column(String(36), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    queue: Named[str]
    action: Named[Action] = Column(choice(Action))
    category: Named[str]
    note: Named[str] = Column(Text)
    added_by: Named[str] = Column(String(36))
    added_at: Named[datetime] = Column(UtcTime)
    retired_at: Named[datetime | None] = Column(UtcTime)


gold_items = Table(
    "gold_items",
    METADATA,
    GoldColumns,
    Index("ix_gold_items_queue", "queue", "retired_at"),
    Index("ix_gold_items_post_id", "post_id"),
)


class AppealColumns(TypedColumns):
    """An author's appeal; `state` is open, upheld or overturned."""

    id: Named[str] = Column(String(36), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"))
    job_id: Named[str] = Column(ForeignKey("jobs.id"))
    client: Named[str]
    text: Named[str] = Column(Text)
    state: Named[str] = Column(String(16))
    opened_at: Named[datetime] = Column(UtcTime)
    resolved_at: Named[datetime | None] = Column(UtcTime)


APPEAL_OPEN_SQL = text("state = 'open'")

appeals = Table(
    "appeals",
    METADATA,
    AppealColumns,
    CheckConstraint("state IN ('open', 'upheld', 'overturned')", name="state"),
    Index("ix_appeals_post_id", "post_id"),
    Index("ix_appeals_resolved_at", "resolved_at"),
    Index(
        "ix_appeals_open_post_id",
        "post_id",
        unique=True,
        sqlite_where=APPEAL_OPEN_SQL,
        postgresql_where=APPEAL_OPEN_SQL,
    ),
)


class EvidenceHoldColumns(TypedColumns):
    """A post that nothing may delete or change, with its picture. Triggers see to it."""

    post_id: Named[str] = Column(ForeignKey("posts.id"), primary_key=True)
    image: Named[str] = Column(String(64))
    reason: Named[str] = Column(Text)
    placed_by: Named[str]
    placed_at: Named[datetime] = Column(UtcTime)


evidence_holds = Table("evidence_holds", METADATA, EvidenceHoldColumns, Index("ix_evidence_holds_image", "image"))


class CyberTipColumns(TypedColumns):
    """A CyberTipline report of a post: `state` is draft, submitting, submitted or retracted.

    `facts` is what people wrote and `progress` how far a submission came, as JSON; `receipt` is NCMEC's answer.
    """

    id: Named[str] = Column(String(36), primary_key=True)
    post_id: Named[str] = Column(ForeignKey("posts.id"), unique=True)
    state: Named[str] = Column(String(16))
    facts: Named[str] = Column(Text)
    document: Named[str] = Column(Text)
    file_details: Named[str] = Column(Text)
    report_id: Named[str]
    progress: Named[str] = Column(Text)
    receipt: Named[str] = Column(Text)
    written_by: Named[str] = Column(String(36))
    written_at: Named[datetime] = Column(UtcTime)
    submitted_at: Named[datetime | None] = Column(UtcTime)


cybertip_reports = Table("cybertip_reports", METADATA, CyberTipColumns)


class ReviewPlanColumns(TypedColumns):
    """Every version of the review plan: queues, categories, routing, budgets. The newest is in force."""

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    digest: Named[str] = Column(String(64))
    text: Named[str] = Column(Text)
    account_id: Named[str] = Column(String(36))
    at: Named[datetime] = Column(UtcTime)


review_plans = Table("review_plans", METADATA, ReviewPlanColumns)


_EMPTY = text("''")


class PictureHashColumns(TypedColumns):
    """The PDQ hash of each frame of a screened post: 64 hexadecimal characters, quality 0 to 100.

    `trimmed` is that of the frame without its border, `phash` and `dhash` are 16 characters; empty where there is none,
    or where the post was screened before they were kept.
    """

    post_id: Named[str] = Column(ForeignKey("posts.id"), primary_key=True)
    frame: Named[int] = Column(primary_key=True, autoincrement=False)
    number: Named[int] = Column(BigInteger)
    pdq: Named[str] = Column(String(64))
    quality: Named[int]
    trimmed: Named[str] = Column(String(64), server_default=_EMPTY)
    trimmed_quality: Named[int] = Column(server_default="0")
    phash: Named[str] = Column(String(16), server_default=_EMPTY)
    dhash: Named[str] = Column(String(16), server_default=_EMPTY)


picture_hashes = Table("picture_hashes", METADATA, PictureHashColumns, Index("ix_picture_hashes_number", "number"))


class CounterColumns(TypedColumns):
    """How often something happened, or how much of it, in one hour: what dashboards add up instead of counting rows."""

    hour: Named[datetime] = Column(UtcTime, primary_key=True)
    name: Named[str] = Column(String(32), primary_key=True)
    label: Named[str] = Column(primary_key=True)
    detail: Named[str] = Column(primary_key=True)
    value: Named[float]


counters = Table("counters", METADATA, CounterColumns)
