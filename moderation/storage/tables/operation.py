"""API keys and lanes' heartbeats."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Named, String, Table, TypedColumns

from moderation.storage.columns import UtcTime
from moderation.storage.tables.metadata import METADATA


class ApiKeyColumns(TypedColumns):
    """A client's key: only the SHA-256 of its secret is kept. `scopes` are separated by spaces."""

    name: Named[str] = Column(primary_key=True)
    prefix: Named[str] = Column(String(16), unique=True)
    secret_digest: Named[str] = Column(String(64))
    scopes: Named[str]
    per_minute: Named[int]
    created_at: Named[datetime] = Column(UtcTime)
    last_used_at: Named[datetime | None] = Column(UtcTime)
    revoked_at: Named[datetime | None] = Column(UtcTime)


api_keys = Table("api_keys", METADATA, ApiKeyColumns)


class LaneColumns(TypedColumns):
    """A lane's last heartbeat."""

    name: Named[str] = Column(primary_key=True)
    run_id: Named[str]
    host: Named[str]
    pid: Named[int]
    started_at: Named[datetime] = Column(UtcTime)
    beat_at: Named[datetime] = Column(UtcTime)
    state: Named[str] = Column(String(16))
    posts: Named[int] = Column(BigInteger)


lanes = Table("lanes", METADATA, LaneColumns)
