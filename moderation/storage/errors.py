"""Driver errors as the domain's: what a caller may try again is `UnavailableError`, the rest stays a defect."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from moderation.domain.errors import UnavailableError

_UNDEFINED_TABLE = "42P01"
_AWAY = frozenset({"25006", "25P03"})
"""SQLSTATEs that the driver counts as internal errors: the server is read-only (a standby after a failover), and a
connection that the server closed because its transaction was idle for too long (a process that was paused).
"""


@contextmanager
def translated() -> Iterator[None]:
    """Raise `UnavailableError` where the database is gone, busy, full, read-only, damaged or not migrated."""
    try:
        yield
    except exc.TimeoutError as error:
        raise UnavailableError(
            "The database has no free connection.", hint="Try again, or raise the pool size."
        ) from error
    except exc.InternalError as error:
        if getattr(error.orig, "sqlstate", None) not in _AWAY:
            raise
        raise _unavailable(error) from error
    except (exc.IntegrityError, exc.DataError):
        raise
    except exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _UNDEFINED_TABLE:
            raise
        raise _unavailable(error) from error
    except exc.DBAPIError as error:
        raise _unavailable(error) from error


def _unavailable(error: exc.DBAPIError) -> UnavailableError:
    lines = str(error.orig).strip().splitlines()
    text = lines[0] if lines else type(error.orig).__name__
    missing = "no such table" in text or "does not exist" in text
    hint = "Run the migrations." if missing else "Check that the database runs and can be written to."
    return UnavailableError(f"The database does not answer: {text}", hint=hint)
