"""Decisions of people that differ from what was audited of them, or of which one side is gone."""

import hashlib
import json
from typing import Any

from sqlalchemy import Connection, exists, select

from moderation.domain.audit import ChainBreak
from moderation.domain.decision import Source
from moderation.storage.rows import AnyRow
from moderation.storage.tables import audit_events, decision_fates, decisions

PAGE = 1_000
MADE = {Source.PERSON: "decision.made", Source.CARRIED: "decision.carried"}
FATES = {
    "settled": "post.decided",
    "superseded": "post.decision_superseded",
    "undone": "decision.undone",
}
"""The kind of event that tells of each fate."""


def decision_without_event(connection: Connection) -> ChainBreak | None:
    """A decision row whose event is missing or says something else."""
    query = (
        select(decisions, audit_events.c.kind.label("told"), audit_events.c.subject, audit_events.c.payload)
        .join_from(decisions, audit_events, audit_events.c.number == decisions.c.number, isouter=True)
        .order_by(decisions.c.number)
        .limit(PAGE)
    )
    after = 0
    while rows := connection.execute(query.where(decisions.c.number > after)).all():
        for row in rows:
            if row.payload is None or not _same(row, json.loads(row.payload)):
                problem = f"the decision on post {row.post_id} is not the one that was audited"
                return ChainBreak(row.number, problem)
        after = rows[-1].number
    return None


def event_without_decision(connection: Connection) -> ChainBreak | None:
    """An event that tells of a decision which is not there any more."""
    query = (
        select(audit_events.c.number, audit_events.c.subject)
        .where(audit_events.c.kind.in_(list(MADE.values())))
        .where(~exists().where(decisions.c.number == audit_events.c.number))
    )
    row = connection.execute(query.order_by(audit_events.c.number).limit(1)).one_or_none()
    return None if row is None else ChainBreak(row.number, f"the decision on {row.subject} was audited and is gone")


def fate_without_event(connection: Connection) -> ChainBreak | None:
    """A fate whose event is missing, or tells of another one."""
    query = (
        select(decision_fates, audit_events.c.kind.label("told"), audit_events.c.payload)
        .join_from(decision_fates, audit_events, audit_events.c.number == decision_fates.c.number, isouter=True)
        .order_by(decision_fates.c.decision_id)
        .limit(PAGE)
    )
    after = ""
    while rows := connection.execute(query.where(decision_fates.c.decision_id > after)).all():
        for row in rows:
            told = row.payload is not None and row.told == FATES[row.fate.value]
            about = json.loads(row.payload).get("decision", row.decision_id) if told else None
            if about != row.decision_id:
                return ChainBreak(row.number, f"what became of decision {row.decision_id} is not what was audited")
        after = rows[-1].decision_id
    return None


def _same(row: AnyRow, said: dict[str, Any]) -> bool:
    """Whether the row says what its event says. A carried decision has no note, and binds."""
    expected: dict[str, object] = {
        "decision": row.id,
        "batch": row.batch,
        "job": row.job_id,
        "action": row.action,
        "category": row.category,
        "reasons": json.loads(row.reasons),
    }
    if row.source is Source.PERSON:
        note = hashlib.sha256(row.note.encode()).hexdigest()
        expected |= {"kind": row.kind, "queue": row.queue, "binding": row.binding, "note_sha256": note}
    elif row.note or not row.binding:
        return False
    same = all(said.get(name) == value for name, value in expected.items())
    return same and row.told == MADE[row.source] and row.subject == f"post:{row.post_id}"
