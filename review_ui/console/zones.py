"""Days and times that people type, in their own zone."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from moderation.domain.errors import InvalidInputError

_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")


def zone_of(name: str) -> tzinfo:
    """The zone that a browser names, e.g. "Europe/Oslo"; UTC for a name that this machine does not know."""
    if _ZONE.fullmatch(name) is None or name.startswith("/"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC


def day_start(typed: str, zone: tzinfo, *, days: int = 0) -> datetime | None:
    """When a day that was typed as YYYY-MM-DD begins in `zone`, and so many days later; None for "".

    Raises `InvalidInputError` for anything else.
    """
    if not typed:
        return None
    try:
        day = datetime.strptime(typed, "%Y-%m-%d").replace(tzinfo=UTC).date() + timedelta(days=days)
        return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(f"{typed[:20]!r} is not a day.", hint="Write it as 2026-03-01.") from None
