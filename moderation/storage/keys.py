"""API keys. A secret is shown once, when it is made; only its SHA-256 is kept."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.audit import AuditDraft
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.storage.audit import append
from moderation.storage.engine import Database
from moderation.storage.rows import AnyRow
from moderation.storage.tables import api_keys

SCOPES = frozenset(
    {"posts:write", "posts:read", "media:held", "feed:read", "matching:read", "banks:read", "banks:write"}
)
LAST_USED_SECONDS = 60
"""`last_used_at` is not written more often than this."""
_SECRET = re.compile(r"mod_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A client's key without its secret. `per_minute` is how many requests it may make."""

    name: str
    prefix: str
    scopes: frozenset[str]
    per_minute: int
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyStore:
    """The API keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, *, scopes: Iterable[str], per_minute: int, now: datetime) -> tuple[ApiKey, str]:
        """A new key and its secret, `mod_<prefix>_<43 characters>`, which cannot be shown again.

        Raises `ConflictError` when the name is taken (a revoked key keeps its name), `InvalidInputError` for an
        unknown scope, an empty name or a rate below 1.
        """
        granted = frozenset(scopes)
        _check(name, granted, per_minute)
        prefix = secrets.token_hex(6)
        secret = f"mod_{prefix}_{secrets.token_urlsafe(32)}"
        row = {
            "name": name,
            "prefix": prefix,
            "secret_digest": _digest(secret),
            "scopes": " ".join(sorted(granted)),
            "per_minute": per_minute,
            "created_at": now,
        }
        draft = AuditDraft(now, "key.created", f"key:{name}", "system:keys", {"scopes": [*sorted(granted)]})
        try:
            with self._database.write() as connection:
                connection.execute(insert(api_keys).values(**row))
                append(connection, [draft])
        except IntegrityError as error:
            raise ConflictError(f"There is a key {name!r} already.", hint="Choose another name.") from error
        return ApiKey(name, prefix, granted, per_minute, now, None, None), secret

    def verify(self, secret: str, *, now: datetime) -> ApiKey | None:
        """The key that `secret` belongs to, or None when there is none or it was revoked."""
        form = _SECRET.fullmatch(secret)
        if form is None:
            return None
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.prefix == form[1])).one_or_none()
        right = hmac.compare_digest(_NO_DIGEST if row is None else row.secret_digest, _digest(secret))
        if row is None or not right or row.revoked_at is not None:
            return None
        key = _key(row)
        if key.last_used_at is None or now - key.last_used_at >= timedelta(seconds=LAST_USED_SECONDS):
            with self._database.write() as connection:
                connection.execute(update(api_keys).where(api_keys.c.name == key.name).values(last_used_at=now))
        return key

    def revoke(self, name: str, now: datetime) -> None:
        """End a key for good. Raises `NotFoundError` when no key in use has that name."""
        with self._database.write() as connection:
            ended = connection.execute(
                update(api_keys).where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
            ).rowcount
            if ended == 0:
                raise NotFoundError(f"There is no key {name!r} in use.")
            append(connection, [AuditDraft(now, "key.revoked", f"key:{name}", "system:keys", {})])

    def list(self) -> list[ApiKey]:
        """Every key, revoked ones too, by name."""
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.name))]


def _check(name: str, scopes: frozenset[str], per_minute: int) -> None:
    if not name.strip() or not name.isprintable():
        raise InvalidInputError("A key needs a name.")
    unknown = sorted(scopes - SCOPES)
    if unknown or not scopes:
        raise InvalidInputError(
            f"There is no scope {unknown[0]!r}." if unknown else "A key needs a scope.",
            hint=f"Scopes: {', '.join(sorted(SCOPES))}.",
        )
    if per_minute < 1:
        raise InvalidInputError("A key may make at least 1 request a minute.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: AnyRow) -> ApiKey:
    return ApiKey(
        name=row.name,
        prefix=row.prefix,
        scopes=frozenset(row.scopes.split()),
        per_minute=row.per_minute,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
