"""`moderation up` as a person runs it: real processes, real Dagster, Ctrl-C at the end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from datasets.samples import sample_posts
from moderation.assembly import now
from moderation.settings import Settings, load_settings
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneBeat, LaneStore

pytestmark = [pytest.mark.functional, pytest.mark.timeout(900)]

PATIENCE_SECONDS = 240.0
POSTS = 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A few pictures that the shipped policy publishes."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    good = [sample for sample in sample_posts() if not sample.rule and len(sample.image) < 300_000]
    for number, sample in enumerate(good[:POSTS]):
        (pictures / f"{number}.jpg").write_bytes(sample.image)
    return pictures


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.long])])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings for a system of its own on free ports, with the models that this checkout has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MODERATION_")}
    url = "" if request.param == "sqlite" else str(request.getfixturevalue("empty_postgres_url"))
    return {
        **kept,
        "MODERATION_HOME": str(tmp_path / "home"),
        "MODERATION_MODELS_DIR": str(load_settings().models.resolve()),
        "MODERATION_DATABASE_URL": url,
        "MODERATION_API_PORT": "0",
        "MODERATION_DAGSTER_PORT": "0",
        "MODERATION_LANES": "2",
    }


def settings_of(environment: Mapping[str, str]) -> Settings:
    return Settings(home=Path(environment["MODERATION_HOME"]), database_url=environment["MODERATION_DATABASE_URL"])


def processes_of(home: str) -> list[int]:
    """Every living process that was started for this home."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            try:
                variables = (process / "environ").read_bytes()
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if f"MODERATION_HOME={home}".encode() in variables.split(b"\0") and state != "Z":
                found.append(int(process.name))
    return found


def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"too late: {what}"
        time.sleep(0.1)


@contextmanager
def running(environment: Mapping[str, str], *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    out = Path(environment["MODERATION_HOME"]).parent / "up.out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moderation", "up", *arguments], env=dict(environment), stdout=output, stderr=output
        )
        try:
            yield process, out
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE_SECONDS)


def working(store: LaneStore) -> list[LaneBeat]:
    return [beat for beat in store.alive(within_seconds=5, now=now()) if beat.state == "working"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for left-over processes in /proc")
def test_once_and_again_until_ctrl_c(environment: dict[str, str], folder: Path) -> None:
    home = environment["MODERATION_HOME"]
    done = subprocess.run(
        [sys.executable, "-m", "moderation", "up", "--once", "--json", "--posts", str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["finished"] is True
    assert (report["posts"], report["screened_now"]) == (POSTS, POSTS)
    assert [row["state"] for row in report["outcomes"]] == ["published"]
    assert processes_of(home) == []
    _serve(environment, folder)
    assert processes_of(home) == []


def _serve(environment: dict[str, str], folder: Path) -> None:
    """The second start knows the posts; a killed lane is replaced while the API serves; then Ctrl-C."""
    database = Database.open(settings_of(environment).database)
    lanes = LaneStore(database)
    with running(environment, "--json", "--posts", str(folder)) as (process, out):
        until(lambda: "Ctrl-C stops everything" in out.read_text() or process.poll() is not None, "serving")
        assert process.poll() is None, out.read_text()
        lines = out.read_text().splitlines()
        report = json.loads(next(line for line in lines if line.startswith("{")))
        assert (report["posts"], report["screened_now"]) == (POSTS, 0)
        key = (Path(environment["MODERATION_HOME"]) / "api-key").read_text().strip()
        until(lambda: _answers(report["dagster"] + "/server_info"), "Dagster's pages")
        before = working(lanes)
        for beat in before:
            os.kill(beat.pid, signal.SIGKILL)
        sent = httpx.post(
            f"{report['api']}/v1/posts",
            files={"image": ("a.jpg", (folder / "0.jpg").read_bytes(), "image/jpeg")},
            data={"author": "me", "caption": "after the kill"},
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        )
        assert sent.status_code == 202, sent.text
        killed = {beat.run_id for beat in before}
        until(lambda: any(beat.run_id not in killed for beat in working(lanes)), "another lane")
        post = f"{report['api']}/v1/posts/{sent.json()['id']}?wait=30"
        until(lambda: _state(post, key) == "published", "the verdict")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_SECONDS) == 0, out.read_text()
    assert AuditStore(database).verify().problem is None
    database.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False


def _state(url: str, key: str) -> str:
    return str(httpx.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=60).json()["state"])


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks for left-over processes in /proc")
def test_nothing_is_left_when_it_is_killed(tmp_path: Path, folder: Path) -> None:
    home = str(tmp_path / "home")
    environment = {
        **os.environ,
        "MODERATION_HOME": home,
        "MODERATION_MODELS_DIR": str(load_settings().models.resolve()),
        "MODERATION_API_PORT": "0",
        "MODERATION_DAGSTER_PORT": "0",
    }
    database = Database.open(settings_of({**environment, "MODERATION_DATABASE_URL": ""}).database)
    database.migrate()
    with running(environment, "--posts", str(folder)) as (process, _):
        until(lambda: bool(working(LaneStore(database))), "a lane works")
        process.kill()
        process.wait(PATIENCE_SECONDS)
        until(lambda: processes_of(home) == [], "every process has ended")
    database.close()


def test_a_wrong_path_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "MODERATION_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "moderation", "up", "--posts", str(tmp_path / "nowhere")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home" / "logs").exists()
