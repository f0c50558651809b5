"""A throwaway PostgreSQL server: started for one test session, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

ATTEMPTS = 3
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
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "listen_addresses": "127.0.0.1",
}


def programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, newest version first, or None."""
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    return next((path for path in places if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server that trusts everyone on this machine. It can be stopped and started again."""

    bin: Path
    folder: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = {**OPTIONS, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        words = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        _run(self.bin / "pg_ctl", "-D", self._data, "-w", "-t", "60", "-l", self.folder / "log", "-o", words, "start")

    def stop(self, mode: str = "immediate") -> None:
        _run(self.bin / "pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def create(self, name: str) -> str:
        """A new database; returns its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.url(name)

    def clear(self, name: str) -> None:
        """End every connection to a migrated database and empty its tables, triggers or not. Quicker than a new one."""
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        with psycopg.connect(self.url(name)) as connection:
            connection.execute(others, [name])
            connection.execute(CLEAR)

    def drop(self, name: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self.folder / "data"


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A new server in a temporary folder. Needs the programs; as root it runs as `nobody`, as the server insists."""
    found = programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        initdb = ("--no-sync", "-E", "UTF8", "--locale=C", "-A", "trust", "-U", "postgres", "-D", folder / "data")
        _run(found / "initdb", *initdb)
        cluster = _started(found, folder)
        try:
            yield cluster
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(bin_folder: Path, folder: Path) -> Cluster:
    for attempt in range(ATTEMPTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cluster = Cluster(bin_folder, folder, probe.getsockname()[1])
        try:
            cluster.start()
        except subprocess.CalledProcessError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return cluster
    raise AssertionError("unreachable")


def _run(*words: str | Path) -> None:
    user = "nobody" if os.geteuid() == 0 else None
    group = pwd.getpwnam("nobody").pw_gid if user else None
    subprocess.run(
        [str(word) for word in words],
        check=True,
        user=user,
        group=group,
        extra_groups=[] if user else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
