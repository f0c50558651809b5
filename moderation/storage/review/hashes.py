"""The hashes of every screened picture, in the order in which they were stored."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, tuple_

from moderation.domain.ids import PostId
from moderation.storage.engine import Database
from moderation.storage.tables import picture_hashes


@dataclass(frozen=True, slots=True)
class HashPlace:
    """Where a hash stands in the order of storing: the number of its verdict's audit event, and its frame."""

    number: int
    frame: int


BEFORE_ALL = HashPlace(0, 0)


@dataclass(frozen=True, slots=True)
class StoredHash:
    """One frame's hash: `pdq` is 64 hexadecimal characters, `quality` 0 to 100.

    `trimmed` and `trimmed_quality` are the same of the frame without its border; "" and 0 where there is none. `phash`
    and `dhash` are 16 characters; "" where they were not stored, or not asked for.
    """

    place: HashPlace
    pdq: str = field(repr=False)
    quality: int
    trimmed: str = field(default="", repr=False)
    trimmed_quality: int = 0
    phash: str = field(default="", repr=False)
    dhash: str = field(default="", repr=False)


class HashStore:
    """Reads the hashes of one database; verdicts write them.

    Their numbers come from the audit log, whose writers wait for each other to the end of their transactions: a number
    that can be read is never followed by a lower one that appears later.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, place: HashPlace, limit: int) -> list[StoredHash]:
        """Up to `limit` hashes that were stored after `place`, in order."""
        columns = picture_hashes.c
        query = (
            select(
                columns.number,
                columns.frame,
                columns.pdq,
                columns.quality,
                columns.trimmed,
                columns.trimmed_quality,
            )
            .where(columns.number >= place.number)
            .where(tuple_(columns.number, columns.frame) > tuple_(place.number, place.frame))
            .order_by(columns.number, columns.frame)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                StoredHash(HashPlace(number, frame), pdq, quality, trimmed, trimmed_quality)
                for number, frame, pdq, quality, trimmed, trimmed_quality in connection.execute(query)
            ]

    def posts_at(self, numbers: Sequence[int]) -> dict[int, PostId]:
        """The post of each number, of those that there are."""
        if not numbers:
            return {}
        query = select(picture_hashes.c.number, picture_hashes.c.post_id).where(picture_hashes.c.number.in_(numbers))
        with self._database.read() as connection:
            return {row.number: PostId(row.post_id) for row in connection.execute(query)}

    def of_post(self, post_id: PostId) -> list[StoredHash]:
        """Everything that is stored of a post's frames, in order; nothing when it was never decoded."""
        columns = picture_hashes.c
        query = select(picture_hashes).where(columns.post_id == post_id).order_by(columns.frame)
        with self._database.read() as connection:
            return [
                StoredHash(
                    HashPlace(row.number, row.frame),
                    row.pdq,
                    row.quality,
                    row.trimmed,
                    row.trimmed_quality,
                    row.phash,
                    row.dhash,
                )
                for row in connection.execute(query)
            ]
