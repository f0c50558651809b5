"""A lane ends when the process that supervises this machine's processes is gone, even if that one was killed."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SUPERVISOR_VARIABLE = "MODERATION_SUPERVISOR"
"""`PID-TOKEN`, set by `moderation up`; absent where something else (Kubernetes, systemd) looks after the processes.
The token tells one start from another."""

LOOK_SECONDS = 1.0


def supervisor(environment: Mapping[str, str] = os.environ) -> str:
    """Which start of which supervisor the environment names, or ""."""
    return environment.get(SUPERVISOR_VARIABLE, "")


@contextmanager
def stop_with_supervisor(stop: threading.Event, environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Set `stop` as soon as the supervisor that the environment names is no longer there."""
    pid, _, _ = supervisor(environment).partition("-")
    if not pid.isdecimal():
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if not is_running(int(pid)):
                stop.set()
                return

    thread = threading.Thread(target=watch, name="lane-supervisor-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def is_running(pid: int) -> bool:
    """True while a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
