"""The lane's end of one decoder child process: starting it, asking it, ending it."""

import contextlib
import fcntl
import json
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from moderation.domain.errors import UnavailableError
from moderation.media.decode_limits import DecodeLimits
from moderation.media.decode_wire import ClosedError, Fields, ProtocolError, layout, receive, send
from moderation.media.reductions import describe_reduction
from moderation.media.subject import Reduction

WORKER_MODULE = "moderation.media.decode_worker"
START_SECONDS = 60.0
END_SECONDS = 10.0
GRACE_SECONDS = 0.2
"""A child that has crashed is reaped within this time; one that was idle ends by itself."""
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
"""The child gets no other variable of the lane's environment: it has no use for database URLs and keys."""
POOLED_BYTES = 32 * 1024 * 1024
"""Smaller buffers come from the C library's heap, which keeps twice as much between images: fresh pages from the
system for every picture of 1024 by 1024 take half as long again as decoding it."""


class Child:
    """A started child. Not safe for several threads, but for `kill`."""

    def __init__(self, limits: DecodeLimits, reductions: Mapping[str, Reduction]) -> None:
        self._ready = False
        self.asked = 0
        self._started = time.monotonic()
        size = layout(limits).total_bytes
        descriptor = _shared_memory(size)
        self._link, theirs = socket.socketpair()
        try:
            self._map = mmap.mmap(descriptor, size)
            self.memory = memoryview(self._map)
            setup = {
                "limits": asdict(limits),
                "link": theirs.fileno(),
                "memory": descriptor,
                "parent": os.getpid(),
                "reductions": {name: describe_reduction(made) for name, made in reductions.items()},
            }
            self._process = _start(setup, (theirs.fileno(), descriptor))
        except OSError as error:
            self._link.close()
            raise UnavailableError(f"The image decoder could not be started: {error}.") from error
        finally:
            theirs.close()
            os.close(descriptor)

    def is_idle(self) -> bool:
        """True while it lives and has nothing to say unasked."""
        if not self._ready:
            return True
        readable, _, _ = select.select([self._link], [], [], 0)
        return not readable

    def wait_until_ready(self) -> None:
        """Return when it can be asked. Raises `UnavailableError` when it fails to start."""
        if self._ready:
            return
        try:
            greeting = receive(self._link, until=self._started + START_SECONDS)
        except (ClosedError, ProtocolError, TimeoutError) as error:
            raise UnavailableError(f"The image decoder did not start: {str(error) or 'it took too long'}.") from error
        if greeting != {"ready": True}:
            raise UnavailableError(f"The image decoder did not start: {greeting.get('error')}.")
        self._ready = True

    def ask(self, image: bytes, *, until: float) -> Fields:
        """Its answer on one image. Raises `TimeoutError`, `ClosedError` when it died, `ProtocolError`."""
        self.asked += 1
        self.memory[: len(image)] = image
        self._link.settimeout(END_SECONDS)
        send(self._link, {"number": self.asked, "bytes": len(image)})
        answer = receive(self._link, until=until)
        if answer.pop("number", None) != self.asked:
            raise ProtocolError("out of turn")
        return answer

    def kill(self) -> None:
        """End it at once; whoever waits for its answer gets `ClosedError`."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def end(self, *, grace_seconds: float = GRACE_SECONDS) -> str:
        """End it, free everything, and say how it ended: "ended by SIGSEGV", "exited with 1"."""
        self._link.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=grace_seconds)
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=END_SECONDS)
        self.memory.release()
        self._map.close()
        return _ending(self._process.returncode)


def _start(setup: Fields, descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Start the worker in its own process group, so that Ctrl-C at the terminal does not end it before the lane."""
    return subprocess.Popen(  # noqa: S603 - this interpreter, one module of ours, JSON of ours
        [sys.executable, "-B", "-P", "-m", WORKER_MODULE, json.dumps(setup)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        pass_fds=descriptors,
        process_group=0,
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": str(POOLED_BYTES),
        "MALLOC_TRIM_THRESHOLD_": str(2 * POOLED_BYTES),
    }


def _shared_memory(size: int) -> int:
    """A file descriptor of `size` bytes of anonymous memory that the child cannot shrink under the lane's feet."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("decoder", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return descriptor
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return os.dup(file.fileno())


def _ending(status: int | None) -> str:
    if status is None:
        return "the decoder cannot be ended"
    if status < 0:
        return f"the decoder was ended by {signal.Signals(-status).name}"
    return f"the decoder exited with {status}"
