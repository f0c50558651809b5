"""Gold items: posts whose right answer is known, mixed into people's work to measure it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.decision import Action
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AccountId, PostId, new_id
from moderation.domain.job import Job, JobKind
from moderation.domain.people import Person
from moderation.domain.post import PENDING, PostState
from moderation.domain.quality import GoldItem, GoldResult
from moderation.domain.worker import Worker
from moderation.storage.audit import append
from moderation.storage.engine import Database
from moderation.storage.review import gold_offers
from moderation.storage.review.decision_rows import is_pending, undone
from moderation.storage.review.standing import Standing, standings
from moderation.storage.review.submissions import is_storable
from moderation.storage.rows import AnyRow
from moderation.storage.tables import decisions, gold_items, job_posts, jobs, posts

MAX_NOTE_CHARS = 4_000


class GoldStore:
    """The gold items of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, post_id: PostId, *, queue: str, action: Action, category: str, note: str, person: Person, now: datetime
    ) -> GoldItem:
        """Make a post whose story is over a gold item of a queue; `action` is approve or reject.

        Raises `NotFoundError` for no such post, `ConflictError` when it still waits for a decision or is a gold item
        already, `InvalidInputError` for an answer that cannot be given.
        """
        _check_answer(queue, action, category, note)
        item = GoldItem(new_id(now), post_id, queue, action, category, note, person.id, now)
        with self._database.write() as connection:
            _check_post(connection, post_id)
            payload: dict[str, Json] = {"post": post_id, "queue": queue, "action": action, "category": category}
            append(connection, [AuditDraft(now, "gold.added", f"gold:{item.id}", person.actor, payload)])
            connection.execute(insert(gold_items).values(**_row(item)))
        return item

    def retire(self, gold_id: str, *, person: Person, now: datetime) -> None:
        """Ask nobody about it any more; twice is once. Raises `NotFoundError`."""
        with self._database.write() as connection:
            query = select(gold_items).where(gold_items.c.id == gold_id).with_for_update()
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFoundError("There is no such gold item.")
            if row.retired_at is not None:
                return
            append(connection, [AuditDraft(now, "gold.retired", f"gold:{gold_id}", person.actor, {})])
            connection.execute(update(gold_items).where(gold_items.c.id == gold_id).values(retired_at=now))

    def standing(self, post_id: PostId) -> Standing:
        """In which queues and under which categories the post was judged."""
        with self._database.read() as connection:
            return standings(connection, [post_id])[post_id]

    def offer(self, worker: Worker, *, now: datetime, may_show: Callable[[Standing], bool] | None = None) -> Job | None:
        """Open a job for a gold item that the person never saw, for that person alone; None when there is none.

        It looks as the post's own job did, and waits for as long as the queue's next job. A person has one open gold
        job at most. `may_show` is asked about the post: it may have become restricted since it was chosen.
        """
        with self._database.read() as connection:
            if gold_offers.candidate(connection, worker) is None:
                return None
        with self._database.write() as connection:
            return gold_offers.offer(connection, worker, now=now, may_show=may_show)

    def results(self, account: AccountId | None, *, since: datetime, limit: int = 1_000) -> list[GoldResult]:
        """Final answers, newest first; of everybody when `account` is None. An escalation is an answer too."""
        query = (
            select(
                decisions,
                gold_items.c.id.label("gold_id"),
                gold_items.c.queue.label("gold_queue"),
                gold_items.c.action.label("right_action"),
                gold_items.c.category.label("right_category"),
                gold_items.c.note.label("why"),
            )
            .join_from(decisions, jobs, jobs.c.id == decisions.c.job_id)
            .join(gold_items, gold_items.c.id == jobs.c.origin)
            .where(decisions.c.kind == JobKind.GOLD, decisions.c.decided_at >= since, ~undone(), ~is_pending())
            .order_by(decisions.c.number.desc())
            .limit(limit)
        )
        if account is not None:
            query = query.where(decisions.c.account_id == account)
        with self._database.read() as connection:
            return [_result(row) for row in connection.execute(query)]

    def list(self, *, retired: bool = False, limit: int = 200) -> Sequence[GoldItem]:
        """Gold items, newest first; retired ones only when asked for."""
        answered = (
            select(jobs.c.origin, func.count(decisions.c.account_id.distinct()).label("asked"))
            .join_from(jobs, decisions, decisions.c.job_id == jobs.c.id)
            .where(jobs.c.kind == JobKind.GOLD)
            .group_by(jobs.c.origin)
            .subquery()
        )
        query = (
            select(gold_items, func.coalesce(answered.c.asked, 0).label("asked"))
            .join_from(gold_items, answered, answered.c.origin == gold_items.c.id, isouter=True)
            .order_by(gold_items.c.added_at.desc(), gold_items.c.id.desc())
            .limit(limit)
        )
        if not retired:
            query = query.where(gold_items.c.retired_at.is_(None))
        with self._database.read() as connection:
            return [_item(row) for row in connection.execute(query)]


def _check_answer(queue: str, action: Action, category: str, note: str) -> None:
    if not queue:
        raise InvalidInputError("A gold item needs a queue.")
    if action not in {Action.APPROVE, Action.REJECT}:
        raise InvalidInputError("The right answer is to approve or to reject.")
    if (action is Action.REJECT) != bool(category):
        raise InvalidInputError("A rejection has a category, an approval has none.")
    if len(note) > MAX_NOTE_CHARS or not is_storable(note):
        raise InvalidInputError(f"A note has up to {MAX_NOTE_CHARS:,} characters.")


def _check_post(connection: Connection, post_id: PostId) -> None:
    """Raise unless the post's story is over; it is locked, so that two people do not add it at once."""
    query = select(posts.c.state).where(posts.c.id == post_id).with_for_update(key_share=True)
    state = connection.execute(query).scalar_one_or_none()
    if state is None:
        raise NotFoundError("There is no such post.")
    waiting = (
        select(jobs.c.id)
        .join_from(jobs, job_posts, job_posts.c.job_id == jobs.c.id)
        .where(job_posts.c.post_id == post_id, job_posts.c.left_at.is_(None))
        .where(jobs.c.closed_at.is_(None), jobs.c.kind != JobKind.GOLD)
    )
    if state in {*PENDING, PostState.HELD} or connection.execute(waiting.limit(1)).first() is not None:
        raise ConflictError("The post still waits for a decision; its right answer is not known yet.")
    known = select(gold_items.c.id).where(gold_items.c.post_id == post_id, gold_items.c.retired_at.is_(None))
    if connection.execute(known.limit(1)).first() is not None:
        raise ConflictError("The post is a gold item already.")


def _row(item: GoldItem) -> dict[str, object]:
    return {
        "id": item.id,
        "post_id": item.post_id,
        "queue": item.queue,
        "action": item.action,
        "category": item.category,
        "note": item.note,
        "added_by": item.added_by,
        "added_at": item.added_at,
    }


def _item(row: AnyRow) -> GoldItem:
    return GoldItem(
        id=row.id,
        post_id=PostId(row.post_id),
        queue=row.queue,
        action=row.action,
        category=row.category,
        note=row.note,
        added_by=AccountId(row.added_by),
        added_at=row.added_at,
        retired_at=row.retired_at,
        asked=row.asked,
    )


def _result(row: AnyRow) -> GoldResult:
    return GoldResult(
        gold_id=row.gold_id,
        post_id=PostId(row.post_id),
        account=AccountId(row.account_id),
        queue=row.gold_queue,
        expected_action=row.right_action,
        expected_category=row.right_category,
        given_action=row.action,
        given_category=row.category,
        note=row.why,
        decided_at=row.decided_at,
    )
