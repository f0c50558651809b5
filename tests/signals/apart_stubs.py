"""Signal types for child processes: what they do to them is told by the captions of posts."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Surface
from moderation.media.subject import Subject

COLUMN = Column("letters", ColumnKind.INTEGER, "How many letters the caption has.", low=0)
SPEC = SignalSpec("letters", "1", Surface.CAPTION, "For tests.", (COLUMN,), 0.1, time_limit_s=2.0)


class Obedient:
    """Counts letters, unless the caption says otherwise."""

    def __init__(self) -> None:
        self.spec: SignalSpec = SPEC

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        for subject in batch:
            obey(subject.post.caption)
        return [Score(SPEC.name, {SPEC.columns[0].name: len(subject.post.caption)}) for subject in batch]


class Foreign(Obedient):
    """Answers with a value of a class that is not the domain's."""

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        evil: Any = Evil()
        return [Score(SPEC.name, {SPEC.columns[0].name: 1}, detail={"evil": evil}) for _ in batch]


class Evil:
    """Runs a function where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.kill, (os.getppid(), signal.SIGKILL)


def obey(caption: str) -> None:
    match caption:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "leave":
            os._exit(7)
        case "hang":
            time.sleep(600)
        case "half":
            os.write(int(sys.argv[1]), b"\0\0\0\x64half")
            time.sleep(600)
        case "raise":
            raise ValueError("as told")
        case "pid":
            raise ValueError(f"pid {os.getpid()}, nice {os.nice(0)}, keys {sorted(os.environ)}")


def load() -> Obedient:
    return Obedient()


def load_foreign() -> Obedient:
    return Foreign()


def load_overwriting() -> Obedient:
    """Answers with a pickle that sets an attribute of a class of the domain and names nothing else."""
    link = Connection(int(sys.argv[1]))
    link.send_bytes(b"\x80\x04cmoderation.domain.signal\nFailureReason\nN}\x8c\x05taken\x88s\x86b.")
    return Obedient()


def load_rude() -> Obedient:
    raise ValueError("\0\x1b[2J" + "long " * 10_000)


def load_hanging() -> Obedient:
    time.sleep(600)
    raise AssertionError


def load_telling() -> Obedient:
    os.write(sys.stderr.fileno(), f"{os.getpid()}\n".encode())
    return load_hanging()


def load_crashing() -> Obedient:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError
