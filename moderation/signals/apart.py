"""A candidate model in a process of its own: whatever it does to that process, it does not do to the lane.

Native code that crashes, hangs or eats the memory ends the child, which is started again a few times and then no more.
"""

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pipe

import structlog

from moderation.domain.signal import FailureReason, SignalFailure, SignalResult, SignalSpec
from moderation.media.subject import SignalType, Subject
from moderation.signals import apart_answers

log = structlog.get_logger(__name__)

WORKER_MODULE = "moderation.signals.apart_worker"
START_SECONDS = 300.0
"""Loading a model may export it first."""
MOST_DEATHS = 3
MAX_ANSWER_BYTES = 16 * 1024 * 1024
DEAD_SECONDS = 5.0
"""How long anybody waits for a killed process to be gone: a driver may hold one in the kernel for ever."""
KEPT_VARIABLES = (
    *("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CUDA_VISIBLE_DEVICES"),
)
"""The child gets no other variable of the lane's environment: it has no use for database URLs and keys."""

GivenUp = Callable[[str], None]
"""Told the reason when a candidate is asked no more; again with each batch for as long as that raises."""


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
        self._untold = ""
        self._closed = False
        self._child: _Child | None = None
        self._lock = threading.Lock()

    @property
    def spec(self) -> SignalSpec:
        """The slot's."""
        return self._spec

    def prepare(self) -> bool:
        """Start the child and let it load, which may take long. False when it is not to be asked (any more)."""
        self._tell()
        with self._lock:
            if self._closed or self._deaths >= MOST_DEATHS:
                return False
            if self._child is not None:
                return True
            child = self._child = _Child(self._spec.name)
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
            self._untold = f"its process ended {deaths} times, the last time {how}"
            self._tell()

    def _tell(self) -> None:
        """That it was given up, if nobody heard that yet. Never raises: the answers of a batch are on their way."""
        if self._untold:
            try:
                self._given_up(self._untold)
            except Exception as error:  # noqa: BLE001 - a database that is away hears it with the next batch
                log.warning("candidate_still_named", signal=self._spec.name, reason=str(error))
            else:
                self._untold = ""

    def _failures(self, batch: Sequence[Subject], reason: FailureReason, detail: str) -> list[SignalResult]:
        return [SignalFailure(self._spec.name, reason, detail) for _ in batch]


class _Child:
    """The process. It ends by itself when the lane's end of the pipe closes."""

    def __init__(self, signal: str) -> None:
        self._signal = signal
        self._link, theirs = Pipe()
        self._plug = socket.socket(fileno=os.dup(self._link.fileno()))
        self._asking = threading.Lock()
        words = [sys.executable, "-m", WORKER_MODULE, str(theirs.fileno()), str(os.getpid())]
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own
                    words, env=kept, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
                )
        except BaseException:
            self._close()
            raise

    def ask(self, request: object, *, seconds: float) -> list[SignalResult]:
        """The answer to a call that loads (empty) or a batch. Raises `DiedError`, after which it must be ended.

        One at a time: whoever comes second waits for the first one's answer, and never gets it.
        """
        late = threading.Event()
        try:
            with self._asking, self._at_most(seconds, late):
                self._link.send_bytes(pickle.dumps(request))
                data = self._link.recv_bytes(MAX_ANSWER_BYTES)
            answer = apart_answers.read(data, self._signal)
        except (EOFError, OSError) as error:
            raise DiedError(f"it did not answer within {seconds:g} s" if late.is_set() else self._how()) from error
        except Exception as error:
            raise DiedError(f"it answered nonsense: {type(error).__name__}") from error
        if isinstance(answer, str):
            raise DiedError(f"it raised {answer}")
        return answer

    def end(self) -> None:
        """Kill it, and wait for that; whoever waits for its answer hears that there is none. May be called twice."""
        self._cut()
        try:
            self._process.wait(DEAD_SECONDS)
        except subprocess.TimeoutExpired:
            log.exception("candidate_not_dead", pid=self._process.pid)
        with self._asking:
            self._close()

    def _close(self) -> None:
        self._link.close()
        self._plug.close()

    def _cut(self) -> None:
        """Nothing comes through the pipe any more, whoever else may hold its other end; no descriptor is closed.

        A number that was closed while somebody reads from it may be another connection's in the next moment.
        """
        self._process.kill()
        with contextlib.suppress(OSError):
            self._plug.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _at_most(self, seconds: float, late: threading.Event) -> Iterator[None]:
        """Cut it off after `seconds`, also while it takes a request in or gives half an answer."""

        def stop() -> None:
            late.set()
            self._cut()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _how(self) -> str:
        end = time.monotonic() + 1.0
        while self._process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        code = self._process.returncode
        if code is None:
            return "it closed its pipe"
        return f"by signal {-code}" if code < 0 else f"with exit status {code}"
