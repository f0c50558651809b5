"""The one way to the database: SQLite (WAL) on one machine, PostgreSQL for more, chosen by a URL."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from moderation.domain.errors import SettingsError, UnavailableError
from moderation.storage.errors import translated
from moderation.storage.migrate import at_head, upgrade
from moderation.storage.url import HINT, check_url

BUSY_SECONDS = 15
"""How long a SQLite connection waits for another's write transaction."""
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
SNAPSHOT_SECONDS = 600
LOCK_SECONDS = 15
POOL_SECONDS = 15

_WRITE = "moderation_write"


class Database:
    """A pool of connections. Safe to share between threads; each process opens its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITE: True})

    @classmethod
    def open(cls, url: str, *, pool_size: int = 8) -> Self:
        """The database at `sqlite:///path` or `postgresql://user@host/name`; connects only when first used.

        A SQLite file's folder is made, for this user only. Raises `SettingsError` for any other URL, `UnavailableError`
        when the folder cannot be made.
        """
        parsed = _parsed(url)
        if parsed.get_backend_name() == "sqlite":
            return cls(_sqlite(parsed, pool_size))
        if parsed.get_backend_name() == "postgresql":
            return cls(_postgresql(parsed, pool_size))
        raise SettingsError(
            "The database URL is not of a kind that is supported.",
            hint=HINT,
        )

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads. Raises `UnavailableError` when the database does not answer."""
        with translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed at the end and undone by any exception. On SQLite it is the only writer."""
        with translated(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One reading transaction in which every statement sees the same moment; for long walks over many rows."""
        with translated(), self._engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if self.dialect == "postgresql":
                    connection.execute(text(f"SET LOCAL statement_timeout = '{SNAPSHOT_SECONDS}s'"))
                yield connection

    def migrate(self) -> None:
        """Bring the tables up to date. Processes that do this at once wait for each other."""
        with self.write() as connection:
            upgrade(connection)

    def is_current(self) -> bool:
        """Whether the tables are exactly the ones this code knows."""
        with self.read() as connection:
            return at_head(connection)

    def ping(self) -> None:
        """Raise `UnavailableError` unless the database answers."""
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every idle connection."""
        self._engine.dispose()


def _parsed(url: str) -> URL:
    check_url(url)
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # the latter quotes a port that is no number
        raise SettingsError("The database URL is not a URL.", hint=HINT) from None


def _sqlite(url: URL, pool_size: int) -> Engine:
    if not url.database or url.database == ":memory:":
        raise SettingsError("A SQLite database needs a file.", hint="Use sqlite:///path.")
    folder = Path(url.database).parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(f"The database's folder cannot be made: {error}") from error
    engine = create_engine(
        url.set(drivername="sqlite"),
        pool_size=pool_size,
        hide_parameters=True,
        max_overflow=pool_size,
        pool_timeout=POOL_SECONDS,
        connect_args={"timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        _use_wal(connection)
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn write-ahead logging on. The change does not wait for other connections by itself, so try for a while."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _postgresql(url: URL, pool_size: int) -> Engine:
    options = {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "UTC",
    }
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        hide_parameters=True,
        max_overflow=pool_size,
        pool_timeout=POOL_SECONDS,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "moderation",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )
