import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, bindparam, inspect, text

from moderation.domain.job import JobState
from moderation.domain.priority import rank
from moderation.storage.columns import UtcTime
from moderation.storage.engine import Database
from moderation.storage.jobs import JobStore
from moderation.storage.migrate import configuration
from moderation.storage.tables import METADATA
from moderation.storage.tables.words import WORDS_TABLE
from tests.factories import after
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


def test_jobs_from_before_review_wait_with_a_deadline_and_a_rank(empty_url: str) -> None:
    opened = Database.open(empty_url)
    with opened.write() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO posts (id, client, image, image_bytes, caption, prompt, author_id, state, attempts, "
                    "received_at, deadline_at, verdict_at) "
                    "VALUES (:id, 'c', 'i', 1, '', '', 'a', 'held', 0, :at, :at, :at)"
                ).bindparams(bindparam("at", type_=UtcTime)),
                {"id": f"post-{number}", "at": after(number)},
            )
            connection.execute(
                text(
                    "INSERT INTO jobs (id, post_id, queue, category, reason, opened_at) "
                    "VALUES (:id, :post, 'spam', 'spam', 'Spam.', :at)"
                ).bindparams(bindparam("at", type_=UtcTime)),
                {"id": f"job-{number}", "post": f"post-{number}", "at": after(number)},
            )
    opened.migrate()
    older, newer = JobStore(opened).open("spam", 10)
    assert (older.id, older.due_at, older.state) == ("job-1", after(1) + timedelta(hours=1), JobState.OPEN)
    with opened.read() as connection:
        ranks = {row.id: row.rank for row in connection.execute(text("SELECT id, rank FROM jobs"))}
        members = connection.execute(text("SELECT job_id, post_id FROM job_posts ORDER BY job_id")).all()
    assert ranks == {job.id: pytest.approx(rank(job.urgency)) for job in (older, newer)}
    assert members == [("job-1", "post-1"), ("job-2", "post-2")]
    opened.close()
