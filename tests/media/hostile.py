"""Reductions that do, inside the decoder's process, what hostile bytes might do to it: the first pixel says what."""

import ctypes
import os
import signal
import stat
import time
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.media.subject import Rgb
from tests.media.images import encoded

MEGABYTE = 1024 * 1024


class Deed(IntEnum):
    """What the picture makes the process do."""

    NOTHING = 0
    SEGFAULT = 1
    EXIT = 2
    HANG = 3
    HANG_HOLDING_THE_INTERPRETER = 4
    GARBAGE = 5
    HUGE_LENGTH = 6
    FORGED_ANSWER = 7
    HOARD = 8
    RAISE = 9
    LARGE_RESULT = 10
    OBJECTS = 11
    WRITE_FILE = 12
    SHRINK_MEMORY = 13
    CRASH_ONCE = 14


def picture(deed: Deed, level: int = 0) -> bytes:
    """A PNG that makes `misbehave` do it; `level` is the grey of the rest."""
    pixels = np.full((16, 16, 3), level, dtype=np.uint8)
    pixels[0, 0] = (deed, 99, 77)
    return encoded(pixels, "PNG")


def misbehave(rgb: Rgb) -> NDArray[np.generic]:
    """The mean of the picture, unless its first pixel asks for something else."""
    if tuple(rgb[0, 0, 1:]) == (99, 77):
        result = DEEDS[Deed(int(rgb[0, 0, 0]))]()
        if isinstance(result, np.ndarray):
            return result
    return np.array([rgb[1:].mean()])


def environment(rgb: Rgb) -> NDArray[np.generic]:
    """The names and values that the process sees, as bytes."""
    return np.frombuffer(repr(dict(os.environ)).encode(), dtype=np.uint8)


def _raise() -> None:
    raise LookupError("no such colour\n\x1b[31m")


def _link() -> int:
    return next(number for number in _open_files() if stat.S_ISSOCK(os.fstat(number).st_mode))


def _memory() -> int:
    return next(number for number in _open_files() if "decoder" in str(Path(f"/proc/self/fd/{number}").readlink()))


def _open_files() -> list[int]:
    return [int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.exists()]


def _written() -> Path:
    return Path(os.environ["TMPDIR"], "written")


def _crash_once() -> None:
    """Crash unless the marker of an earlier crash is there."""
    marker = Path(os.environ["TMPDIR"], "crashed")
    if not marker.exists():
        marker.mkdir()
        os.kill(os.getpid(), signal.SIGKILL)


DEEDS: Mapping[Deed, Callable[[], object]] = {
    Deed.NOTHING: lambda: None,
    Deed.SEGFAULT: lambda: ctypes.string_at(8),
    Deed.EXIT: lambda: os._exit(3),
    Deed.HANG: lambda: time.sleep(600),
    Deed.HANG_HOLDING_THE_INTERPRETER: lambda: ctypes.PyDLL(None).sleep(600),
    Deed.GARBAGE: lambda: os.write(_link(), b"\0\0\0\x05garbage"),
    Deed.HUGE_LENGTH: lambda: os.write(_link(), b"\xff\xff\xff\xff"),
    Deed.FORGED_ANSWER: lambda: os.write(_link(), b"\0\0\0\x02{}"),
    Deed.HOARD: lambda: np.ones(4096 * MEGABYTE, dtype=np.uint8),
    Deed.RAISE: _raise,
    Deed.LARGE_RESULT: lambda: np.zeros(64 * MEGABYTE, dtype=np.uint8),
    Deed.OBJECTS: lambda: np.array([object()]),
    Deed.WRITE_FILE: lambda: _written().write_bytes(bytes(MEGABYTE)),
    Deed.SHRINK_MEMORY: lambda: os.ftruncate(_memory(), 4096),
    Deed.CRASH_ONCE: _crash_once,
}
