import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from moderation.storage.engine import Database
from moderation.storage.tables import METADATA
from moderation.storage.tables.words import WORDS_TABLE
from tests.storage.tampering import count


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return str(request.getfixturevalue("empty_postgres_url"))


def migrate(url: str) -> bool:
    opened = Database.open(url)
    opened.migrate()
    current = opened.is_current()
    opened.close()
    return current


def shape(connection: Connection) -> dict[str, Any]:
    """Everything that makes up the tables, in comparable form."""
    found = inspect(connection)
    names = sorted(name for name in found.get_table_names() if name != "alembic_version" and _defined(name))
    return {
        name: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(name)
            },
            "key": found.get_pk_constraint(name),
            "references": sorted(found.get_foreign_keys(name), key=str),
            "indexes": sorted(
                (_readable(index) for index in found.get_indexes(name) if _defined(index["name"])), key=str
            ),
            "unique": sorted((_readable(item) for item in found.get_unique_constraints(name)), key=str),
            "checks": sorted((_readable(item) for item in found.get_check_constraints(name)), key=str),
        }
        for name in names
    }


def _defined(name: str | None, *_: object) -> bool:
    """Whether the definitions tell of it: what only one dialect has for full text is made by a migration alone."""
    return name is None or not name.startswith((WORDS_TABLE, "ix_posts_words"))


def _readable(item: Any) -> dict[str, str]:
    return {
        key: str({k: str(v) for k, v in value.items()} if isinstance(value, dict) else value)
        for key, value in item.items()
    }


COMPARED = {"compare_type": True, "compare_server_default": True, "include_name": _defined}


def test_migrations_and_definitions_show_no_difference(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts=COMPARED)
        assert compare_metadata(context, METADATA) == []


def test_migrations_make_exactly_the_tables_of_the_definitions(empty_url: str) -> None:
    opened = Database.open(empty_url)
    with opened.write() as connection:
        METADATA.create_all(connection)
        defined = shape(connection)
        METADATA.drop_all(connection)
    opened.migrate()
    with opened.read() as connection:
        assert shape(connection) == defined
    opened.close()


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()
    assert database.is_current()
    assert count(database, "audit_head") == 1


def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(migrate, [empty_url] * 3)) == [True] * 3


def test_a_migration_that_fails_leaves_nothing(empty_url: str) -> None:
    opened = Database.open(empty_url)
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE verdicts (number INTEGER)"))
    with pytest.raises(Exception, match="verdicts"):
        opened.migrate()
    with opened.read() as connection:
        assert inspect(connection).get_table_names() == ["verdicts"]
    assert not opened.is_current()
    opened.close()
