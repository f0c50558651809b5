"""Changes of models' roles that differ from what was audited of them, or of which one side is gone."""

import json
from typing import Any

from sqlalchemy import Connection, exists, select

from moderation.domain.audit import ChainBreak
from moderation.domain.model_role import RoleChange
from moderation.storage.rows import AnyRow
from moderation.storage.tables import audit_events, model_roles

KINDS = tuple(f"model.{change}" for change in RoleChange)
"""The kinds of event that tell of a change."""
ROLES = ("live", "candidate", "former")


def role_without_event(connection: Connection) -> ChainBreak | None:
    """A change whose event is missing or says something else."""
    query = (
        select(
            model_roles,
            audit_events.c.kind,
            audit_events.c.subject,
            audit_events.c.actor,
            audit_events.c.at.label("told_at"),
            audit_events.c.payload,
        )
        .join_from(model_roles, audit_events, audit_events.c.number == model_roles.c.number, isouter=True)
        .order_by(model_roles.c.number)
    )
    for row in connection.execute(query):
        if row.payload is None or not _same(row, json.loads(row.payload)):
            return ChainBreak(row.number, f"the change of the model of {row.slot} is not the one that was audited")
    return None


def event_without_role(connection: Connection) -> ChainBreak | None:
    """An event that tells of a change which is not there any more."""
    query = (
        select(audit_events.c.number, audit_events.c.subject)
        .where(audit_events.c.kind.in_(KINDS))
        .where(~exists().where(model_roles.c.number == audit_events.c.number))
    )
    row = connection.execute(query.order_by(audit_events.c.number).limit(1)).one_or_none()
    return None if row is None else ChainBreak(row.number, f"the change of {row.subject} was audited and is gone")


def _same(row: AnyRow, told: dict[str, Any]) -> bool:
    stored = row._mapping  # noqa: SLF001 - how a row is read by a name that is computed
    pins = {
        role: {"name": stored[f"{role}_name"], "digest": stored[f"{role}_digest"]} if stored[f"{role}_name"] else None
        for role in ROLES
    }
    said = (row.kind, row.subject, row.actor, row.told_at, told.get("note"))
    return said == (f"model.{row.change}", f"slot:{row.slot}", row.by, row.at, row.note) and all(
        told.get(role) == pin for role, pin in pins.items()
    )
