"""What a sweep reads: stored hashes by day, and posts as they are now, locked or not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, exists, func, select, tuple_

from moderation.domain.decision import Source
from moderation.domain.ids import PostId
from moderation.domain.job import JobKind
from moderation.domain.retroaction import Case, Cause, bounds
from moderation.domain.signal import PictureHash
from moderation.storage.engine import Database
from moderation.storage.retroaction_rows import days_between
from moderation.storage.review.decision_rows import ANSWERS, undone
from moderation.storage.review.hashes import BEFORE_ALL, HashPlace
from moderation.storage.rows import POST_COLUMNS, AnyRow, post_of
from moderation.storage.screenings import latest_of
from moderation.storage.tables import PENDING_SQL, decisions, pending_decisions, picture_hashes, posts

_HASH_COLUMNS = (
    picture_hashes.c.frame,
    picture_hashes.c.pdq,
    picture_hashes.c.quality,
    picture_hashes.c.phash,
    picture_hashes.c.dhash,
    picture_hashes.c.trimmed,
    picture_hashes.c.trimmed_quality,
)
_PAGE_COLUMNS = (
    picture_hashes.c.post_id,
    picture_hashes.c.pdq,
    picture_hashes.c.quality,
    picture_hashes.c.trimmed,
    picture_hashes.c.trimmed_quality,
    picture_hashes.c.frame,
)
PAGE = 20_000


@dataclass(frozen=True, slots=True)
class DayPlace:
    """Where a page of a day's hashes ended; days are read in the order in which posts were received."""

    received_at: datetime
    post_id: PostId
    frame: int


@dataclass(frozen=True, slots=True)
class HashPage:
    """Frames' hashes as columns of one length: a million rows are too many to be objects.

    `trimmed` is "" and `trimmed_qualities` 0 where a frame has no border.
    """

    post_ids: Sequence[PostId]
    pdqs: Sequence[str]
    qualities: Sequence[int]
    trimmed: Sequence[str]
    trimmed_qualities: Sequence[int]


def all_hashes(connection: Connection, after: HashPlace, limit: int) -> tuple[HashPage, HashPlace] | None:
    """Up to `limit` hashes that were stored after a place, in order, and the place of the last; None: no more."""
    columns = picture_hashes.c
    query = (
        select(*_PAGE_COLUMNS, columns.number)
        .where(columns.number >= after.number)
        .where(tuple_(columns.number, columns.frame) > tuple_(after.number, after.frame))
        .order_by(columns.number, columns.frame)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    return (_page(rows), HashPlace(rows[-1].number, rows[-1].frame)) if rows else None


def hashes_of_day(
    connection: Connection, day: date, after: DayPlace | None, limit: int
) -> tuple[HashPage, DayPlace] | None:
    """Up to `limit` hashes of posts that were received on the day (UTC), and the last one's place; None: no more."""
    start, end = bounds(day)
    order = (posts.c.received_at, posts.c.id, picture_hashes.c.frame)
    query = (
        select(*_PAGE_COLUMNS)
        .join_from(posts, picture_hashes, picture_hashes.c.post_id == posts.c.id)
        .where(posts.c.received_at >= (start if after is None else after.received_at), posts.c.received_at < end)
        .order_by(*order)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(*order) > tuple_(after.received_at, after.post_id, after.frame))
    rows = connection.execute(query).all()
    if not rows:
        return None
    last = rows[-1]
    received_at = connection.execute(select(posts.c.received_at).where(posts.c.id == last.post_id)).scalar_one()
    return _page(rows), DayPlace(received_at, PostId(last.post_id), last.frame)


def _page(rows: Sequence[AnyRow]) -> HashPage:
    post_ids, pdqs, qualities, trimmed, trimmed_qualities, *_ = zip(*rows, strict=True)
    return HashPage(post_ids, pdqs, qualities, trimmed, trimmed_qualities)


def posts_of_day(
    connection: Connection, day: date, after: tuple[datetime, PostId] | None, limit: int
) -> list[tuple[datetime, PostId]]:
    """Up to `limit` posts with a verdict that were received on the day (UTC), in order."""
    start, end = bounds(day)
    query = (
        select(posts.c.received_at, posts.c.id)
        .where(posts.c.received_at >= start, posts.c.received_at < end, posts.c.verdict_at.is_not(None))
        .order_by(posts.c.received_at, posts.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(posts.c.received_at, posts.c.id) > tuple_(*after))
    return [(row.received_at, PostId(row.id)) for row in connection.execute(query)]


def pending(connection: Connection, day: date | None, until: datetime) -> int:
    """How many posts, received up to `until` and on the day (None: ever), have no verdict yet."""
    query = select(func.count()).select_from(posts).where(PENDING_SQL, posts.c.received_at <= until)
    if day is not None:
        start, end = bounds(day)
        query = query.where(posts.c.received_at >= start, posts.c.received_at < end)
    return connection.execute(query).scalar_one()


def hashes_of(connection: Connection, post_ids: Sequence[PostId]) -> dict[PostId, tuple[PictureHash, ...]]:
    """The hashes of each post that has any, by frame."""
    columns = picture_hashes.c
    query = select(columns.post_id, *_HASH_COLUMNS).where(columns.post_id.in_(post_ids))
    found: dict[PostId, tuple[PictureHash, ...]] = {}
    for row in connection.execute(query.order_by(columns.post_id, columns.frame)):
        kept = found.get(PostId(row.post_id), ())
        found[PostId(row.post_id)] = (*kept, _hash_of(row))
    return found


def _hash_of(row: AnyRow) -> PictureHash:
    return PictureHash(row.frame, row.pdq, row.quality, row.phash, row.dhash, row.trimmed, row.trimmed_quality)


def cases(connection: Connection, post_ids: Sequence[PostId], *, lock: bool = False) -> list[Case]:
    """The posts as they are, in the order of ids; `lock` keeps everybody else from changing them until the end."""
    query = select(*POST_COLUMNS, posts.c.overturned_at).where(posts.c.id.in_(list(post_ids))).order_by(posts.c.id)
    rows = connection.execute(query.with_for_update(key_share=True) if lock else query).all()
    found = latest_of(connection, [PostId(row.id) for row in rows])
    decided = _decided(connection, post_ids)
    settling = _settling(connection, post_ids)
    return [
        Case(
            post=post_of(row),
            screening=found.get(PostId(row.id)),
            decided_at=decided.get(PostId(row.id)),
            settling=PostId(row.id) in settling,
            overturned=row.overturned_at is not None,
        )
        for row in rows
    ]


def _decided(connection: Connection, post_ids: Sequence[PostId]) -> dict[PostId, datetime]:
    """When somebody last decided each post who had it before them; what was carried to it does not count."""
    query = (
        select(decisions.c.post_id, func.max(decisions.c.decided_at).label("at"))
        .where(decisions.c.post_id.in_(list(post_ids)), decisions.c.action.in_(ANSWERS), ~undone())
        .where(decisions.c.source == Source.PERSON, decisions.c.kind != JobKind.GOLD, decisions.c.binding.is_(True))
        .group_by(decisions.c.post_id)
    )
    return {PostId(row.post_id): row.at for row in connection.execute(query)}


def _settling(connection: Connection, post_ids: Sequence[PostId]) -> frozenset[PostId]:
    waits = exists().where(pending_decisions.c.decision_id == decisions.c.id).correlate(decisions)
    query = select(decisions.c.post_id).where(decisions.c.post_id.in_(list(post_ids)), waits)
    return frozenset(PostId(post_id) for post_id in connection.execute(query).scalars())


class SweptPosts:
    """The posts of one database, as sweeps read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cases(self, post_ids: Sequence[PostId]) -> list[Case]:
        """The posts as they are, in the order of ids; not locked."""
        with self._database.read() as connection:
            return cases(connection, post_ids)

    def hashes_of(self, post_ids: Sequence[PostId]) -> dict[PostId, tuple[PictureHash, ...]]:
        """The stored hashes of each post that has any, by frame."""
        with self._database.read() as connection:
            return hashes_of(connection, post_ids)

    def all_hashes(self) -> Iterator[HashPage]:
        """Every stored hash, in pages, in the order of storing: the fastest way through them."""
        place = BEFORE_ALL
        while True:
            with self._database.read() as connection:
                found = all_hashes(connection, place, PAGE)
            if found is None:
                return
            page, place = found
            yield page

    def hashes_of_day(self, day: date) -> Iterator[HashPage]:
        """The hashes of the posts of a day, in pages, in the order in which they were received."""
        after: DayPlace | None = None
        while True:
            with self._database.read() as connection:
                found = hashes_of_day(connection, day, after, PAGE)
            if found is None:
                return
            page, after = found
            yield page

    def posts_of_day(self, day: date, *, limit: int) -> Iterator[list[PostId]]:
        """The posts of a day that have a verdict, in pages of `limit`."""
        after: tuple[datetime, PostId] | None = None
        while True:
            with self._database.read() as connection:
                page = posts_of_day(connection, day, after, limit)
            if page:
                yield [post_id for _, post_id in page]
            if len(page) < limit:
                return
            after = page[-1]

    def pending(self, day: date | None, until: datetime) -> int:
        """How many posts that were received up to `until`, on the day (None: ever), have no verdict yet."""
        with self._database.read() as connection:
            return pending(connection, day, until)

    def days_of(self, cause: Cause, now: datetime) -> list[date]:
        """The days that a sweep of this cause would have."""
        with self._database.read() as connection:
            return list(days_between(connection, cause, now))
