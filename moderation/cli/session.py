"""What most commands begin with: settings, and a database whose schema is current."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from moderation.assembly import open_database
from moderation.domain.errors import UnavailableError
from moderation.settings import Settings, load_settings
from moderation.storage.engine import Database


@dataclass(frozen=True, slots=True)
class Session:
    """One command's settings and database."""

    settings: Settings
    database: Database


@contextmanager
def session() -> Iterator[Session]:
    """Open the database; a local SQLite file is brought up to date, anything else must be already.

    Raises `UnavailableError` when the database does not answer or its schema is not current.
    """
    settings = load_settings()
    database = open_database(settings)
    try:
        if not database.is_current():
            if database.dialect != "sqlite":
                raise UnavailableError("The database's schema is not current.", hint="Run `moderation db migrate`.")
            database.migrate()
        yield Session(settings, database)
    finally:
        database.close()
