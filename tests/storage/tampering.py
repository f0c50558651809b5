"""Doing to a database what nobody may do: the triggers are taken away first."""

from sqlalchemy import text

from moderation.storage.engine import Database


def unprotect(database: Database, table: str) -> None:
    """Take the append-only triggers off a table."""
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER append_only"))
            return
        for kind in ("update", "delete", "replace"):
            connection.execute(text(f"DROP TRIGGER {table}_no_{kind}"))


def run(database: Database, statement: str, **values: object) -> None:
    with database.write() as connection:
        connection.execute(text(statement), values)


def scalar(database: Database, statement: str, **values: object) -> object:
    with database.read() as connection:
        return connection.execute(text(statement), values).scalar_one()


def count(database: Database, table: str) -> int:
    value = scalar(database, f"SELECT count(*) FROM {table}")
    assert isinstance(value, int)
    return value
