import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from moderation.domain.errors import SettingsError
from moderation.settings import Settings
from pipelines.home import MAX_SOCKET_PATH, postgres_url, prepare, socket_path
from pipelines.templates import POSTGRES_URL_VARIABLE, instance_config, workspace_config
from tests.passwords import WITH_PASSWORD, assert_no_password


def run_home(home: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pipelines.home"],
        env={**os.environ, "MODERATION_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_prints_the_environment_and_creates_the_storage(tmp_path: Path) -> None:
    done = run_home(tmp_path / "home")
    assert done.returncode == 0, done.stderr
    environment = dict(line.split("=", 1) for line in done.stdout.splitlines())
    home = tmp_path / "home" / "dagster"
    assert environment == {
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "MODERATION_CODE_SOCKET": str(socket_path(home)),
        "MODERATION_DAGSTER_WORKSPACE": str(home / "workspace.yaml"),
    }
    assert yaml.safe_load((home / "dagster.yaml").read_text())["telemetry"] == {"enabled": False}
    assert (home / "history" / "runs.db").is_file()
    assert (home / "schedules" / "schedules.db").is_file()
    assert [folder.stat().st_mode & 0o077 for folder in (home, home.parent)] == [0, 0]


def test_a_wrong_setting_is_one_line_and_an_exit_status(tmp_path: Path) -> None:
    done = run_home(tmp_path, MODERATION_DATABASE_URL="nonsense")
    assert done.returncode == 1
    assert "MODERATION_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.postgres
def test_on_postgresql_dagster_has_a_schema_of_its_own(tmp_path: Path, postgres_url: str) -> None:
    import psycopg  # noqa: PLC0415 - only this test needs it

    done = run_home(tmp_path, MODERATION_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stderr
    assert f"{POSTGRES_URL_VARIABLE}=postgresql+psycopg2://" in done.stdout
    config = (tmp_path / "dagster" / "dagster.yaml").read_text()
    assert yaml.safe_load(config)["storage"] == {"postgres": {"postgres_url": {"env": POSTGRES_URL_VARIABLE}}}
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT table_schema, table_name FROM information_schema.tables").fetchall()
    tables = {(str(schema), str(name)) for schema, name in rows}
    assert {("dagster", "runs"), ("dagster", "event_logs"), ("dagster", "jobs")} <= tables
    assert {("dagster", "alembic_version"), ("public", "alembic_version"), ("public", "posts")} <= tables
    assert not (tmp_path / "dagster" / "history").exists()


def test_a_second_preparation_does_not_need_dagster(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert run_home(tmp_path).returncode == 0
    code = (
        "import sys; from pathlib import Path; from moderation.settings import Settings; "
        "from pipelines.home import prepare; "
        f"prepare(Settings(home=Path({str(tmp_path)!r}))); assert 'dagster' not in sys.modules"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_")}
    subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=True)
    assert prepare(settings)["DAGSTER_HOME"] == str(tmp_path / "dagster")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////x/moderation.db", ""),
        ("postgresql://me@db/name", "postgresql+psycopg2://me@db/name?options=-csearch_path%3Ddagster"),
        (
            "postgresql+psycopg://me:pw@db/name?sslmode=require",
            "postgresql+psycopg2://me:pw@db/name?sslmode=require&options=-csearch_path%3Ddagster",
        ),
    ],
)
def test_postgres_url(url: str, expected: str) -> None:
    assert postgres_url(url) == expected


def test_a_database_that_is_no_url_is_refused() -> None:
    with pytest.raises(SettingsError):
        postgres_url("moderation.db")


@pytest.mark.parametrize("url", WITH_PASSWORD)
def test_no_refusal_quotes_a_password(tmp_path: Path, url: str) -> None:
    done = run_home(tmp_path, MODERATION_DATABASE_URL=url)
    assert done.returncode == 1
    assert_no_password(done.stdout + done.stderr)


def test_a_long_home_gets_a_short_socket() -> None:
    short, long = Path("/srv/dagster"), Path("/srv") / ("x" * 120)
    assert socket_path(short) == short / "code.sock"
    assert len(str(socket_path(long))) <= MAX_SOCKET_PATH
    assert socket_path(long) != socket_path(long / "other")


def test_templates() -> None:
    assert "storage" not in yaml.safe_load(instance_config(postgres=False))
    assert yaml.safe_load(workspace_config(Path("/x/code.sock"))) == {
        "load_from": [{"grpc_server": {"socket": "/x/code.sock", "location_name": "moderation"}}]
    }
