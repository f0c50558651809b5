"""Prepares DAGSTER_HOME, and prints the environment that every Dagster process of this installation needs.

`python -m pipelines.home` must have ended before the first of them starts: two processes that create the same tables
at the same time fail.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from pathlib import Path

from moderation.domain.errors import ModerationError, UnavailableError
from moderation.settings import Settings, load_settings, make_home
from moderation.storage.url import check_url
from pipelines.templates import POSTGRES_URL_VARIABLE, instance_config, workspace_config

SCHEMA = "dagster"
"""Dagster's tables have a PostgreSQL schema of their own: both it and this system keep an `alembic_version`."""

MAX_SOCKET_PATH = 100
"""Unix sockets cannot have longer names (104 bytes on macOS, 108 on Linux)."""

READY = "storage.ready"


def prepare(settings: Settings) -> dict[str, str]:
    """Write `dagster.yaml` and `workspace.yaml`, create Dagster's tables, and return the processes' environment."""
    make_home(settings.home)
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    postgres = postgres_url(settings.database)
    if postgres:
        environment[POSTGRES_URL_VARIABLE] = postgres
    config = instance_config(postgres=bool(postgres))
    socket = socket_path(home)
    (home / "dagster.yaml").write_text(config)
    (home / "workspace.yaml").write_text(workspace_config(socket))
    _create_storage(home, environment, version=_storage_version(settings.database))
    return {
        **environment,
        "MODERATION_CODE_SOCKET": str(socket),
        "MODERATION_DAGSTER_WORKSPACE": str(home / "workspace.yaml"),
    }


def socket_path(home: Path) -> Path:
    """Where the code server listens: inside `home`, or in the temporary folder when that name is too long."""
    inside = home / "code.sock"
    if len(str(inside).encode()) <= MAX_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"moderation-{digest}.sock"


def postgres_url(database_url: str) -> str:
    """The same PostgreSQL database for Dagster, in its own schema and by the driver it needs; "" for SQLite.

    Raises `SettingsError`.
    """
    check_url(database_url)
    scheme, _, rest = database_url.partition("://")
    if not scheme.startswith("postgresql"):
        return ""
    joint = "&" if "?" in rest else "?"
    return f"postgresql+psycopg2://{rest}{joint}options=-csearch_path%3D{SCHEMA}"


def _storage_version(database_url: str) -> str:
    """Names Dagster's release and its database: storage is prepared again when either changes."""
    from importlib.metadata import version  # noqa: PLC0415 - a second start does not need Dagster itself

    return hashlib.sha256(f"{version('dagster')} {database_url}".encode()).hexdigest()


def _create_storage(home: Path, environment: dict[str, str], *, version: str) -> None:
    marker = home / READY
    if marker.is_file() and marker.read_text() == version:
        return
    os.environ.update(environment)
    if POSTGRES_URL_VARIABLE in environment:
        _create_schema(environment[POSTGRES_URL_VARIABLE])
    from dagster import AssetKey, DagsterInstance  # noqa: PLC0415 - 0.7 s, and only needed once

    with contextlib.redirect_stdout(sys.stderr), DagsterInstance.get() as instance:
        instance.upgrade()
        instance.get_runs(limit=1)
        instance.all_instigator_state()
        instance.fetch_materializations(AssetKey("screened_posts"), limit=1)
    marker.write_text(version)


def _create_schema(url: str) -> None:
    import psycopg  # noqa: PLC0415 - SQLite installations do not need it

    try:
        with psycopg.connect(
            url.replace("postgresql+psycopg2://", "postgresql://", 1), connect_timeout=10
        ) as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    except psycopg.Error as error:
        raise UnavailableError(f"PostgreSQL does not answer: {error}") from error


def main() -> int:
    """Prepare, and print `NAME=value` lines; 1 when that is refused."""
    try:
        environment = prepare(load_settings())
    except ModerationError as error:
        sys.stderr.write(f"{error.message} {error.hint}".strip() + "\n")
        return 1
    sys.stdout.writelines(f"{name}={value}\n" for name, value in environment.items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
