"""Which pictures a person looked at unconcealed, as the audit log has it: what a batch may be decided on."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from moderation.domain.ids import PostId
from moderation.storage.engine import Database
from moderation.storage.tables import audit_events

VIEWED = "media.viewed"


class SeenStore:
    """Reads looks from the audit log of one database. The server writes them before it answers with a picture."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def among(self, post_ids: Sequence[PostId], *, actor: str, since: datetime) -> frozenset[PostId]:
        """Those of `post_ids` whose picture was shown to `actor` at or after `since`. One statement."""
        if not post_ids:
            return frozenset()
        subjects = {f"post:{post_id}": post_id for post_id in post_ids}
        query = (
            select(audit_events.c.subject)
            .where(audit_events.c.subject.in_(list(subjects)), audit_events.c.kind == VIEWED)
            .where(audit_events.c.actor == actor, audit_events.c.at >= since)
            .distinct()
        )
        with self._database.read() as connection:
            return frozenset(subjects[subject] for subject in connection.execute(query).scalars())
