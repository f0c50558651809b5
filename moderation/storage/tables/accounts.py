"""The console's people, their grants and sessions."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Index, Named, String, Table, Text, TypedColumns, UniqueConstraint

from moderation.domain.people import Role
from moderation.storage.columns import UtcTime, choice
from moderation.storage.tables.metadata import METADATA


class AccountColumns(TypedColumns):
    """A person. Without `password_hash` only the identity provider lets them in; `totp_secret` is set once confirmed,
    until then it is part of `totp_offered`.

    `languages` and `skills` are separated by spaces, `preferences` and `recovery_digests` are JSON. `totp_step` is the
    last time step whose code was used, so that none is used twice.
    """

    id: Named[str] = Column(String(36), primary_key=True)
    name: Named[str] = Column(unique=True)
    display_name: Named[str]
    role: Named[Role] = Column(choice(Role))
    languages: Named[str]
    skills: Named[str]
    preferences: Named[str] = Column(Text)
    password_hash: Named[str | None]
    must_change: Named[bool]
    totp_secret: Named[str | None]
    totp_offered: Named[str | None]
    totp_step: Named[int | None]
    recovery_digests: Named[str] = Column(Text)
    issuer: Named[str | None]
    subject: Named[str | None]
    created_at: Named[datetime] = Column(UtcTime)
    disabled_at: Named[datetime | None] = Column(UtcTime)


accounts = Table("accounts", METADATA, AccountColumns, UniqueConstraint("issuer", "subject"))


class QueueGrantColumns(TypedColumns):
    """A queue that a person may work in."""

    account_id: Named[str] = Column(ForeignKey("accounts.id"), primary_key=True)
    queue: Named[str] = Column(primary_key=True)
    granted_by: Named[str]
    granted_at: Named[datetime] = Column(UtcTime)


queue_grants = Table("queue_grants", METADATA, QueueGrantColumns, Index("ix_queue_grants_queue", "queue"))


class SessionColumns(TypedColumns):
    """A login: only the SHA-256 of the cookie's secret is kept. `confirmed_at`: nothing more has to be shown.

    `method` is how the person signed in: "password" or "oidc".
    """

    id: Named[str] = Column(String(36), primary_key=True)
    secret_digest: Named[str] = Column(String(64), unique=True)
    account_id: Named[str] = Column(ForeignKey("accounts.id"))
    csrf: Named[str] = Column(String(64))
    method: Named[str] = Column(String(16))
    created_at: Named[datetime] = Column(UtcTime)
    seen_at: Named[datetime] = Column(UtcTime)
    expires_at: Named[datetime] = Column(UtcTime)
    confirmed_at: Named[datetime | None] = Column(UtcTime)
    ended_at: Named[datetime | None] = Column(UtcTime)
    address: Named[str] = Column(String(64))
    browser: Named[str] = Column(String(200))


sessions = Table("sessions", METADATA, SessionColumns, Index("ix_sessions_account_id", "account_id", "expires_at"))


class LoginAttemptColumns(TypedColumns):
    """A failed login: counted by name and by address, in the database, so that no restart or second process helps."""

    id: Named[str] = Column(String(36), primary_key=True)
    name: Named[str]
    address: Named[str] = Column(String(64))
    at: Named[datetime] = Column(UtcTime)


login_attempts = Table(
    "login_attempts",
    METADATA,
    LoginAttemptColumns,
    Index("ix_login_attempts_name", "name", "at"),
    Index("ix_login_attempts_address", "address", "at"),
)


class JobDraftColumns(TypedColumns):
    """What a person is typing about a job, so that a closed browser loses nothing."""

    account_id: Named[str] = Column(ForeignKey("accounts.id"), primary_key=True)
    job_id: Named[str] = Column(ForeignKey("jobs.id"), primary_key=True)
    note: Named[str] = Column(Text)
    at: Named[datetime] = Column(UtcTime)


job_drafts = Table("job_drafts", METADATA, JobDraftColumns)
