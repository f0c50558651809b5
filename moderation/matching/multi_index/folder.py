"""The folder of published index files, and CURRENT, which names one of them with its digest.

A publisher writes the file completely, and then renames a new CURRENT into place: killed at any point, it leaves the
old index or the new one. What is no longer current is deleted after a while; processes that have it mapped keep it.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import ConflictError, CorruptIndexError, UnavailableError
from moderation.matching.multi_index.file import (
    NOTHING_SAID,
    REBUILD,
    UNFINISHED,
    Described,
    IndexFile,
    build,
    sync_folder,
)

CURRENT = "CURRENT"
LOCK = "publishing.lock"
NAME = re.compile(r"banks-(\d{1,19})-[0-9a-f]{12}\.mi")
DIGEST = re.compile(r"[0-9a-f]{64}")
KEEP = timedelta(minutes=10)
"""How long a file stays after it stopped being current."""
MAX_POINTER_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Pointer:
    """What CURRENT says: a file's name, which has its checkpoint, and its SHA-256 in hexadecimal."""

    name: str
    digest: str
    checkpoint: int


def pointed(folder: Path) -> Pointer | None:
    """What CURRENT says, None where nothing was published yet: a read of 200 bytes, for whoever waits for a new index.

    Raises `CorruptIndexError` for a CURRENT that cannot be read.
    """
    try:
        with (folder / CURRENT).open("rb") as file:
            said = json.loads(file.read(MAX_POINTER_BYTES))
        name, digest = said["name"], said["sha256"]
        named = NAME.fullmatch(name)
        if named is None or DIGEST.fullmatch(digest) is None:
            raise CorruptIndexError(f"{CURRENT} of the index folder names no index file.", hint=REBUILD)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CorruptIndexError(f"{CURRENT} of the index folder cannot be read.", hint=REBUILD) from error
    return Pointer(name, digest, int(named.group(1)))


def current(folder: Path) -> IndexFile | None:
    """The current index, checked and mapped; None where nothing was published yet.

    Raises `CorruptIndexError` when CURRENT, or the file that it names, is not what was published.
    """
    pointer = pointed(folder)
    while pointer is not None:
        try:
            found = IndexFile.open(folder / pointer.name, digest=pointer.digest)
        except CorruptIndexError:
            newer = pointed(folder)
            if newer == pointer:
                raise
            pointer = newer  # it was replaced, and pruned, between the two readings
            continue
        if found.checkpoint != pointer.checkpoint:
            raise CorruptIndexError(f"The index file {pointer.name} is of another checkpoint.", hint=REBUILD)
        return found
    return None


def publish(
    folder: Path,
    codes: NDArray[np.uint8],
    keys: NDArray[np.int64],
    *,
    checkpoint: int,
    now: datetime,
    replace_newer: bool = False,
    described: Described = NOTHING_SAID,
) -> IndexFile:
    """Build an index of `codes` (n, 32) with `keys` (n, all different), make it the current one, and return it.

    Raises `ConflictError` while another process publishes, or when the current one is of a later checkpoint, unless
    `replace_newer`; `UnavailableError` when the folder cannot be written; `ValueError` for arrays of another shape.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _publishing(folder):
            before = _readable(folder)
            if before is not None and before.checkpoint > checkpoint and not replace_newer:
                raise ConflictError(f"The index of change {before.checkpoint} is newer than one of {checkpoint}.")
            for left in folder.glob(f"*{UNFINISHED}"):
                left.unlink(missing_ok=True)
            found = _built(folder, codes, keys, checkpoint, described)
            if before is not None and (folder / before.name).exists():
                os.utime(folder / before.name, (now.timestamp(), now.timestamp()))
            _point(folder, found)
            prune(folder, now=now)
    except OSError as error:
        raise UnavailableError(f"The index folder cannot be written: {error.strerror}.") from error
    return found


def prune(folder: Path, *, now: datetime) -> int:
    """Delete index files that have not been current for `KEEP`, and return how many; none without CURRENT."""
    pointer = _readable(folder)
    if pointer is None:
        return 0
    old = [
        path
        for path in folder.iterdir()
        if NAME.fullmatch(path.name) and path.name != pointer.name and path.stat().st_mtime < (now - KEEP).timestamp()
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


@contextmanager
def _publishing(folder: Path) -> Iterator[None]:
    """One publisher at a time; the lock ends with the process that holds it."""
    with (folder / LOCK).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError("Another process is publishing an index.", hint="Try again when it is done.") from error
        yield


def _built(
    folder: Path, codes: NDArray[np.uint8], keys: NDArray[np.int64], checkpoint: int, described: Described
) -> IndexFile:
    """The new file under its name, read back and checked."""
    making = folder / f".banks-{checkpoint}{UNFINISHED}"
    digest = build(codes, keys, making, checkpoint=checkpoint, described=described)
    path = folder / f"banks-{checkpoint}-{digest[:12]}.mi"
    making.replace(path)
    sync_folder(folder)
    return IndexFile.open(path, digest=digest)


def _point(folder: Path, found: IndexFile) -> None:
    written = folder / f".{CURRENT}{UNFINISHED}"
    with written.open("w", encoding="ascii") as file:
        json.dump({"name": found.path.name, "sha256": found.digest}, file)
        file.flush()
        os.fsync(file.fileno())
    written.replace(folder / CURRENT)
    sync_folder(folder)


def _readable(folder: Path) -> Pointer | None:
    """What CURRENT says; None too when it says nothing that can be read: then a new one repairs it."""
    try:
        return pointed(folder)
    except CorruptIndexError:
        return None
