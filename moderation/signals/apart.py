"""A candidate model in a process of its own: whatever it does to that process, it does not do to the lane.

Native code that crashes, hangs or eats the memory ends the child, which is started again a few times and then no more.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from multiprocessing import Pipe

import structlog

from moderation.domain.signal import FailureReason, SignalFailure, SignalResult, SignalSpec
from moderation.media.subject import SignalType, Subject

log = structlog.get_logger(__name__)

WORKER_MODULE = "moderation.signals.apart_worker"
START_SECONDS = 300.0
"""Loading a model may export it first."""
MOST_DEATHS = 3
MAX_ANSWER_BYTES = 64 * 1024 * 1024
KEPT_VARIABLES = (
    *("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"),
)
"""The child gets no other variable of the lane's environment: it has no use for database URLs and keys."""

GivenUp = Callable[[str], None]
"""Told once, with the reason, when a candidate is asked no more."""


class DiedError(Exception):
    """The child is gone, or was ended; the message says how."""


class Apart:
    """A `SignalType` that measures in a child process, which `load`, a picklable call, gives the real one.

    Posts that the child dies of are failures. After `MOST_DEATHS` it is not started again, and `given_up` is told.
    """

    def __init__(self, spec: SignalSpec, load: Callable[[], SignalType], *, given_up: GivenUp) -> None:
        self._spec = spec
        self._load = load
        self._given_up = given_up
        self._deaths = 0
        self._closed = False
        self._child: _Child | None = None
        self._lock = threading.Lock()

    @property
    def spec(self) -> SignalSpec:
        """The slot's."""
        return self._spec

    def prepare(self) -> bool:
        """Start the child and let it load, which may take long. False when it is not to be asked (any more)."""
        with self._lock:
            if self._closed or self._deaths >= MOST_DEATHS:
                return False
            if self._child is not None:
                return True
            child = self._child = _Child()
        try:
            child.ask(self._load, seconds=START_SECONDS)
        except DiedError as death:
            self._count(child, f"while it was loaded: {death}")
            return False
        return True

    def measure(self, batch: Sequence[Subject]) -> Sequence[SignalResult]:
        """What the child says of the batch; failures when it dies of it or takes longer than the spec allows."""
        child = self._child
        if child is None:
            return self._failures(batch, FailureReason.UNAVAILABLE, "its process does not run")
        try:
            return child.ask(tuple(batch), seconds=self._spec.time_limit_s)
        except DiedError as death:
            self._count(child, str(death))
            return self._failures(batch, FailureReason.ERROR, f"its process ended: {death}")

    def close(self) -> None:
        """End the child, also in the middle of a batch. May be called twice."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
        if child is not None:
            child.end()

    def _count(self, child: "_Child", how: str) -> None:
        child.end()
        with self._lock:
            self._child = None
            if self._closed:
                return
            self._deaths += 1
            deaths = self._deaths
        log.warning("candidate_died", signal=self._spec.name, how=how, deaths=deaths)
        if deaths == MOST_DEATHS:
            self._given_up(f"its process ended {deaths} times, the last time {how}")

    def _failures(self, batch: Sequence[Subject], reason: FailureReason, detail: str) -> list[SignalResult]:
        return [SignalFailure(self._spec.name, reason, detail) for _ in batch]


class _Child:
    """The process. It ends by itself when the lane's end of the pipe closes."""

    def __init__(self) -> None:
        self._link, theirs = Pipe()
        words = [sys.executable, "-m", WORKER_MODULE, str(theirs.fileno()), str(os.getpid())]
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                words, env=kept, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )

    def ask(self, request: object, *, seconds: float) -> list[SignalResult]:
        """The answer to a call that loads (empty) or a batch. Raises `DiedError`, after which it must be ended."""
        try:
            self._link.send_bytes(pickle.dumps(request))
            late = not self._link.poll(seconds)
            answer = None if late else _Results(BytesIO(self._link.recv_bytes(MAX_ANSWER_BYTES))).load()
        except (EOFError, OSError) as error:
            raise DiedError(self._how()) from error
        except Exception as error:
            raise DiedError(f"it answered nonsense: {type(error).__name__}") from error
        if answer is None:
            raise DiedError(f"it did not answer within {seconds:g} s")
        if isinstance(answer, str):
            raise DiedError(f"it raised {answer}")
        return list(answer)

    def end(self) -> None:
        """Kill it, and wait for that."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._link.close()

    def _how(self) -> str:
        end = time.monotonic() + 1.0
        while self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        code = self._process.returncode
        if code is None:
            return "it closed its pipe"
        return f"by signal {-code}" if code < 0 else f"with exit status {code}"


class _Results(pickle.Unpickler):
    """Reads nothing but the domain's values: a child that was taken over must not take over the lane."""

    def find_class(self, module: str, name: str) -> object:
        """A class of the domain. Raises `UnpicklingError` for anything else."""
        if not module.startswith("moderation.domain.") or "." in name:
            raise pickle.UnpicklingError(f"{module}.{name} is no result")
        return super().find_class(module, name)
