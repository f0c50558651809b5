"""Models' roles and what candidates said: append-only. Pictures' features, which go with their picture."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Named, String, Table, Text, TypedColumns

from moderation.domain.model_role import RoleChange
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


class ModelRoleColumns(TypedColumns):
    """Who serves a slot from a change on; `number` is its audit event's. The newest row of a slot counts.

    A name that is NULL in `live_` or `former_` is the model that the software ships with; in `candidate_`, none.
    """

    number: Named[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    slot: Named[str]
    change: Named[RoleChange] = Column(choice(RoleChange))
    live_name: Named[str | None]
    live_digest: Named[str | None] = Column(String(64))
    candidate_name: Named[str | None]
    candidate_digest: Named[str | None] = Column(String(64))
    former_name: Named[str | None]
    former_digest: Named[str | None] = Column(String(64))
    by: Named[str]
    at: Named[datetime] = Column(UtcTime)
    note: Named[str] = Column(Text)


model_roles = Table("model_roles", METADATA, ModelRoleColumns, Index("ix_model_roles_slot", "slot", "number"))


class ShadowResultColumns(TypedColumns):
    """What a candidate for `signal` said beside the screening; as in `signal_results`, but no policy reads it.

    `seconds` is the post's share of the time that the candidate took for its batch.
    """

    screening_id: Named[str] = Column(ForeignKey("screenings.id"), primary_key=True)
    signal: Named[str] = Column(primary_key=True)
    model: Named[str]
    digest: Named[str] = Column(String(64))
    kind: Named[str]
    reason: Named[str]
    seconds: Named[float]
    document: Named[str] = Column(Text)


shadow_results = Table(
    "shadow_results",
    METADATA,
    ShadowResultColumns,
    Index("ix_shadow_results_digest", "signal", "digest", "screening_id", "kind"),
)


class PictureFeatureColumns(TypedColumns):
    """What the model `model` (its SHA-256) saw in a post's picture: a unit vector times 127, as signed bytes."""

    post_id: Named[str] = Column(ForeignKey("posts.id"), primary_key=True)
    model: Named[str] = Column(String(64), primary_key=True)
    vector: Named[bytes] = Column(LargeBinary)
    at: Named[datetime] = Column(UtcTime)


picture_features = Table("picture_features", METADATA, PictureFeatureColumns)
