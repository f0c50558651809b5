import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moderation.cli.up.process import Process, Program
from moderation.cli.up.supervisor import Supervisor, describe_exit

WAIT_SECONDS = 20.0
SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(child.pid, flush=True); time.sleep(600)"
)


def program(code: str, name: str = "sleeper", **options: float) -> Program:
    return Program(name, (sys.executable, "-c", code), **options)  # type: ignore[arg-type]  # only grace_seconds


def never() -> bool:
    return False


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "logs")
    yield made
    made.stop(["sleeper", "stubborn", "parent", "ends"], hurry=lambda: True)


def log_of(process: Process) -> str:
    return process.log.read_text()


def test_a_program_logs_to_its_own_file_and_stops(supervisor: Supervisor, tmp_path: Path) -> None:
    process = supervisor.start(program(SLEEPS))
    until(lambda: "up" in log_of(process))
    assert process.log == tmp_path / "logs" / "sleeper.log"
    supervisor.stop(["sleeper"], hurry=never)
    assert process.exit_code() == -signal.SIGTERM
    assert supervisor.process("sleeper") is None
    assert supervisor.look_after() == []


def test_a_program_that_does_not_listen_is_killed(supervisor: Supervisor) -> None:
    process = supervisor.start(program(STUBBORN, "stubborn", grace_seconds=0.2))
    until(lambda: "up" in log_of(process))
    supervisor.stop(["stubborn"], hurry=never)
    assert process.exit_code() == -signal.SIGKILL


def test_hurry_does_not_wait_for_the_grace(supervisor: Supervisor) -> None:
    process = supervisor.start(program(STUBBORN, "stubborn", grace_seconds=3600))
    until(lambda: "up" in log_of(process))
    supervisor.stop(["stubborn"], hurry=lambda: True)
    assert process.exit_code() == -signal.SIGKILL


def test_what_a_program_started_ends_with_it(supervisor: Supervisor) -> None:
    process = supervisor.start(program(PARENT, "parent"))
    until(lambda: log_of(process).strip().isdecimal())
    child = int(log_of(process))
    assert supervisor.owns(child)
    assert not supervisor.owns(os.getpid())
    supervisor.stop(["parent"], hurry=never)
    until(lambda: not runs(child))


def test_a_program_that_ended_is_started_again_after_a_pause(supervisor: Supervisor) -> None:
    first = supervisor.start(program("raise SystemExit(3)", "ends"))
    until(lambda: first.exit_code() is not None)
    assert supervisor.look_after() == ["ends ended (exit code 3); starting it again in 1 s"]
    assert supervisor.look_after() == []
    until(lambda: supervisor.look_after() is not None and supervisor.process("ends") is not first)
    second = supervisor.process("ends")
    assert second is not None
    until(lambda: second.exit_code() is not None)
    assert supervisor.look_after() == ["ends ended (exit code 3); starting it again in 2 s"]


def test_children_of_a_program_that_was_killed_are_still_ours_and_stopped(supervisor: Supervisor) -> None:
    first = supervisor.start(program(PARENT, "parent"))
    until(lambda: log_of(first).strip().isdecimal())
    child = int(log_of(first))
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: first.exit_code() is not None)
    assert len(supervisor.look_after()) == 1
    until(lambda: supervisor.look_after() is not None and supervisor.process("parent") is not first)
    assert runs(child)
    assert supervisor.owns(child)
    supervisor.stop(["parent"], hurry=never)
    until(lambda: not runs(child))


def test_drain_asks_only_what_is_ours_and_waits_for_it(supervisor: Supervisor) -> None:
    process = supervisor.start(program(SLEEPS))
    until(lambda: "up" in log_of(process))
    supervisor.drain(lambda: [process.pid, os.getpid(), 2**22 + 1], WAIT_SECONDS, hurry=never)
    assert process.exit_code() == -signal.SIGTERM


def test_the_log_of_the_last_start_is_kept(tmp_path: Path) -> None:
    for text in ("first", "second"):
        process = Process(program(f"print({text!r})"), tmp_path / "sleeper.log")
        assert process.wait(WAIT_SECONDS)
        assert process.tail() == text
    assert (tmp_path / "sleeper.previous.log").read_text() == "first\n"


def test_a_log_that_has_grown_too_large_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation.cli.up.process.MAX_LOG_BYTES", 10)
    process = Process(program("print('x' * 100)"), tmp_path / "sleeper.log")
    assert process.wait(WAIT_SECONDS)
    process.bound_log()
    assert process.log.read_text() == ""
    assert len((tmp_path / "sleeper.previous.log").read_text()) == 101


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end a process with its parent")
def test_a_program_ends_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from moderation.cli.up.process import Process, Program; "
        f"process = Process(Program('p', (sys.executable, '-c', {SLEEPS!r})), Path({str(tmp_path / 'p.log')!r})); "
        "print(process.pid, flush=True); time.sleep(600)"
    )
    parent = Process(program(code, "parent"), tmp_path / "parent.log")
    until(lambda: log_of(parent).strip().isdecimal())
    child = int(log_of(parent))
    until(lambda: (tmp_path / "p.log").read_text() == "up\n")
    os.kill(parent.pid, signal.SIGKILL)
    until(lambda: not runs(child))
    parent.sweep()


def test_exit_codes_in_words() -> None:
    assert describe_exit(2) == "exit code 2"
    assert describe_exit(-9) == "signal SIGKILL"
