import sqlite3
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from moderation.domain.errors import ModerationError, SettingsError, UnavailableError
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneStore
from moderation.storage.posts import PostStore
from moderation.storage.tables import lanes
from tests.factories import NOW, a_beat, accept
from tests.passwords import WITH_PASSWORD, assert_no_password
from tests.postgres import running_cluster
from tests.storage.tampering import count, run, scalar

UNREACHABLE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_is_not_usable_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        Database.open(url)


@pytest.mark.parametrize("url", WITH_PASSWORD)
def test_no_error_quotes_a_password(url: str) -> None:
    with pytest.raises(ModerationError) as refusal:
        Database.open(url).ping()
    assert_no_password("".join(traceback.format_exception(refusal.value)))


def test_the_dialect_is_told(database: Database, database_url: str) -> None:
    assert database.dialect == database_url.split(":", maxsplit=1)[0]


def test_every_form_of_a_postgresql_url_means_the_same_driver(postgres_url: str) -> None:
    for form in ("postgresql://", "postgresql+psycopg2://", "postgresql+psycopg://"):
        opened = Database.open(postgres_url.replace("postgresql://", form))
        opened.ping()
        opened.close()


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    opened = Database.open(f"sqlite:///{tmp_path}/a/b/moderation.db")
    opened.migrate()
    assert opened.is_current()
    opened.close()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError):
        Database.open(f"sqlite:///{tmp_path}/file/moderation.db")


def test_an_exception_undoes_the_transaction(database: Database) -> None:
    def fail_halfway() -> None:
        with database.write() as connection:
            connection.execute(text("DELETE FROM audit_head"))
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert count(database, "audit_head") == 1


def test_sqlite_keeps_a_log_forces_it_to_disk_and_checks_references(sqlite_database: Database) -> None:
    pragmas = {
        name: scalar(sqlite_database, f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_reference_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError):
        run(
            database,
            "INSERT INTO jobs (id, post_id, queue, category, reason, opened_at) "
            "VALUES ('j', 'no such post', 'q', '', '', '2026-03-01 00:00:00')",
        )


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        LaneStore(database).beat(a_beat(beat_at=datetime(2026, 3, 1)))  # noqa: DTZ001 - the point


def test_times_come_back_in_utc_with_microseconds(database: Database) -> None:
    LaneStore(database).beat(a_beat(beat_at=NOW))
    with database.read() as connection:
        found = connection.execute(select(lanes.c.beat_at)).scalar_one()
    assert found == NOW
    assert found.utcoffset() == NOW.utcoffset()


def test_reading_sees_one_moment_in_a_snapshot(database: Database) -> None:
    store = PostStore(database)
    with database.snapshot() as connection:
        before = connection.execute(text("SELECT count(*) FROM posts")).scalar_one()
        with ThreadPoolExecutor(1) as other:
            other.submit(accept, store).result()
        assert connection.execute(text("SELECT count(*) FROM posts")).scalar_one() == before
    assert count(database, "posts") == before + 1


def test_a_server_that_is_away_is_unavailable() -> None:
    opened = Database.open(UNREACHABLE)
    for call in (opened.ping, opened.migrate, opened.is_current):
        with pytest.raises(UnavailableError):
            call()
    with pytest.raises(UnavailableError):
        PostStore(opened).claim("lane", limit=1, lease_seconds=1, now=NOW)
    opened.close()


@pytest.mark.postgres
def test_a_server_that_comes_back_is_used_again(postgres_cluster: object) -> None:
    with running_cluster() as cluster:
        opened = Database.open(cluster.url())
        opened.migrate()
        post = accept(PostStore(opened))
        cluster.stop()
        with pytest.raises(UnavailableError):
            PostStore(opened).get(post.id)
        cluster.start()
        assert PostStore(opened).get(post.id) == post
        opened.close()


def test_a_database_without_tables_is_unavailable_with_the_next_step(tmp_path: Path) -> None:
    opened = Database.open(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(UnavailableError) as refusal:
        PostStore(opened).counts()
    assert "migrations" in refusal.value.hint
    assert not opened.is_current()
    opened.close()


@pytest.mark.postgres
def test_the_same_on_postgresql(empty_postgres_url: str) -> None:
    opened = Database.open(empty_postgres_url)
    with pytest.raises(UnavailableError) as refusal:
        PostStore(opened).counts()
    assert "migrations" in refusal.value.hint
    assert not opened.is_current()
    opened.close()


def test_a_damaged_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_bytes(b"this is not a database " * 100)
    opened = Database.open(f"sqlite:///{tmp_path}/bad.db")
    with pytest.raises(UnavailableError):
        opened.ping()
    opened.close()


def test_a_file_that_cannot_be_written_is_unavailable_for_writing(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    opened = Database.open(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(UnavailableError):
        accept(PostStore(opened))
    opened.close()


def test_a_writer_that_does_not_end_makes_others_unavailable(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation.storage.engine.BUSY_SECONDS", 0.1)
    opened = Database.open(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"):
        accept(PostStore(opened))
    other.execute("ROLLBACK")
    other.close()
    accept(PostStore(opened))
    opened.close()


@pytest.mark.parametrize(
    "statements",
    [
        ("SET TRANSACTION READ ONLY", "UPDATE audit_head SET number = 1"),
        ("SET idle_in_transaction_session_timeout = '50ms'", "SLEEP", "SELECT 1"),
    ],
    ids=["a standby after a failover", "a process that was paused"],
)
def test_a_postgresql_that_is_read_only_or_hung_up_is_unavailable(
    postgres_url: str, statements: tuple[str, ...]
) -> None:
    opened = Database.open(postgres_url)

    def work() -> None:
        with opened.write() as connection:
            for statement in statements:
                if statement == "SLEEP":
                    time.sleep(0.5)
                else:
                    connection.execute(text(statement))

    with pytest.raises(UnavailableError):
        work()
    opened.ping()
    opened.close()


def test_errors_do_not_show_what_people_wrote(database: Database) -> None:
    """Captions, prompts and webhook secrets are parameters of statements, and errors reach logs."""
    assert database._engine.hide_parameters
