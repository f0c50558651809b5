"""Cursors: where a page ended, as text that a link can carry and nobody has to understand."""

import base64
import binascii
import json
from datetime import UTC, datetime

from moderation.domain.errors import InvalidInputError

MAX_CURSOR_CHARS = 400


def write_cursor(kind: str, *parts: str | int) -> str:
    """The place `parts` in a list of the kind `kind`."""
    return base64.urlsafe_b64encode(json.dumps([kind, *parts]).encode()).decode().rstrip("=")


def read_cursor(cursor: str, kind: str, *types: type[str] | type[int]) -> tuple[str | int, ...]:
    """The parts of a cursor, which have these types. Raises `InvalidInputError` for a cursor that no page gave out."""
    try:
        padded = cursor[:MAX_CURSOR_CHARS] + "=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or [type(part) for part in found] != [str, *types] or found[0] != kind:
        raise InvalidInputError("This is not a cursor of the list.", hint="Go back to its first page.")
    if any(isinstance(part, int) and abs(part) >= 1 << 63 for part in found):
        raise InvalidInputError("This cursor is out of range.", hint="Go back to the list's first page.")
    return tuple(found[1:])


def moment_cursor(kind: str, at: datetime, name: str) -> str:
    """A place in a list that is ordered by time, then by name."""
    return write_cursor(kind, at.astimezone(UTC).isoformat(timespec="microseconds"), name)


def read_moment(cursor: str, kind: str) -> tuple[datetime, str]:
    """The time and name of a `moment_cursor`. Raises `InvalidInputError`."""
    at, name = read_cursor(cursor, kind, str, str)
    try:
        moment = datetime.fromisoformat(str(at)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError("This is not a cursor of the list.", hint="Go back to its first page.") from None
    return moment, str(name)
