"""Sessions: the cookie's secret is shown once and kept as its SHA-256; they expire, and end when somebody says so."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import AccountId, new_id
from moderation.domain.people import Person
from moderation.storage.accounts.rows import ACCOUNT_COLUMNS, Locks, locks_of, person_of
from moderation.storage.audit import append
from moderation.storage.engine import Database
from moderation.storage.rows import AnyRow
from moderation.storage.tables import accounts, queue_grants, sessions

SECRET_CHARS = 43
"""Of URL-safe base64: 256 random bits."""
TOUCH_SECONDS = 60
"""`seen_at` is not written more often than this."""
KEPT_DAYS = 30
"""How long ended sessions stay listed in the table."""
MAX_ADDRESS_CHARS = 64
MAX_BROWSER_CHARS = 200

Method = Literal["password", "oidc"]

_COLUMNS = tuple(column for column in sessions.c if column.name != "account_id")


@dataclass(frozen=True, slots=True)
class Session:
    """A login without its secret. `confirmed_at` is None while a second factor is still to be shown or set up."""

    id: str
    account: AccountId
    csrf: str = field(repr=False)
    method: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose request it is: the session, the person as they are now, and how their account is locked."""

    session: Session
    person: Person
    locks: Locks


@dataclass(frozen=True, slots=True)
class Client:
    """From where somebody signs in."""

    address: str = ""
    browser: str = ""


class SessionStore:
    """The sessions of one database: at most `lifetime_s` long, and over after `idle_s` without a request."""

    def __init__(self, database: Database, *, lifetime_s: float, idle_s: float) -> None:
        self._database = database
        self._lifetime = timedelta(seconds=lifetime_s)
        self._idle = timedelta(seconds=idle_s)

    def start(
        self,
        person: Person,
        *,
        method: Method,
        confirmed: bool,
        client: Client,
        now: datetime,
        instead_of: str | None = None,
    ) -> tuple[str, Session]:
        """A new session and its secret. The one whose secret is `instead_of` ends: no session outlives a sign-in."""
        secret = secrets.token_urlsafe(32)
        row = _row(person.id, secret, now, now + self._lifetime, client, method)
        row["confirmed_at"] = now if confirmed else None
        with self._database.write() as connection:
            facts: dict[str, Json] = {"method": method, "session": str(row["id"]), "confirmed": confirmed}
            append(connection, [AuditDraft(now, "account.signed_in", f"account:{person.name}", person.actor, facts)])
            if instead_of is not None:
                _end_one(connection, digest(instead_of), now)
            _prune(connection, now)
            connection.execute(insert(sessions).values(**row))
        return secret, _session(row)

    def confirm(self, old: Session, *, now: datetime) -> tuple[str, Session]:
        """The same login under a new secret, confirmed; it lasts no longer than the old one.

        Raises `NotFoundError` when the old one is over: of two requests that confirm it, one does.
        """
        secret = secrets.token_urlsafe(32)
        row = _row(old.account, secret, now, old.expires_at, Client(old.address, old.browser), old.method)
        row |= {"confirmed_at": now, "created_at": old.created_at}
        with self._database.write() as connection:
            ended = connection.execute(
                update(sessions)
                .where(sessions.c.id == old.id, sessions.c.ended_at.is_(None), sessions.c.expires_at > now)
                .values(ended_at=now)
            ).rowcount
            if ended != 1:
                raise NotFoundError("The session is over.")
            connection.execute(insert(sessions).values(**row))
        return secret, _session(row)

    def find(self, secret: str, *, now: datetime) -> SignedIn | None:
        """Whose secret it is, with the person's grants, in one query; None when the session is over, was ended, or the
        account is disabled.
        """
        if len(secret) != SECRET_CHARS or not secret.isascii():
            return None
        query = (
            select(*_COLUMNS, *ACCOUNT_COLUMNS, queue_grants.c.queue)
            .select_from(
                sessions.join(accounts, accounts.c.id == sessions.c.account_id).outerjoin(
                    queue_grants, queue_grants.c.account_id == accounts.c.id
                )
            )
            .where(sessions.c.secret_digest == digest(secret))
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        if not rows or rows[0].disabled_at is not None or not self._lives(rows[0], now):
            return None
        return SignedIn(_session_of(rows[0]), person_of(rows), locks_of(rows[0]))

    def lives(self, session_id: str, *, now: datetime) -> bool:
        """Whether the session still lets its person in: for connections that stay open for long."""
        query = (
            select(sessions.c.ended_at, sessions.c.expires_at, sessions.c.seen_at)
            .join(accounts, accounts.c.id == sessions.c.account_id)
            .where(sessions.c.id == session_id, accounts.c.disabled_at.is_(None))
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return row is not None and self._lives(row, now)

    def touch(self, session: Session, *, now: datetime) -> None:
        """Note that the person is there; the idle time starts anew. Written at most every `TOUCH_SECONDS`."""
        if now - session.seen_at < timedelta(seconds=TOUCH_SECONDS):
            return
        with self._database.write() as connection:
            connection.execute(
                update(sessions)
                .where(sessions.c.id == session.id, sessions.c.ended_at.is_(None), sessions.c.seen_at < now)
                .values(seen_at=now)
            )

    def of(self, account: AccountId, *, now: datetime) -> list[Session]:
        """The account's living sessions, newest first."""
        query = (
            select(sessions)
            .where(
                sessions.c.account_id == account,
                sessions.c.ended_at.is_(None),
                sessions.c.expires_at > now,
                sessions.c.seen_at > now - self._idle,
            )
            .order_by(sessions.c.created_at.desc(), sessions.c.id)
        )
        with self._database.read() as connection:
            return [_session_of(row) for row in connection.execute(query)]

    def end(self, session_id: str, *, person: Person, actor: str, now: datetime) -> None:
        """End one of the person's sessions. Raises `NotFoundError` when they have none of that id."""
        with self._database.write() as connection:
            facts = {"session": session_id}
            append(connection, [AuditDraft(now, "account.signed_out", f"account:{person.name}", actor, facts)])
            ended = connection.execute(
                update(sessions)
                .where(sessions.c.id == session_id, sessions.c.account_id == person.id, sessions.c.ended_at.is_(None))
                .values(ended_at=now)
            ).rowcount
            if ended == 0:
                raise NotFoundError("There is no such session.")

    def end_all(self, person: Person, *, actor: str, now: datetime, keep: str = "") -> int:
        """End all of the person's sessions but the one with the id `keep`; returns how many."""
        with self._database.write() as connection:
            draft = AuditDraft(now, "account.sessions_ended", f"account:{person.name}", actor, {"kept": keep})
            append(connection, [draft])
            return end_sessions(connection, person.id, now=now, keep=keep)

    def _lives(self, row: AnyRow, now: datetime) -> bool:
        return row.ended_at is None and now < row.expires_at and now < row.seen_at + self._idle


def end_sessions(connection: Connection, account: AccountId, *, now: datetime, keep: str = "") -> int:
    """End the account's sessions inside the caller's transaction, but the one with the id `keep`; returns how many."""
    return connection.execute(
        update(sessions)
        .where(sessions.c.account_id == account, sessions.c.ended_at.is_(None), sessions.c.id != keep)
        .values(ended_at=now)
    ).rowcount


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _end_one(connection: Connection, secret_digest: str, now: datetime) -> None:
    connection.execute(
        update(sessions)
        .where(sessions.c.secret_digest == secret_digest, sessions.c.ended_at.is_(None))
        .values(ended_at=now)
    )


def _prune(connection: Connection, now: datetime) -> None:
    connection.execute(delete(sessions).where(sessions.c.expires_at < now - timedelta(days=KEPT_DAYS)))


def _row(
    account: AccountId, secret: str, now: datetime, expires_at: datetime, client: Client, method: str
) -> dict[str, object]:
    return {
        "id": new_id(now),
        "secret_digest": digest(secret),
        "account_id": account,
        "csrf": secrets.token_urlsafe(32),
        "method": method,
        "created_at": now,
        "seen_at": now,
        "expires_at": expires_at,
        "confirmed_at": None,
        "ended_at": None,
        "address": storable(client.address)[:MAX_ADDRESS_CHARS],
        "browser": storable(client.browser)[:MAX_BROWSER_CHARS],
    }


def storable(text: str) -> str:
    """Printable characters only: what a client sends may hold anything, and PostgreSQL takes no NUL."""
    return "".join(character for character in text if character.isprintable())


def _session(row: dict[str, object]) -> Session:
    names = ("id", "csrf", "method", "created_at", "seen_at", "expires_at", "confirmed_at", "address", "browser")
    return Session(account=AccountId(str(row["account_id"])), **{name: row[name] for name in names})  # type: ignore[arg-type]


def _session_of(row: AnyRow) -> Session:
    return Session(
        id=row.id,
        account=AccountId(row.account_id),
        csrf=row.csrf,
        method=row.method,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        confirmed_at=row.confirmed_at,
        address=row.address,
        browser=row.browser,
    )
