"""Keypoints of bank entries: kept beside the log, because they must go when their entry does."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, func, insert, literal_column, select

from moderation.domain.ids import EntryId
from moderation.storage.bank_entries import chunks
from moderation.storage.tables import bank_changes, bank_keypoints


def store(connection: Connection, keypoints: Mapping[EntryId, bytes]) -> None:
    """Store the packed keypoints of entries that have none."""
    if keypoints:
        rows = [{"entry_id": entry_id, "keypoints": packed} for entry_id, packed in keypoints.items()]
        connection.execute(insert(bank_keypoints), rows)


def forget(connection: Connection, entry_ids: Iterable[EntryId]) -> None:
    """Delete what is stored of these entries."""
    for some in chunks(list(entry_ids)):
        connection.execute(delete(bank_keypoints).where(bank_keypoints.c.entry_id.in_(some)))


def sizes(connection: Connection) -> dict[str, int]:
    """How many entries have keypoints, by bank; those without any are absent."""
    query = (
        select(bank_changes.c.bank, func.count().label("size"))
        .join_from(bank_keypoints, bank_changes, bank_changes.c.entry_id == bank_keypoints.c.entry_id)
        .where(bank_changes.c.operation == literal_column("'add'"))
        .group_by(bank_changes.c.bank)
    )
    return {row.bank: row.size for row in connection.execute(query)}


def read(connection: Connection, entry_ids: Iterable[EntryId]) -> dict[EntryId, bytes]:
    """The packed keypoints of those of the entries that have some."""
    return {
        EntryId(row.entry_id): bytes(row.keypoints)
        for some in chunks([one for one in dict.fromkeys(entry_ids) if one.isprintable()])
        for row in connection.execute(select(bank_keypoints).where(bank_keypoints.c.entry_id.in_(some)))
    }
