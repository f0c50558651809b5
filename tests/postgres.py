"""A throwaway PostgreSQL server: started for one test session, gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from moderation.bench import cluster as throwaway
from moderation.bench.cluster import Cluster, programs

__all__ = ["Cluster", "clear", "programs", "running_cluster"]

CLEAR = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('ALTER TABLE %I DISABLE TRIGGER ALL', name);
        EXECUTE format('DELETE FROM %I', name);
        EXECUTE format('ALTER TABLE %I ENABLE TRIGGER ALL', name);
    END LOOP;
    FOR name IN SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'append_only' LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
    INSERT INTO audit_head (id, number, digest) VALUES (1, 0, repeat('0', 64));
END $$
"""
# A commit reaches the operating system before it is confirmed, so that killing the server loses nothing.
OPTIONS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A new server in a temporary folder. Needs the programs."""
    with throwaway.running_cluster(OPTIONS) as cluster:
        yield cluster


def clear(cluster: Cluster, name: str) -> None:
    """End every connection to a migrated database and empty its tables, triggers or not. Quicker than a new one."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    with psycopg.connect(cluster.url(name)) as connection:
        connection.execute(others, [name])
        connection.execute(CLEAR)
