"""Where the bench works: a throwaway PostgreSQL server, a database that is named, or a SQLite file."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.bench.cluster import running_cluster
from moderation.bench.workspace import workspace
from moderation.domain.errors import ConflictError, UnavailableError
from moderation.settings import Settings
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database

BYTES_PER_POST = 5_000
"""On PostgreSQL, with every row about it, its share of indexes, and the log written while it is filled."""
SPARE_BYTES = 2 * 2**30
POOL = 32
OPTIONS = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "effective_cache_size": "4GB",
}
"""Commits reach the disk, as they do in earnest."""


@contextmanager
def review_place(
    settings: Settings, *, database_url: str, sqlite: bool, posts: int
) -> Iterator[tuple[Settings, Database]]:
    """Settings with a temporary home, and an empty migrated database, open.

    Everything is gone at the end, except the rows in a database that was named. Raises `UnavailableError` when the disk
    has no room or PostgreSQL is not installed, `ConflictError` when the named database is not empty.
    """
    with workspace(settings) as home:
        _check_room(home.home, posts)
        if database_url or sqlite:
            with _opened(home.model_copy(update={"database_url": database_url})) as opened:
                yield opened
            return
        with (
            running_cluster(OPTIONS) as cluster,
            _opened(home.model_copy(update={"database_url": cluster.create("bench")})) as opened,
        ):
            yield opened


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Settings, Database]]:
    database = Database.open(settings.database, pool_size=POOL)
    try:
        database.migrate()
        if AuditStore(database).head()[0]:
            raise ConflictError("The database is not empty.", hint="Name one that nothing was written to yet.")
        yield settings, database
    finally:
        database.close()


def _check_room(folder: Path, posts: int) -> None:
    free, needed = shutil.disk_usage(folder).free, posts * BYTES_PER_POST + SPARE_BYTES
    if free < needed:
        raise UnavailableError(
            f"{folder} has {free / 2**30:.0f} GB free; {posts} posts need {needed / 2**30:.0f} GB.",
            hint="Ask for fewer posts, or set TMPDIR to a larger disk.",
        )
