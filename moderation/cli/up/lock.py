"""One `moderation up` for each home."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moderation.domain.errors import ConflictError
from moderation.settings import make_home


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold `home` for this process. Raises `ConflictError` when another one does."""
    make_home(home)
    path = home / "up.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            owner = lock.read().strip()
            raise ConflictError(
                f"`moderation up` already runs for {home}" + (f" as process {owner}." if owner else "."),
                hint="Stop it with Ctrl-C, or set MODERATION_HOME to another folder.",
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
