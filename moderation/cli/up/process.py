"""One supervised process: its own session and process group, its own log, and an end that is sure to come."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
MAX_LOG_BYTES = 20 * 1024 * 1024
TAIL_LINES = 8
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    `stop_signal` asks it to end, or with `whole_group` it and everything it started; `grace_seconds` is how long that
    may take.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10.0
    whole_group: bool = False


class Process:
    """A running program. Start it from the main thread: on Linux it ends with the thread that started it."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.started_at = time.monotonic()
        self._asked = False
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(log.with_suffix(".previous.log"))
        with log.open("ab") as output:
            self._child = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
                [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **program.environment},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Also the id of its process group."""
        return self._child.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._child.poll()

    def ask_to_stop(self) -> None:
        """Send the stop signal, once: a second one makes some programs drop what they are doing."""
        if self._asked:
            return
        self._asked = True
        if self.program.whole_group:
            self._signal_group(self.program.stop_signal)
        elif self.exit_code() is None:
            self._child.send_signal(self.program.stop_signal)

    def has_group(self) -> bool:
        """True while anything that the process started is left, even when the process itself has ended."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def wait(self, seconds: float) -> bool:
        """True when it ended within `seconds`."""
        try:
            self._child.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def sweep(self) -> None:
        """Kill the process and whatever is left of its group."""
        self._signal_group(signal.SIGKILL)
        self._child.wait()

    def tail(self) -> str:
        """The last lines it logged."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 8192))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    def bound_log(self) -> None:
        """Empty the log when it has grown too large, keeping what it held as the previous one."""
        if self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.with_suffix(".previous.log").write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
