"""A throwaway PostgreSQL server in a temporary folder, from the server programs that the machine has."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from moderation.domain.errors import UnavailableError

ATTEMPTS = 3
START_SECONDS = 120
COMMON = {"max_connections": "100", "listen_addresses": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server that trusts everyone on this machine. It can be stopped and started again."""

    bin: Path
    folder: Path
    port: int
    options: Mapping[str, str] = field(default_factory=dict)

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it. Raises `subprocess.CalledProcessError`; the reason is in the folder's `log`."""
        options = {**COMMON, **self.options, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        words = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        _run(self.bin / "pg_ctl", "-D", self._data, "-w", "-t", "60", "-l", self.folder / "log", "-o", words, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, by default as a crash would."""
        _run(self.bin / "pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def create(self, name: str) -> str:
        """A new database; returns its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def programs() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, newest version first, or None."""
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True)
    return next((path for path in places if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


@contextmanager
def running_cluster(options: Mapping[str, str]) -> Iterator[Cluster]:
    """A new server with these options; gone at the end. As root it runs as `nobody`, as the server insists.

    Raises `UnavailableError` where the programs are not installed.
    """
    found = programs()
    if found is None:
        raise UnavailableError(
            "PostgreSQL's server programs (initdb, pg_ctl) are not installed.", hint="Or name a database to use."
        )
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        initdb = ("--no-sync", "-E", "UTF8", "--locale=C", "-A", "trust", "-U", "postgres", "-D", folder / "data")
        _run(found / "initdb", *initdb)
        cluster = _started(found, folder, options)
        try:
            yield cluster
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(bin_folder: Path, folder: Path, options: Mapping[str, str]) -> Cluster:
    """The port was free a moment ago; should somebody else have taken it, another one is tried."""
    for attempt in range(ATTEMPTS):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cluster = Cluster(bin_folder, folder, probe.getsockname()[1], options)
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
    subprocess.run(  # noqa: S603 - programs found by name in fixed places
        [str(word) for word in words],
        check=True,
        user=user,
        group=group,
        extra_groups=[] if user else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=START_SECONDS,
    )
