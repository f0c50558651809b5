"""Exports kept on disk: files that are believed only with the digest that was recorded when they were made."""

import fcntl
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from moderation.signals.engine.export import OPSET, RECIPE
from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.options import Precision
from moderation.signals.engine.source import ModuleSource

FOLDER = ".exports"
"""Its place in the model store."""
EXPORTERS = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime", "numpy")
"""A new version of any of these may export, quantise or compute otherwise: it starts with an empty cache."""
MAX_FACTS_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Exports:
    """The kept exports of one module in one folder, which is made for this user alone.

    Whoever can write as this user can forge a file together with its record: this guards against damage, against
    files of other users, and against files that belong to other weights, inputs or versions.
    """

    folder: Path
    source: ModuleSource

    def read(self, precision: Precision) -> bytes | None:
        """The export, or None when there is none that can be believed."""
        facts = self.facts(precision)
        data = own_bytes(self._place(precision, "onnx"))
        if data is None or facts is None or facts.get("sha256") != hashlib.sha256(data).hexdigest():
            return None
        return data

    def write(self, precision: Precision, model: bytes) -> None:
        """Keep an export; readers see all of it or nothing. Raises `InferenceError` when the disk refuses."""
        place = self._place(precision, "onnx")
        self.forget(precision)
        _replace(place, model)
        self.note(precision, {"sha256": hashlib.sha256(model).hexdigest()})

    def facts(self, name: str) -> dict[str, object] | None:
        """What was noted under a name, or None when nothing was, or for something else."""
        data = own_bytes(self._place(name, "json"), limit=MAX_FACTS_BYTES)
        try:
            found = json.loads(data) if data is not None else None
        except (ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or found.get("key") != self.key():
            return None
        return found

    def note(self, name: str, facts: Mapping[str, object]) -> None:
        """Note facts in place of what was noted before. Raises `InferenceError` when the disk refuses."""
        model = {"name": self.source.name, "digest": self.source.model or self.source.digest}
        document = {**facts, "key": self.key(), "model": model}
        _replace(self._place(name, "json"), json.dumps(document, indent=1, sort_keys=True).encode())

    def forget(self, precision: Precision) -> None:
        """Remove the export and what was noted of it."""
        for kind in ("json", "onnx"):
            self._place(precision, kind).unlink(missing_ok=True)

    def key(self) -> dict[str, object]:
        """Everything that an export follows from."""
        source = self.source
        return {
            "digest": source.digest,
            **makers(source.recipe),
            "inputs": {name: [str(array.dtype), *array.shape[1:]] for name, array in source.example.items()},
            "example": _digest_of_example(source),
            "lengths": [source.max_length, *sorted(source.lengths)],
            "outputs": list(source.outputs),
        }

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against other processes that export into it or prune it. Raises `InferenceError`."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with lock(self.folder, self.source.digest):
                yield
        except OSError as error:
            raise InferenceError(f"Exports cannot be kept in {self.folder}: {error}.") from error

    def _place(self, name: str, kind: str) -> Path:
        tag = hashlib.sha256(json.dumps(self.key(), sort_keys=True).encode()).hexdigest()[:16]
        return self.folder / f"{self.source.digest}-{name}-{tag}.{kind}"


@contextmanager
def lock(folder: Path, digest: str, *, wait: bool = True) -> Iterator[None]:
    """Hold the exports under a digest against every other process, which may also remove the lock's own file.

    Raises `OSError`; `BlockingIOError` when somebody else holds them and `wait` is not set.
    """
    place = folder / f"{digest}.lock"
    while True:
        with place.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_file(place, os.fstat(file.fileno())):
                yield
                return


def makers(recipe: str) -> dict[str, object]:
    """What exports are made by: this code, and every library that has a part in it. The module's recipe comes last."""
    return {
        "recipe": f"{RECIPE}.{recipe}",
        "opset": OPSET,
        "versions": {name: version(name) for name in EXPORTERS},
    }


def _is_file(place: Path, opened: os.stat_result) -> bool:
    """Whether a file that was opened is still the one that has this name."""
    try:
        return os.path.samestat(place.stat(), opened)
    except FileNotFoundError:
        return False


def _digest_of_example(source: ModuleSource) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(source.example.items()):
        digest.update(f"{name}{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def own_bytes(path: Path, *, limit: int | None = None) -> bytes | None:
    """A plain file's bytes, if this user owns it and nobody else may write to it. Does not wait at a pipe."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            mine = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
            if not mine or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or (limit and found.st_size > limit):
                return None
            return file.read()
    except OSError:
        return None


def _replace(place: Path, data: bytes) -> None:
    """Write a file that appears under its name only when it is complete."""
    try:
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=".export-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InferenceError(f"An export cannot be kept in {place.parent}: {error}.") from error
