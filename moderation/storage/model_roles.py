"""Which model serves each slot: a log of changes, each audited in its own transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import ConflictError
from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin, RoleChange, RoleRecord, SlotRoles
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.review import counters
from moderation.storage.rows import AnyRow
from moderation.storage.shadow_results import measured
from moderation.storage.tables import counters as counter_table
from moderation.storage.tables import model_roles

GIVEN_UP = "candidate_given_up"
"""The counter (slot, digest) of candidates that lanes stopped asking, for their process kept dying."""


class ModelRoleStore:
    """The roles of one database. A slot that nothing was changed of is served by the model that ships."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> int:
        """The number of the newest change of any slot, 0 when there was none. Cheap."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(model_roles.c.number))).scalar_one() or 0

    def current(self) -> dict[str, SlotRoles]:
        """The roles of every slot that was ever changed, by slot."""
        last = select(func.max(model_roles.c.number)).group_by(model_roles.c.slot)
        query = select(model_roles).where(model_roles.c.number.in_(last)).order_by(model_roles.c.slot)
        with self._database.read() as connection:
            return {row.slot: _roles(row) for row in connection.execute(query)}

    def of(self, slot: str) -> SlotRoles:
        """The roles of one slot."""
        with self._database.read() as connection:
            return _of(connection, slot)

    def history(self, slot: str | None = None, limit: int = 100) -> list[RoleRecord]:
        """Up to `limit` changes, of one slot or of all, newest first."""
        query = select(model_roles).order_by(model_roles.c.number.desc()).limit(limit)
        if slot is not None:
            query = query.where(model_roles.c.slot == slot)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def name_candidate(
        self, slot: str, candidate: ModelPin | None, *, by: str, now: datetime, note: str = ""
    ) -> SlotRoles:
        """Try `candidate` beside the live model from now on, or nothing. What is so already is not written again.

        Raises `ConflictError` when the candidate is the live model.
        """
        with self._database.write() as connection:
            lock(connection)
            roles = _of(connection, slot)
            if candidate is not None and candidate == roles.live:
                raise ConflictError(
                    f"{candidate.name} serves {slot} already.",
                    hint="Name another model, or run `moderation models roles`.",
                )
            if candidate == roles.candidate:
                return roles
            changed = replace(roles, candidate=candidate)
            return _write(connection, changed, RoleChange.CANDIDATE, by=by, now=now, note=note)

    def give_up(self, slot: str, candidate: ModelPin, *, by: str, now: datetime, note: str) -> SlotRoles:
        """Try `candidate` no more, and count that; another one that was named meanwhile stays."""
        with self._database.write() as connection:
            lock(connection)
            roles = _of(connection, slot)
            if roles.candidate != candidate:
                return roles
            changed = replace(roles, candidate=None)
            written = _write(connection, changed, RoleChange.CANDIDATE, by=by, now=now, note=note)
            counters.add(connection, now, {(GIVEN_UP, slot, candidate.digest): 1})
            return written

    def given_up(self, since: datetime, until: datetime) -> dict[str, float]:
        """How many candidates were given up in the hours that begin in [since, until), by slot."""
        columns = counter_table.c
        query = (
            select(columns.label, func.sum(columns.value))
            .where(columns.name == GIVEN_UP, columns.hour >= since, columns.hour < until)
            .group_by(columns.label)
        )
        with self._database.read() as connection:
            return {slot: float(count) for slot, count in connection.execute(query)}

    def promote(
        self, slot: str, candidate: ModelPin, *, at_least: int, force: bool = False, by: str, now: datetime, note: str
    ) -> SlotRoles:
        """Let the candidate serve the slot; who served it is remembered.

        Raises `ConflictError` when `candidate` is not the slot's candidate (any more), when it measured fewer than
        `at_least` posts and `force` is not set, or when `force` is set without a note.
        """
        if force and not note.strip():
            raise ConflictError("A promotion that skips the count needs a note that says why.", hint="Add --note.")
        with self._database.write() as connection:
            lock(connection)
            roles = _of(connection, slot)
            if roles.candidate != candidate:
                raise ConflictError(
                    f"{candidate.name} is not the candidate for {slot} any more.",
                    hint="Run `moderation models roles` to see who changed what, with --history.",
                )
            posts = measured(connection, slot, candidate.digest)
            if posts < at_least and not force:
                raise ConflictError(
                    f"{candidate.name} has measured {posts:,} posts in shadow, fewer than {at_least:,}.",
                    hint="Wait, or use --force with a --note that says why.",
                )
            changed = replace(roles, live=candidate, candidate=None, former=roles.live)
            facts: dict[str, Json] = {"shadow_posts": posts, "forced": force}
            return _write(connection, changed, RoleChange.PROMOTE, by=by, now=now, note=note, facts=facts)

    def rollback(self, slot: str, *, by: str, now: datetime, note: str = "") -> SlotRoles:
        """Let the model serve the slot that served it before the last promotion. It is no candidate any more.

        Raises `ConflictError` when nothing was promoted: the model that ships serves it.
        """
        with self._database.write() as connection:
            lock(connection)
            roles = _of(connection, slot)
            if roles.live is None:
                raise ConflictError(
                    f"{slot} is served by the model that the software ships with: there is nothing to go back to.",
                    hint="`moderation models roles --history` lists every change.",
                )
            candidate = None if roles.candidate == roles.former else roles.candidate
            changed = replace(roles, live=roles.former, candidate=candidate, former=None)
            return _write(connection, changed, RoleChange.ROLLBACK, by=by, now=now, note=note)


def _of(connection: Connection, slot: str) -> SlotRoles:
    query = select(model_roles).where(model_roles.c.slot == slot).order_by(model_roles.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return SlotRoles(slot) if row is None else _roles(row)


def _write(
    connection: Connection,
    roles: SlotRoles,
    change: RoleChange,
    *,
    by: str,
    now: datetime,
    note: str,
    facts: dict[str, Json] | None = None,
) -> SlotRoles:
    """Append the change under the audit lock; its number is its event's."""
    told: dict[str, Json] = {
        "live": _told(roles.live),
        "candidate": _told(roles.candidate),
        "former": _told(roles.former),
        "note": note,
        **(facts or {}),
    }
    (event,) = append(connection, [AuditDraft(now, f"model.{change}", f"slot:{roles.slot}", by, told)])
    row: dict[str, object] = {"number": event.number, "slot": roles.slot, "change": change, "by": by, "at": now}
    for role, pin in (("live", roles.live), ("candidate", roles.candidate), ("former", roles.former)):
        row[f"{role}_name"], row[f"{role}_digest"] = (None, None) if pin is None else (pin.name, pin.digest)
    connection.execute(insert(model_roles).values(**row, note=note))
    return replace(roles, number=event.number)


def _told(pin: ModelPin | None) -> Json:
    return None if pin is None else {"name": pin.name, "digest": pin.digest}


def _roles(row: AnyRow) -> SlotRoles:
    live, candidate, former = _pins(
        (row.live_name, row.live_digest),
        (row.candidate_name, row.candidate_digest),
        (row.former_name, row.former_digest),
    )
    return SlotRoles(row.slot, row.number, live, candidate, former)


def _pins(*pairs: tuple[str | None, str | None]) -> Sequence[ModelPin | None]:
    return [None if name is None else ModelPin(name, Digest(digest or "")) for name, digest in pairs]


def _record(row: AnyRow) -> RoleRecord:
    return RoleRecord(_roles(row), row.change, row.by, row.at, row.note)
