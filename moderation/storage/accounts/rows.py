"""Rows of accounts as domain values. Secrets never leave in them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from moderation.domain.errors import NotFoundError
from moderation.domain.ids import AccountId
from moderation.domain.people import Person
from moderation.storage.rows import AnyRow
from moderation.storage.tables import accounts, queue_grants

ACCOUNT_COLUMNS = (
    accounts.c.id.label("account_id"),
    accounts.c.name,
    accounts.c.display_name,
    accounts.c.role,
    accounts.c.languages,
    accounts.c.skills,
    accounts.c.preferences,
    accounts.c.password_hash.is_not(None).label("has_password"),
    accounts.c.must_change,
    accounts.c.totp_secret.is_not(None).label("has_totp"),
    accounts.c.recovery_digests,
    accounts.c.issuer,
    accounts.c.subject,
    accounts.c.created_at.label("account_created_at"),
    accounts.c.disabled_at,
)
"""What `person_of` and `locks_of` read."""


@dataclass(frozen=True, slots=True)
class Locks:
    """What stands between a name and its account, without any secret.

    `must_change`: the password was set by somebody else. `subject` is the person's id at the identity provider
    `issuer`; both are "" when none is connected.
    """

    password: bool
    must_change: bool
    totp: bool
    recovery_codes: int
    issuer: str = ""
    subject: str = ""


def people_of(rows: Iterable[AnyRow]) -> list[Person]:
    """The people in rows that have `ACCOUNT_COLUMNS` and `queue`, one row for each grant, in the order of the rows."""
    grouped: dict[str, list[AnyRow]] = {}
    for row in rows:
        grouped.setdefault(row.account_id, []).append(row)
    return [person_of(group) for group in grouped.values()]


def person_of(rows: Sequence[AnyRow]) -> Person:
    """The one person in rows that have `ACCOUNT_COLUMNS` and `queue`, one row for each grant."""
    row = rows[0]
    return Person(
        id=AccountId(row.account_id),
        name=row.name,
        display_name=row.display_name,
        role=row.role,
        queues=frozenset(each.queue for each in rows if each.queue is not None),
        languages=frozenset(row.languages.split()),
        skills=frozenset(row.skills.split()),
        preferences=_object(row.preferences),
        created_at=row.account_created_at,
        disabled_at=row.disabled_at,
    )


def locks_of(row: AnyRow) -> Locks:
    """How the account in a row that has `ACCOUNT_COLUMNS` is locked."""
    return Locks(
        password=row.has_password,
        must_change=row.must_change,
        totp=row.has_totp,
        recovery_codes=len(json.loads(row.recovery_digests)),
        issuer=row.issuer or "",
        subject=row.subject or "",
    )


def read_person(connection: Connection, account: AccountId) -> Person:
    """The person with this id, disabled ones too. Raises `NotFoundError`."""
    query = (
        select(*ACCOUNT_COLUMNS, queue_grants.c.queue)
        .select_from(accounts.outerjoin(queue_grants, queue_grants.c.account_id == accounts.c.id))
        .where(accounts.c.id == account)
    )
    rows = connection.execute(query).all()
    if not rows:
        raise NotFoundError("There is no such account.")
    return person_of(rows)


def _object(text: str) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads(text)
    return found
