"""The API and a lane as processes of their own, with the settings they are given."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from moderation.assembly import now, open_database
from moderation.domain.errors import UnavailableError
from moderation.settings import Settings
from moderation.storage.lanes import LaneStore

START_SECONDS = 60.0
STOP_SECONDS = 20.0


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with every setting that differs from its default."""
    changed = {
        name: getattr(settings, name)
        for name, info in type(settings).model_fields.items()
        if getattr(settings, name) != info.default and name != "blob_options"
    }
    return {**os.environ, **{f"MODERATION_{name.upper()}": str(value) for name, value in changed.items()}}


@contextmanager
def api_process(settings: Settings) -> Iterator[str]:
    """A running API; yields its address."""
    port = _free_port()
    command = [sys.executable, "-m", "review_ui.serve", "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, settings):
        address = f"http://127.0.0.1:{port}"
        _until(lambda: _answers(address), "the API did not start")
        yield address


@contextmanager
def lane_process(settings: Settings, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A lane with warm models."""
    database = open_database(settings)
    with _running([sys.executable, "-m", "moderation", "lane", "--name", name], settings) as process:
        _until(lambda: _works(LaneStore(database), name), "the lane did not start")
        yield process
    database.close()


def _works(lanes: LaneStore, name: str) -> bool:
    return any(beat.name == name and beat.state == "working" for beat in lanes.alive(within_seconds=10, now=now()))


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=1, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _until(ready: Callable[[], bool], problem: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not ready():
        if time.monotonic() > end:
            raise UnavailableError(f"After {START_SECONDS:.0f} s {problem}.")
        time.sleep(0.05)


@contextmanager
def _running(command: list[str], settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, which logs into the home folder and is ended with the block."""
    with (settings.home / "processes.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment(settings), stdout=log, stderr=log)  # noqa: S603 - our own
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
