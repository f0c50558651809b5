"""The child process of one candidate: loads its model, then measures one batch after the other.

Started as `python -m moderation.signals.apart_worker FD PARENT`. It ends when the lane's end of the pipe closes; soon
after its parent is another process, also while it loads or measures; or by SIGALRM, when native code lets no thread
look. It leaves the processor to everybody else, and is what the system kills first when memory is short.
"""

import contextlib
import os
import pickle
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from moderation.media.subject import SignalType
from moderation.signals import apart_answers
from moderation.signals.runtime import measured

NICENESS = 15
PARENT_CHECK_SECONDS = 2.0
KILL_FIRST = "1000"
MOST_SECONDS = 600.0
"""More than the lane waits for anything: after it the kernel ends the process, whatever native code it is in."""


def main(descriptor: int, parent: int) -> None:
    """Serve until the other end closes. Requests come from the lane, which is trusted."""
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    give_way()
    threading.Thread(target=_end_with, args=(parent,), name="ends-with-lane", daemon=True).start()
    link = Connection(descriptor)
    loaded: SignalType | None = None
    while (request := _next(link)) is not None:
        signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
        try:
            if loaded is None:
                load: Callable[[], SignalType] = pickle.loads(request)  # noqa: S301 - from our own parent
                loaded, answer = load(), apart_answers.dump([])
            else:
                answer = apart_answers.dump(measured(loaded, pickle.loads(request)))  # noqa: S301 - the same
        except Exception as error:  # noqa: BLE001 - told to the lane, which ends this process
            answer = apart_answers.dump_error(f"{type(error).__name__}: {error}")
        link.send_bytes(answer)
        signal.setitimer(signal.ITIMER_REAL, 0)


def give_way() -> None:
    """To every other process, for processor time and memory; no core is dumped."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(KILL_FIRST, encoding="ascii")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with(parent: int) -> None:
    """End this process when nobody is left who could."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(1)


def _next(link: Connection) -> bytes | None:
    try:
        return link.recv_bytes()
    except EOFError:
        return None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
