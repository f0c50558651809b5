"""Every version of the review plan, append-only: the newest is in force."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from moderation.domain.audit import AuditDraft
from moderation.domain.errors import ConflictError
from moderation.domain.ids import AccountId, Digest
from moderation.domain.people import Person
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.rows import AnyRow
from moderation.storage.tables import review_plans


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version of the plan; `number` is its audit event's."""

    number: int
    digest: Digest
    text: str
    account: AccountId
    at: datetime


class PlanStore:
    """The review plans of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, text: str, *, person: Person, now: datetime, expected: int) -> PlanVersion:
        """Put a text into force, audited. The caller has compiled it.

        `expected` is the version that the person edited (0: the file). Raises `ConflictError` when another one came
        first, so that nobody overwrites what they have not seen. The text that is in force already is not saved again.
        """
        digest = Digest(hashlib.sha256(text.encode()).hexdigest())
        with self._database.write() as connection:
            lock(connection)
            newest = _newest(connection)
            if newest != expected:
                raise ConflictError(
                    "Somebody saved another version of the plan meanwhile.", hint="Compare, and save again."
                )
            current = _version(connection, newest)
            if current is not None and current.digest == digest:
                return current
            draft = AuditDraft(
                now, "plan.saved", f"plan:{digest}", person.actor, {"previous": newest, "characters": len(text)}
            )
            event = append(connection, [draft])[0]
            connection.execute(
                insert(review_plans).values(number=event.number, digest=digest, text=text, account_id=person.id, at=now)
            )
        return PlanVersion(event.number, digest, text, person.id, now)

    def newest(self) -> int:
        """The newest version's number, 0 when there is none."""
        with self._database.read() as connection:
            return _newest(connection)

    def current(self) -> tuple[int, str] | None:
        """Number and text of the newest version, or None."""
        found = self.history(1)
        return (found[0].number, found[0].text) if found else None

    def get(self, number: int) -> PlanVersion | None:
        """One version, or None."""
        with self._database.read() as connection:
            return _version(connection, number)

    def history(self, limit: int) -> Sequence[PlanVersion]:
        """Up to `limit` versions, newest first."""
        query = select(review_plans).order_by(review_plans.c.number.desc()).limit(limit)
        with self._database.read() as connection:
            return [_of(row) for row in connection.execute(query)]


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(review_plans.c.number))).scalar_one() or 0


def _version(connection: Connection, number: int) -> PlanVersion | None:
    row = connection.execute(select(review_plans).where(review_plans.c.number == number)).one_or_none()
    return None if row is None else _of(row)


def _of(row: AnyRow) -> PlanVersion:
    return PlanVersion(row.number, Digest(row.digest), row.text, AccountId(row.account_id), row.at)
