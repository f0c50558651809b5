"""Decisions as they are stored: rows as domain values, and the queries that find them."""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, exists, select

from moderation.domain.decision import Action, Decision, Fate, Source
from moderation.domain.ids import AccountId, BatchId, DecisionId, JobId, PostId
from moderation.domain.job import JobKind
from moderation.storage.rows import AnyRow, AnySelect
from moderation.storage.tables import decision_fates, decisions, pending_decisions

ANSWERS = tuple(action for action in Action if action is not Action.ESCALATE)
"""Actions that answer the question; an escalation passes it on."""


def decisions_query() -> AnySelect:
    """Decisions with what became of them, oldest first."""
    return (
        select(decisions, decision_fates.c.fate, decision_fates.c.at.label("fate_at"))
        .join_from(decisions, decision_fates, decision_fates.c.decision_id == decisions.c.id, isouter=True)
        .order_by(decisions.c.number)
    )


def decision_of(row: AnyRow) -> Decision:
    """The decision in a row of `decisions_query`."""
    return Decision(
        number=row.number,
        id=DecisionId(row.id),
        batch=BatchId(row.batch),
        job_id=JobId(row.job_id),
        post_id=PostId(row.post_id),
        account=AccountId(row.account_id),
        source=row.source,
        kind=row.kind,
        queue=row.queue,
        action=row.action,
        category=row.category,
        reasons=tuple(json.loads(row.reasons)),
        note=row.note,
        seconds=row.seconds,
        decided_at=row.decided_at,
        effective_at=row.effective_at,
        binding=row.binding,
        fate=row.fate,
        fate_at=row.fate_at,
    )


def read(connection: Connection, *conditions: ColumnElement[bool]) -> list[Decision]:
    """The decisions for which all conditions hold, oldest first."""
    return [decision_of(row) for row in connection.execute(decisions_query().where(*conditions))]


def of_batch(connection: Connection, batch: str) -> list[Decision]:
    """What one submission decided, and what was carried by it since, oldest first."""
    return read(connection, decisions.c.batch == batch)


def by_person(found: Iterable[Decision]) -> list[Decision]:
    """Those that a person took, without the carried ones."""
    return [decision for decision in found if decision.source is Source.PERSON]


def undone() -> ColumnElement[bool]:
    """Beside `decisions`: it was taken back."""
    fate = decision_fates.alias("undoing")
    return exists().where(fate.c.decision_id == decisions.c.id, fate.c.fate == Fate.UNDONE).correlate(decisions)


def is_pending() -> ColumnElement[bool]:
    """Beside `decisions`: its undo window is open, or it is not settled yet."""
    return exists().where(pending_decisions.c.decision_id == decisions.c.id).correlate(decisions)


def deciders(connection: Connection, post_ids: Sequence[str]) -> list[AccountId]:
    """Everybody whose answer on one of the posts stands, in the order of ids; answers to gold items do not count."""
    query = (
        select(decisions.c.account_id)
        .where(decisions.c.post_id.in_(list(post_ids)), decisions.c.action.in_(ANSWERS))
        .where(decisions.c.kind != JobKind.GOLD, ~undone())
        .distinct()
    )
    return [AccountId(account) for account in sorted(connection.execute(query).scalars())]
