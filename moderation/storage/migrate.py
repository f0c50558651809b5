"""Alembic without files outside the package: the migrations run on a connection that `Database` hands over."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

LOCK = 7_229_511_480_266_193_001
"""PostgreSQL's advisory lock that one migrating process holds; an arbitrary number, the same everywhere."""


def upgrade(connection: Connection) -> None:
    """Run every migration that is missing, inside the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def at_head(connection: Connection) -> bool:
    """Whether the newest migration is the last one that ran."""
    heads = ScriptDirectory.from_config(configuration()).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def configuration() -> Config:
    """Alembic's settings, made here instead of read from an ini file."""
    config = Config()
    config.set_main_option("script_location", "moderation.storage:migrations")
    return config
