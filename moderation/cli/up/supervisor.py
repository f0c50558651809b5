"""Keeps a set of programs running, and stops them in an order that loses nothing."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from moderation.cli.up.process import LOOK_SECONDS, Process, Program

log = structlog.get_logger(__name__)

FIRST_RESTART_SECONDS = 1.0
MAX_RESTART_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A program that ran this long before it ended is restarted at once."""

LOG_LOOK_SECONDS = 60.0


@dataclass(slots=True)
class _Kept:
    process: Process
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Starts programs, starts them again when they end, and stops them."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._kept: dict[str, _Kept] = {}
        self._former: list[Process] = []
        self._logs_looked_at = time.monotonic()

    def start(self, program: Program) -> Process:
        """Run `program`, logging to its own file."""
        process = Process(program, self._logs / f"{program.name}.log")
        self._kept[program.name] = _Kept(process)
        return process

    def process(self, name: str) -> Process | None:
        """The program's present process."""
        kept = self._kept.get(name)
        return kept.process if kept else None

    def owns(self, pid: int) -> bool:
        """True for a process that one of the programs started, and that has not left its group."""
        try:
            group = os.getpgid(pid)
        except ProcessLookupError:
            return False
        return any(process.pid == group for process in (*self._former, *(kept.process for kept in self._kept.values())))

    def look_after(self) -> list[str]:
        """Start again what has ended, with growing pauses; returns a line for each program that has just ended."""
        now, news = time.monotonic(), []
        for name, kept in self._kept.items():
            code = kept.process.exit_code()
            if code is None:
                continue
            if kept.restart_at is None:
                steady = now - kept.process.started_at > STEADY_SECONDS
                kept.failures = 1 if steady else kept.failures + 1
                pause = min(MAX_RESTART_SECONDS, FIRST_RESTART_SECONDS * 2 ** (kept.failures - 1))
                kept.restart_at = now + pause
                news.append(f"{name} ended ({describe_exit(code)}); starting it again in {pause:.0f} s")
            elif now >= kept.restart_at:
                self._former.append(kept.process)
                kept.process = Process(kept.process.program, kept.process.log)
                kept.restart_at = None
        if now - self._logs_looked_at > LOG_LOOK_SECONDS:
            self._logs_looked_at = now
            self._former = [process for process in self._former if process.has_group()]
            for kept in self._kept.values():
                kept.process.bound_log()
        return news

    def ask(self, names: Sequence[str]) -> None:
        """Ask these programs to end, without waiting."""
        for name in names:
            if name in self._kept:
                self._kept[name].process.ask_to_stop()

    def stop(self, names: Sequence[str], *, hurry: Callable[[], bool]) -> None:
        """Ask these programs to end and wait for their grace; then kill what is left of their groups."""
        processes = [self._kept.pop(name).process for name in names if name in self._kept]
        for process in processes:
            process.ask_to_stop()
        for process in processes:
            _wait(partial(process.wait, 0.0), process.program.grace_seconds, hurry)
        for process in processes:
            process.sweep()
        for process in [former for former in self._former if former.program.name in names]:
            process.sweep()
            self._former.remove(process)

    def drain(self, pids: Callable[[], Sequence[int]], seconds: float, *, hurry: Callable[[], bool]) -> None:
        """Ask the processes that `pids` names, as far as they are ours, to end, and wait for them."""
        asked: set[int] = set()

        def gone() -> bool:
            living = [pid for pid in {*pids(), *asked} if self.owns(pid) and _runs(pid)]
            for pid in set(living) - asked:
                asked.add(pid)
                _send(pid, signal.SIGTERM)
            return not living

        _wait(gone, seconds, hurry)


def describe_exit(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _wait(done: Callable[[], bool], seconds: float, hurry: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until and not hurry():
        time.sleep(LOOK_SECONDS)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        log.debug("process_gone", pid=pid)


def _runs(pid: int) -> bool:
    """False also for a process that has ended and that its parent has not asked after yet, where one can see that."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self/stat").exists()
