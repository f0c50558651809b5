"""A person's newest submissions, each as one line."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from moderation.domain.decision import Decision, Fate, Source
from moderation.domain.ids import AccountId, BatchId
from moderation.storage.review.decision_rows import decision_of, decisions_query
from moderation.storage.review.terms import RecentBatch
from moderation.storage.tables import decision_fates, decisions, pending_decisions

PAGE = 200
_WORST_FIRST = (Fate.UNDONE, Fate.SUPERSEDED, Fate.SETTLED)


def recent(connection: Connection, account: AccountId, *, limit: int, now: datetime) -> list[RecentBatch]:
    """Up to `limit` submissions, newest first; reads no more than these need."""
    firsts: dict[BatchId, Decision] = {}
    query = decisions_query().order_by(None).order_by(decisions.c.number.desc()).limit(PAGE)
    query = query.where(decisions.c.account_id == account, decisions.c.source == Source.PERSON)
    before: int | None = None
    while len(firsts) < limit:
        page = query if before is None else query.where(decisions.c.number < before)
        rows = [decision_of(row) for row in connection.execute(page)]
        for decision in rows:
            if decision.batch in firsts or len(firsts) < limit:
                firsts.setdefault(decision.batch, decision)
        if len(rows) < PAGE:
            break
        before = rows[-1].number
    return _described(connection, list(firsts.values()), now)


def _described(connection: Connection, firsts: Sequence[Decision], now: datetime) -> list[RecentBatch]:
    batches = [decision.batch for decision in firsts]
    query = (
        select(decisions.c.batch, decision_fates.c.fate, func.count().label("posts"))
        .join_from(decisions, decision_fates, decision_fates.c.decision_id == decisions.c.id, isouter=True)
        .where(decisions.c.batch.in_(batches))
        .group_by(decisions.c.batch, decision_fates.c.fate)
    )
    posts: dict[str, dict[Fate | None, int]] = {}
    for row in connection.execute(query):
        posts.setdefault(row.batch, {})[row.fate] = row.posts
    waiting = set(
        connection.execute(
            select(pending_decisions.c.batch)
            .where(pending_decisions.c.batch.in_(batches), pending_decisions.c.effective_at > now)
            .distinct()
        ).scalars()
    )
    return [_line(decision, posts[decision.batch], undoable=decision.batch in waiting) for decision in firsts]


def _line(decision: Decision, posts: dict[Fate | None, int], *, undoable: bool) -> RecentBatch:
    fate = next((fate for fate in _WORST_FIRST if fate in posts), None)
    return RecentBatch(
        batch=decision.batch,
        job_id=decision.job_id,
        queue=decision.queue,
        action=decision.action,
        category=decision.category,
        posts=sum(posts.values()),
        decided_at=decision.decided_at,
        effective_at=decision.effective_at,
        undoable=undoable,
        fate=fate,
    )
