"""Fixtures that more than one folder of tests needs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from moderation.storage.engine import Database
from tests import postgres
from tests.browser import chromium

REPOSITORY = Path(__file__).resolve().parents[1]
REUSED = "moderation_tests"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of material beside the repository."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the shared corpora are not beside the repository")
    return folder


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of this test session. Tests that stop it must start their own: `running_cluster`."""
    if postgres.programs() is None:
        reason = "PostgreSQL's server programs (initdb, pg_ctl) are not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with postgres.running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_migrated(postgres_cluster: postgres.Cluster) -> str:
    """A database that was migrated once, and is emptied for each test."""
    url = postgres_cluster.create(REUSED)
    database = Database.open(url)
    database.migrate()
    database.close()
    return url


@pytest.fixture
def empty_postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """A fresh database without tables."""
    name = f"test_{uuid4().hex}"
    yield postgres_cluster.create(name)
    postgres_cluster.drop(name)


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster, postgres_migrated: str) -> str:
    """An empty, migrated database. Its tables must stay as they are: use `empty_postgres_url` to change them."""
    postgres.clear(postgres_cluster, REUSED)
    return postgres_migrated


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that was migrated once, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database.open(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated database."""
    path = tmp_path / "moderation.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database of each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, migrated database of each kind, open."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A fresh, migrated SQLite database, open."""
    opened = Database.open(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of one module."""
    with chromium() as found:
        yield found
