"""Which of some posts matched a bank entry when they were screened."""

from collections.abc import Sequence

from sqlalchemy import select

from moderation.domain.ids import EntryId, PostId
from moderation.domain.signal import BankHit, Match
from moderation.storage.bank_entries import chunks
from moderation.storage.documents import result_of
from moderation.storage.engine import Database
from moderation.storage.tables import screenings, signal_results

SIGNAL = "image_match"


class EntryMatchStore:
    """Reads the evidence of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def among(self, post_ids: Sequence[PostId], entry_id: EntryId) -> dict[PostId, BankHit]:
        """The best match of the entry in the newest screening that found it, for those of the posts that have one."""
        if not post_ids or not entry_id.isprintable():
            return {}
        found: dict[PostId, BankHit] = {}
        with self._database.read() as connection:
            for some in chunks(post_ids):
                query = (
                    select(screenings.c.post_id, screenings.c.version, signal_results.c.document)
                    .join_from(screenings, signal_results, signal_results.c.screening_id == screenings.c.id)
                    .where(screenings.c.post_id.in_(some), signal_results.c.signal == SIGNAL)
                    .where(signal_results.c.document.contains(entry_id, autoescape=True))
                    .order_by(screenings.c.finished_at, screenings.c.id)
                )
                for row in connection.execute(query):
                    result = result_of(row.document, row.version)
                    hits = result.hits if isinstance(result, Match) else ()
                    best = next((hit for hit in hits if hit.entry_id == entry_id), None)
                    if best is not None:
                        found[PostId(row.post_id)] = best
        return found
