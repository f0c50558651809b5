"""The console's people: who there is, what they may do, and every change of it with its audit event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.audit import AuditDraft, Json, canonical_json
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AccountId, new_id
from moderation.domain.people import CAPABILITIES, Capability, Person, Role
from moderation.storage.accounts.account_words import check_description, check_name, check_queues
from moderation.storage.accounts.rows import ACCOUNT_COLUMNS, Locks, locks_of, people_of, person_of, read_person
from moderation.storage.accounts.sessions import end_sessions
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.review.leasing import free
from moderation.storage.rows import AnySelect
from moderation.storage.tables import accounts, queue_grants

MAX_PREFERENCES_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made. Without `password_hash` only the identity provider lets the person in.

    `must_change`: the first thing the person does is to choose a password of their own.
    """

    name: str
    role: Role
    display_name: str = ""
    queues: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    password_hash: str | None = field(default=None, repr=False)
    must_change: bool = False
    issuer: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """A person, and how their account is locked."""

    person: Person
    locks: Locks


class PeopleStore:
    """The accounts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account: AccountId) -> Person:
        """The person with this id and their grants, in one query; disabled ones too. Raises `NotFoundError`."""
        with self._database.read() as connection:
            return read_person(connection, account)

    def account(self, account: AccountId) -> Account:
        """The person with this id, and how the account is locked. Raises `NotFoundError`."""
        return self._one(accounts.c.id == account)

    def by_name(self, name: str) -> Account:
        """The account with this name, disabled ones too. Raises `NotFoundError`."""
        return self._one(accounts.c.name == name)

    def by_subject(self, issuer: str, subject: str) -> Account | None:
        """The account that is connected to this identity, if there is one."""
        try:
            return self._one((accounts.c.issuer == issuer) & (accounts.c.subject == subject))
        except NotFoundError:
            return None

    def everybody(self) -> list[Account]:
        """Every account by name, disabled ones too."""
        with self._database.read() as connection:
            rows = connection.execute(_query().order_by(accounts.c.name)).all()
        locks = {row.account_id: locks_of(row) for row in rows}
        return [Account(person, locks[person.id]) for person in people_of(rows)]

    def working_in(self, queue: str) -> list[Person]:
        """Whoever was let into `queue` and is not disabled, by name: to whom one of its jobs can be handed over."""
        granted = select(queue_grants.c.account_id).where(queue_grants.c.queue == queue)
        query = _query().where(accounts.c.id.in_(granted), accounts.c.disabled_at.is_(None)).order_by(accounts.c.name)
        with self._database.read() as connection:
            return people_of(connection.execute(query))

    def names(self, ids: Iterable[AccountId]) -> dict[AccountId, str]:
        """What to call these people on a page, in one query; unknown ids are left out."""
        query = select(accounts.c.id, accounts.c.name, accounts.c.display_name).where(accounts.c.id.in_(set(ids)))
        with self._database.read() as connection:
            return {AccountId(row.id): row.display_name or row.name for row in connection.execute(query)}

    def is_empty(self) -> bool:
        """Whether there is no account at all."""
        with self._database.read() as connection:
            return connection.execute(select(accounts.c.id).limit(1)).first() is None

    def create(self, new: NewAccount, *, actor: str, now: datetime) -> Person:
        """A new account. Raises `ConflictError` when its name or identity is taken, `InvalidInputError`."""
        _check(new)
        account = AccountId(new_id(now))
        try:
            with self._database.write() as connection:
                append(connection, [_draft(now, "account.created", new.name, actor, _facts(new))])
                connection.execute(insert(accounts).values(**_row(new, account, now)))
                _grant(connection, account, new.queues, actor, now)
                return read_person(connection, account)
        except IntegrityError as error:
            raise ConflictError(
                f"There is an account {new.name!r} already, or one of that identity.", hint="Choose another name."
            ) from error

    def set_queues(self, account: AccountId, queues: frozenset[str], *, actor: str, now: datetime) -> Person:
        """Grant exactly these queues; jobs of others that the person has are everybody's again.

        Raises `NotFoundError`, `InvalidInputError`.
        """
        check_queues(queues)
        with self._database.write() as connection:
            free(connection, account, queues=read_person(connection, account).queues - queues)
            before = _locked(connection, account)
            added, removed = queues - before.queues, before.queues - queues
            if added or removed:
                facts: dict[str, Json] = {"granted": [*sorted(added)], "revoked": [*sorted(removed)]}
                append(connection, [_draft(now, "account.queues_changed", before.name, actor, facts)])
                connection.execute(
                    delete(queue_grants).where(queue_grants.c.account_id == account, queue_grants.c.queue.in_(removed))
                )
                _grant(connection, account, added, actor, now)
            return read_person(connection, account)

    def set_role(self, account: AccountId, role: Role, *, actor: str, now: datetime) -> Person:
        """Give the person another role, in force with their next request. Raises `NotFoundError`, and `ConflictError`
        where no administrator would be left.
        """
        with self._database.write() as connection:
            if Capability.DECIDE not in CAPABILITIES[role]:
                free(connection, account)
            before = _locked(connection, account)
            if before.role is role:
                return before
            if before.role is Role.ADMIN:
                _keep_an_admin(connection, account)
            facts: dict[str, Json] = {"before": before.role.value, "after": role.value}
            append(connection, [_draft(now, "account.role_changed", before.name, actor, facts)])
            connection.execute(update(accounts).where(accounts.c.id == account).values(role=role))
            return read_person(connection, account)

    def describe(
        self,
        account: AccountId,
        *,
        display_name: str,
        languages: frozenset[str],
        skills: frozenset[str],
        actor: str,
        now: datetime,
    ) -> Person:
        """What the person is called, reads and knows. Raises `NotFoundError`, `InvalidInputError`."""
        check_description(display_name, languages, skills)
        values = {
            "display_name": display_name,
            "languages": " ".join(sorted(languages)),
            "skills": " ".join(sorted(skills)),
        }
        with self._database.write() as connection:
            before = _locked(connection, account)
            append(connection, [_draft(now, "account.described", before.name, actor, dict(values))])
            connection.execute(update(accounts).where(accounts.c.id == account).values(**values))
            return read_person(connection, account)

    def disable(self, account: AccountId, *, actor: str, now: datetime) -> None:
        """Let the person in no more, and end their sessions; what they had or put aside is everybody's again.

        Raises `NotFoundError`, and `ConflictError` where no administrator would be left.
        """
        with self._database.write() as connection:
            free(connection, account)
            before = _locked(connection, account)
            if before.disabled_at is not None:
                return
            if before.role is Role.ADMIN:
                _keep_an_admin(connection, account)
            append(connection, [_draft(now, "account.disabled", before.name, actor, {})])
            connection.execute(update(accounts).where(accounts.c.id == account).values(disabled_at=now))
            end_sessions(connection, account, now=now)

    def enable(self, account: AccountId, *, actor: str, now: datetime) -> None:
        """Let a disabled person in again. Raises `NotFoundError`."""
        with self._database.write() as connection:
            before = _locked(connection, account)
            if before.disabled_at is None:
                return
            append(connection, [_draft(now, "account.enabled", before.name, actor, {})])
            connection.execute(update(accounts).where(accounts.c.id == account).values(disabled_at=None))

    def connect(self, account: AccountId, *, issuer: str, subject: str, actor: str, now: datetime) -> None:
        """Let the identity provider's `subject` in as this account; "" and "" disconnect.

        Raises `NotFoundError`, and `ConflictError` when another account has that identity.
        """
        try:
            with self._database.write() as connection:
                before = _locked(connection, account)
                kind = "account.connected" if subject else "account.disconnected"
                append(connection, [_draft(now, kind, before.name, actor, {"issuer": issuer})])
                connection.execute(
                    update(accounts)
                    .where(accounts.c.id == account)
                    .values(issuer=issuer or None, subject=subject or None)
                )
        except IntegrityError as error:
            raise ConflictError("Another account has that identity.") from error

    def set_preferences(self, account: AccountId, preferences: Mapping[str, object]) -> None:
        """Keep what the person prefers, as JSON; no audit event. Raises `InvalidInputError` when it is too long."""
        text = canonical_json(preferences)
        if len(text) > MAX_PREFERENCES_CHARS:
            raise InvalidInputError("The preferences are too long.")
        with self._database.write() as connection:
            connection.execute(update(accounts).where(accounts.c.id == account).values(preferences=text))

    def _one(self, condition: object) -> Account:
        with self._database.read() as connection:
            rows = connection.execute(_query().where(condition)).all()  # type: ignore[arg-type]
        if not rows:
            raise NotFoundError("There is no such account.")
        return Account(person_of(rows), locks_of(rows[0]))


def _query() -> AnySelect:
    return select(*ACCOUNT_COLUMNS, queue_grants.c.queue).select_from(
        accounts.outerjoin(queue_grants, queue_grants.c.account_id == accounts.c.id)
    )


def _locked(connection: Connection, account: AccountId) -> Person:
    """The person as nobody else can change them until the end of the transaction."""
    lock(connection)
    return read_person(connection, account)


def _keep_an_admin(connection: Connection, leaving: AccountId) -> None:
    query = select(func.count()).where(
        accounts.c.role == Role.ADMIN, accounts.c.disabled_at.is_(None), accounts.c.id != leaving
    )
    if connection.execute(query).scalar_one() == 0:
        raise ConflictError("This is the last administrator.", hint="Make another one first.")


def _grant(connection: Connection, account: AccountId, queues: Iterable[str], actor: str, now: datetime) -> None:
    rows = [{"account_id": account, "queue": queue, "granted_by": actor, "granted_at": now} for queue in sorted(queues)]
    if rows:
        connection.execute(insert(queue_grants), rows)


def _draft(now: datetime, kind: str, name: str, actor: str, facts: Mapping[str, Json]) -> AuditDraft:
    return AuditDraft(now, kind, f"account:{name}", actor, facts)


def _facts(new: NewAccount) -> dict[str, Json]:
    return {
        "role": new.role.value,
        "queues": [*sorted(new.queues)],
        "password": new.password_hash is not None,
        "issuer": new.issuer,
    }


def _row(new: NewAccount, account: AccountId, now: datetime) -> dict[str, object]:
    return {
        "id": account,
        "name": new.name,
        "display_name": new.display_name,
        "role": new.role,
        "languages": " ".join(sorted(new.languages)),
        "skills": " ".join(sorted(new.skills)),
        "preferences": "{}",
        "password_hash": new.password_hash,
        "must_change": new.must_change,
        "recovery_digests": "[]",
        "issuer": new.issuer or None,
        "subject": new.subject or None,
        "created_at": now,
    }


def _check(new: NewAccount) -> None:
    check_name(new.name)
    check_queues(new.queues)
    check_description(new.display_name, new.languages, new.skills)
