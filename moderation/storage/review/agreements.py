"""Posts that were rated twice without knowing of each other: what kappa and alpha are computed from."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from moderation.domain.decision import Source
from moderation.domain.job import JobKind
from moderation.domain.quality import GOLD_RATER, ReviewedUnit, label_of
from moderation.storage.review.decision_rows import ANSWERS, is_pending, undone
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import decisions, gold_items, jobs


def read(connection: Connection, kind: JobKind, *, since: datetime, limit: int) -> list[ReviewedUnit]:
    """Up to `limit` final ratings of `kind` given since then, newest first, each beside what it is compared with.

    Raises `ValueError` for a kind that compares nothing.
    """
    if kind is JobKind.GOLD:
        return [_gold_unit(row) for row in connection.execute(_gold(since, limit))]
    if kind not in {JobKind.SECOND, JobKind.AUDIT}:
        raise ValueError(f"jobs of kind {kind} compare nobody")
    rows = connection.execute(final_answers(kind, since, limit)).all()
    earlier = _first_answers(connection, [row.origin for row in rows])
    return [_pair(row, earlier[row.origin]) for row in rows if row.origin in earlier]


def final_answers(kind: JobKind, since: datetime, limit: int) -> AnySelect:
    """Answers of people to jobs of `kind` that can be undone no more, with the job's category and origin."""
    return (
        select(decisions, jobs.c.category.label("suspected"), jobs.c.origin)
        .join_from(decisions, jobs, jobs.c.id == decisions.c.job_id)
        .where(decisions.c.kind == kind, decisions.c.decided_at >= since, decisions.c.source == Source.PERSON)
        .where(decisions.c.action.in_(ANSWERS), ~undone(), ~is_pending())
        .order_by(decisions.c.number.desc())
        .limit(limit)
    )


def _first_answers(connection: Connection, batches: Sequence[str]) -> dict[str, AnyRow]:
    query = select(decisions).where(decisions.c.batch.in_(set(batches)), decisions.c.source == Source.PERSON, ~undone())
    return {row.batch: row for row in connection.execute(query)}


def _pair(row: AnyRow, first: AnyRow) -> ReviewedUnit:
    ratings = {first.account_id: label_of(first.action, first.category)}
    ratings[row.account_id] = label_of(row.action, row.category)
    return ReviewedUnit(row.post_id, row.suspected, ratings)


def _gold(since: datetime, limit: int) -> AnySelect:
    return (
        final_answers(JobKind.GOLD, since, limit)
        .add_columns(gold_items.c.action.label("right_action"), gold_items.c.category.label("right_category"))
        .join(gold_items, gold_items.c.id == jobs.c.origin)
    )


def _gold_unit(row: AnyRow) -> ReviewedUnit:
    ratings = {
        GOLD_RATER: label_of(row.right_action, row.right_category),
        row.account_id: label_of(row.action, row.category),
    }
    return ReviewedUnit(row.post_id, row.suspected, ratings)
