"""The text of every policy that judged a post, so that a verdict can be replayed."""

import hashlib
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from moderation.domain.audit import AuditDraft
from moderation.domain.ids import Digest
from moderation.storage.audit import append
from moderation.storage.engine import Database
from moderation.storage.tables import policies


class PolicyStore:
    """Policy documents by digest. A document is kept once and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, digest: Digest, text: str, *, now: datetime) -> None:
        """Keep `text`, audited the first time. Raises `ValueError` unless `digest` is the SHA-256 of it."""
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise ValueError(f"{digest} is not the digest of this policy")
        if self.text(digest) is not None:
            return
        draft = AuditDraft(now, "policy.remembered", f"policy:{digest}", "system:screening", {"characters": len(text)})
        try:
            with self._database.write() as connection:
                connection.execute(insert(policies).values(digest=digest, text=text, at=now))
                append(connection, [draft])
        except IntegrityError:
            if self.text(digest) is None:
                raise

    def text(self, digest: Digest) -> str | None:
        """The document, or None when it was never in force here."""
        with self._database.read() as connection:
            return connection.execute(select(policies.c.text).where(policies.c.digest == digest)).scalar_one_or_none()
