"""Sign-ins that failed, counted by name and by address. Each try is counted before anything is compared, so that a
hundred at once are no more than one after the other.
"""

import ipaddress
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, text

from moderation.domain.errors import RateLimitedError
from moderation.domain.ids import new_id
from moderation.storage.engine import Database
from moderation.storage.tables import login_attempts

KEPT_DAYS = 2
_IPV6_BITS = 64
"""Whoever has an IPv6 address has 2^64 of them."""
_LOCK_CLASS = 0x6C6F67
"""The first half of PostgreSQL's advisory locks used here."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `failures` in `seconds`."""

    failures: int
    seconds: float


class AttemptStore:
    """The failed sign-ins of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, name: str, address: str, *, by_name: Sequence[Limit], by_address: Sequence[Limit], now: datetime
    ) -> str:
        """Count a try for `name` from `address` as failed, and return its id; `succeeded` takes it back.

        Raises `RateLimitedError`, and counts nothing, when either has as many failures as one of its limits allows.
        An empty name is counted by address only.
        """
        origin = network_of(address)
        attempt = new_id(now)
        with self._database.write() as connection:
            self._one_at_a_time(connection, name, origin)
            column = login_attempts.c
            waits = [_wait(connection, column.address == origin, limit, now) for limit in by_address]
            if name:
                waits += [_wait(connection, column.name == name, limit, now) for limit in by_name]
            if (longest := max(waits, default=0.0)) > 0:
                raise RateLimitedError("Too many tries that failed.", retry_after_s=longest)
            connection.execute(delete(login_attempts).where(login_attempts.c.at < now - timedelta(days=KEPT_DAYS)))
            connection.execute(insert(login_attempts).values(id=attempt, name=name, address=origin, at=now))
        return attempt

    def succeeded(self, attempt: str, name: str = "") -> None:
        """The try was right: it is forgotten, and so are the failures of `name` before it."""
        right = login_attempts.c.id == attempt
        if name:
            right |= login_attempts.c.name == name
        with self._database.write() as connection:
            connection.execute(delete(login_attempts).where(right))

    def _one_at_a_time(self, connection: Connection, *keys: str) -> None:
        """SQLite has one writer anyway; on PostgreSQL, two tries of the same name or address wait for each other."""
        if self._database.dialect != "postgresql":
            return
        for number in sorted({zlib.crc32(key.encode()) - 2**31 for key in keys}):
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:kind, :number)"), {"kind": _LOCK_CLASS, "number": number}
            )


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 network of 64 bits; "unknown" for anything else."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed), _IPV6_BITS), strict=False))
    return str(parsed)


def _wait(connection: Connection, condition: object, limit: Limit, now: datetime) -> float:
    """Seconds until there is room for another failure; 0 when there is."""
    since = now - timedelta(seconds=limit.seconds)
    recent = (
        select(login_attempts.c.at)
        .where(condition, login_attempts.c.at > since)  # type: ignore[arg-type]
        .order_by(login_attempts.c.at.desc())
        .limit(limit.failures)
        .subquery()
    )
    row = connection.execute(select(func.count(), func.min(recent.c.at)).select_from(recent)).one()
    if row[0] < limit.failures:
        return 0.0
    return max(1.0, float((row[1] - since).total_seconds()))
