"""What people prove themselves with: password hashes, one-time code secrets, recovery codes. Each is used up at most
once, however many requests come at the same time.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import ConflictError
from moderation.domain.ids import AccountId
from moderation.domain.people import Person
from moderation.storage.accounts.sessions import end_sessions
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.tables import accounts


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in is checked against. `totp_step` is the last time step whose code was used."""

    account: AccountId
    password_hash: str | None = field(repr=False)
    totp_secret: str | None = field(repr=False)
    totp_offered: str | None = field(repr=False)
    totp_step: int | None
    disabled: bool


class CredentialStore:
    """The credentials of one database's accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_name(self, name: str) -> Credentials | None:
        """The credentials of the account with this name."""
        return self._one(accounts.c.name == name)

    def of(self, account: AccountId) -> Credentials | None:
        """The credentials of the account with this id."""
        return self._one(accounts.c.id == account)

    def set_password(
        self,
        person: Person,
        password_hash: str,
        *,
        must_change: bool,
        actor: str,
        now: datetime,
        keep_session: str = "",
    ) -> None:
        """A new password; the person's sessions end, but the one with the id `keep_session`."""
        with self._database.write() as connection:
            append(connection, [_draft(person, "account.password_set", actor, now, {"must_change": must_change})])
            _update(connection, person.id, password_hash=password_hash, must_change=must_change)
            end_sessions(connection, person.id, now=now, keep=keep_session)

    def rehash(self, account: AccountId, old_hash: str, new_hash: str) -> None:
        """The same password under today's parameters, unless it was changed meanwhile."""
        with self._database.write() as connection:
            connection.execute(
                update(accounts)
                .where(accounts.c.id == account, accounts.c.password_hash == old_hash)
                .values(password_hash=new_hash)
            )

    def offer_totp(self, account: AccountId, offer: str) -> None:
        """Remember what is shown to the person until they show its code, or something else is offered."""
        with self._database.write() as connection:
            _update(connection, account, totp_offered=offer)

    def accept_totp(
        self, person: Person, offer: str, secret: str, *, step: int, recovery: Sequence[str], actor: str, now: datetime
    ) -> None:
        """Require codes of `secret`, which `offer` holds, from now on; `step` is that of the code just shown.

        `recovery` are the digests of the recovery codes. Raises `ConflictError` when `offer` is not the last one.
        """
        with self._database.write() as connection:
            lock(connection)
            done = connection.execute(
                update(accounts)
                .where(accounts.c.id == person.id, accounts.c.totp_offered == offer)
                .values(
                    totp_secret=secret,
                    totp_offered=None,
                    totp_step=step,
                    recovery_digests=json.dumps(list(recovery)),
                )
            ).rowcount
            if done != 1:
                raise ConflictError("Another code was set up meanwhile.", hint="Start again.")
            append(connection, [_draft(person, "account.totp_set", actor, now, {})])

    def remove_totp(self, person: Person, *, actor: str, now: datetime, end: bool) -> None:
        """Ask for no codes any more; the recovery codes go too. `end` says whether the person's sessions end."""
        with self._database.write() as connection:
            append(connection, [_draft(person, "account.totp_removed", actor, now, {})])
            _update(connection, person.id, totp_secret=None, totp_offered=None, totp_step=None, recovery_digests="[]")
            if end:
                end_sessions(connection, person.id, now=now)

    def use_step(self, account: AccountId, step: int) -> bool:
        """Mark the code of this time step as used; False when it, or a later one, was used before."""
        with self._database.write() as connection:
            done = connection.execute(
                update(accounts)
                .where(accounts.c.id == account, accounts.c.totp_step.is_(None) | (accounts.c.totp_step < step))
                .values(totp_step=step)
            ).rowcount
        return done == 1

    def replace_recovery(self, person: Person, recovery: Sequence[str], *, actor: str, now: datetime) -> None:
        """Other recovery codes; the old ones are worthless."""
        with self._database.write() as connection:
            append(connection, [_draft(person, "account.recovery_codes_made", actor, now, {"codes": len(recovery)})])
            _update(connection, person.id, recovery_digests=json.dumps(list(recovery)))

    def use_recovery(self, person: Person, digest: str, *, now: datetime) -> bool:
        """Use up the recovery code with this digest; False when there is none such (any more)."""
        with self._database.write() as connection:
            lock(connection)
            query = select(accounts.c.recovery_digests).where(accounts.c.id == person.id).with_for_update()
            left: list[str] = json.loads(connection.execute(query).scalar_one())
            if digest not in left:
                return False
            left.remove(digest)
            facts: dict[str, Json] = {"left": len(left)}
            append(connection, [_draft(person, "account.recovery_code_used", person.actor, now, facts)])
            _update(connection, person.id, recovery_digests=json.dumps(left))
        return True

    def _one(self, condition: object) -> Credentials | None:
        query = select(
            accounts.c.id,
            accounts.c.password_hash,
            accounts.c.totp_secret,
            accounts.c.totp_offered,
            accounts.c.totp_step,
            accounts.c.disabled_at,
        ).where(condition)  # type: ignore[arg-type]
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Credentials(
            account=AccountId(row.id),
            password_hash=row.password_hash,
            totp_secret=row.totp_secret,
            totp_offered=row.totp_offered,
            totp_step=row.totp_step,
            disabled=row.disabled_at is not None,
        )


def _update(connection: Connection, account: AccountId, **values: object) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account).values(**values))


def _draft(person: Person, kind: str, actor: str, now: datetime, facts: dict[str, Json]) -> AuditDraft:
    return AuditDraft(now, kind, f"account:{person.name}", actor, facts)
