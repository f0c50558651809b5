"""Pictures to measure: a folder, whose sub-folders may say what is in them, or JSON lines with `path` and `labels`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.evaluation.json_lines import json_lines

NOT_PICTURES = frozenset({".csv", ".html", ".json", ".jsonl", ".md", ".tsv", ".txt", ".yaml", ".yml"})
"""Files that stand beside pictures; whatever else is in a folder is tried."""
FORMAT = 'Needed is a folder of pictures, or a file with lines like {"path": "one.jpg", "labels": {"nsfw": 1}}.'


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture's file; `name` as its source writes it, `harmful` None where unknown, `slice` its sub-folder or ""."""

    name: str
    path: Path
    harmful: bool | None
    slice: str = ""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """What was found, by name, and the files that are no pictures by their endings."""

    source: Path
    files: tuple[PictureFile, ...]
    ignored: tuple[str, ...] = ()


def find_pictures(source: Path, labels: Sequence[str]) -> PictureSet:
    """The pictures of a folder or of a `.jsonl` file; `labels` are the names that mean harmful.

    In a folder the sub-folders directly in it that have one of these names hold harmful pictures, and then all others
    hold harmless ones; without such a sub-folder nothing is known. In a file, `labels` of a row maps names to 1 or 0.

    Raises NotFoundError for what does not exist, InvalidInputError with file and line for a malformed row, and for a
    source without any picture.
    """
    if not source.exists():
        raise NotFoundError(f"{source} does not exist.", hint=FORMAT)
    found = _folder(source, labels) if source.is_dir() else _rows(source, labels)
    if not found.files:
        raise InvalidInputError(f"{source} has no picture in it.", hint=FORMAT)
    return found


def _folder(folder: Path, labels: Sequence[str]) -> PictureSet:
    every = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder).parts))
    parts = {path.relative_to(folder).parts[0] for path in every if path.parent != folder}
    wanted = {label.casefold() for label in labels}
    labelled = any(part.casefold() in wanted for part in parts)
    files, ignored = [], []
    for path in every:
        name = path.relative_to(folder)
        if path.suffix.lower() in NOT_PICTURES:
            ignored.append(str(name))
            continue
        part = name.parts[0] if len(name.parts) > 1 else ""
        files.append(PictureFile(str(name), path, part.casefold() in wanted if labelled and part else None, part))
    return PictureSet(folder, tuple(files), tuple(ignored))


def _hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") for part in parts)


def _rows(source: Path, labels: Sequence[str]) -> PictureSet:
    rows = json_lines(source, needed="a folder, or lines of JSON", hint=FORMAT)
    return PictureSet(source, tuple(_row(source, number, row, labels) for number, row in rows))


def _row(source: Path, number: int, row: object, labels: Sequence[str]) -> PictureFile:
    where = f"{source}, line {number}"
    if not isinstance(row, Mapping) or not isinstance(row.get("path"), str) or not _is_path(row["path"]):
        raise InvalidInputError(f'{where}: an object with a "path" is needed.', hint=FORMAT)
    given, part = row.get("labels", {}), row.get("slice", "")
    if not isinstance(given, Mapping) or not all(value in (0, 1) for value in given.values()):
        raise InvalidInputError(f'{where}: "labels" does not map names to 0 and 1.', hint=FORMAT)
    if not isinstance(part, str):
        raise InvalidInputError(f"{where}: the slice is not text.")
    known = [given[label] for label in labels if label in given]
    harmful = any(known) if known else None
    return PictureFile(row["path"], source.parent / row["path"], harmful, part)


def _is_path(text: str) -> bool:
    """Whether the system can be asked for a file of that name: without NUL and lone surrogates."""
    return "\0" not in text and text == text.encode("utf-8", "ignore").decode()
