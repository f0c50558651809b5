"""The decoder's child process: one image after the other, under memory and time limits that the kernel enforces.

Started as `python -m moderation.media.decode_worker` with its set-up as JSON in the only argument. It ends when the
lane's end of the socket closes, when its parent is another one (a lane that was killed), or by SIGALRM when one
image takes too long and nobody is left to kill it. PR_SET_PDEATHSIG is not used: it fires when the *thread* that
started the child ends, and lanes start it from a thread.
"""

import json
import mmap
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from moderation.domain.media import ContainerFacts, RefusalReason
from moderation.media.container import container_of
from moderation.media.decode_image import RefusedError, configure, decode_image, preview
from moderation.media.decode_limits import DecodeLimits, preview_side
from moderation.media.decode_wire import (
    ClosedError,
    Fields,
    Writer,
    layout,
    picture_fields,
    plain,
    receive,
    refusal_fields,
    send,
)
from moderation.media.reductions import resolve_reduction
from moderation.media.subject import Reduction

MEGABYTE = 1024 * 1024
PARENT_CHECK_SECONDS = 2.0
SELF_KILL_SECONDS = 2.0
"""After this much more than the time limit the kernel ends the process, whatever native code it is in."""
OPEN_FILES = 64


def main(argument: str) -> None:
    """Serve until the other end closes."""
    setup = json.loads(argument)
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    limits = DecodeLimits(**setup["limits"])
    link = socket.socket(fileno=setup["link"])
    parent = int(setup["parent"])
    try:
        reductions = {name: resolve_reduction(made) for name, made in setup["reductions"].items()}
        memory = mmap.mmap(setup["memory"], layout(limits).total_bytes)
        configure(limits)
        confine(limits.memory_mb)
    except Exception as error:  # noqa: BLE001 - whatever keeps the child from starting is told to the lane
        send(link, {"error": plain(f"{type(error).__name__}: {error}")})
        return
    send(link, {"ready": True})
    while (request := _next_request(link, parent)) is not None:
        signal.setitimer(signal.ITIMER_REAL, limits.seconds + SELF_KILL_SECONDS)
        answer = serve(request, memoryview(memory), limits, reductions)
        send(link, {"number": request["number"], **answer})
        signal.setitimer(signal.ITIMER_REAL, 0)


def serve(request: Fields, memory: memoryview, limits: DecodeLimits, reductions: Mapping[str, Reduction]) -> Fields:
    """The answer for the image whose bytes lie at the start of `memory`."""
    size = request["bytes"]
    assert isinstance(size, int)
    data = bytes(memory[:size])
    facts: ContainerFacts | None = None
    writer = Writer(memory, layout(limits).input_bytes)
    frames: list[Fields] = []
    try:
        container = container_of(data)
        facts = container.facts
        decoded = decode_image(data, limits)
        side = preview_side(min(decoded.facts.frames, limits.max_frames))
        for rgb in decoded.frames:
            facts = facts if frames else container.beside(rgb)
            shown = writer.put(preview(rgb, side))
            frames.append({"rgb": shown, "reduced": {name: writer.put(made(rgb)) for name, made in reductions.items()}})
    except RefusedError as refused:
        return refusal_fields(refused.reason, refused.detail, facts)
    except MemoryError as error:
        return refusal_fields(RefusalReason.OUT_OF_MEMORY, str(error), facts)
    except Exception as error:  # noqa: BLE001 - a reduction that fails must not end the child
        detail = f"a reduction failed: {type(error).__name__}: {error}"
        return refusal_fields(RefusalReason.DECODER_CRASHED, detail, facts)
    return picture_fields(decoded.facts, frames, facts)


def confine(memory_mb: int) -> None:
    """Leave the process what it has now and `memory_mb` more; no file can grow, no core is dumped."""
    ceiling = _address_space() + memory_mb * MEGABYTE
    limits = {
        resource.RLIMIT_AS: ceiling,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Bytes of address space in use; 2 GiB where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 2048 * MEGABYTE
    return pages * os.sysconf("SC_PAGE_SIZE")


def _next_request(link: socket.socket, parent: int) -> Fields | None:
    while os.getppid() == parent:
        try:
            return receive(link, until=time.monotonic() + PARENT_CHECK_SECONDS)
        except TimeoutError:
            continue
        except ClosedError:
            return None
    return None


if __name__ == "__main__":
    main(sys.argv[1])
