"""Loads the labelled corpora that lie outside the repository, with their digests checked."""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.lookalikes import groups
from datasets.manifests import CorpusKind, LabelLetter, Manifest, Use, manifest_of, manifests
from datasets.rows import Row, Split, TextSurface, plain_key, split_of
from moderation.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError

__all__ = [
    "FOLDER_VARIABLE", "EvaluationOnlyError", "Row", "Split", "Term", "TextSurface", "corpora_folder", "load",
    "load_terms", "load_training", "names", "split_of",
]  # fmt: skip

FOLDER_VARIABLE = "MODERATION_DATASETS_DIR"
"""The environment variable that names the corpora's folder."""

SIBLING_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "datasets"


T = TypeVar("T")


class EvaluationOnlyError(ForbiddenError):
    """A corpus may be measured on, never trained on."""

    code = "evaluation_only"


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase of a term list. `category` "" and `severity` None when the list does not say."""

    term: str
    category: str
    severity: float | None
    source: str


class _Line(BaseModel):
    """One line of a corpus; fields beyond these are the source's own and ignored."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    labels: Mapping[LabelLetter, Literal[0, 1]]
    source: str


def corpora_folder(folder: Path | None = None) -> Path:
    """`folder`, else the one that the environment names, else `shared/datasets` beside the repository.

    Raises `NotFoundError` when there is no such folder.
    """
    chosen = folder or Path(os.environ.get(FOLDER_VARIABLE) or SIBLING_FOLDER)
    if not chosen.is_dir():
        raise NotFoundError(
            f"{chosen} is not a folder of corpora.",
            hint=f"Set {FOLDER_VARIABLE} to the folder that holds the files named in datasets/manifests.",
        )
    return chosen


def names(use: Use | None = None) -> list[str]:
    """The corpora of rows, in order; with `use`, only those for that use."""
    found = (manifest for manifest in manifests().values() if manifest.kind is CorpusKind.ROWS)
    return [manifest.name for manifest in found if use in (None, manifest.use)]


def load(name: str, folder: Path | None = None) -> list[Row]:
    """Every row of a corpus, in the file's order, for evaluation; training uses `load_training`.

    Raises `NotFoundError` for an unknown name, a missing folder or file, `ConflictError` when the file is not the one
    that the manifest describes, `InvalidInputError` for a corpus of terms and, with its line, for a malformed row.
    """
    manifest = manifest_of(name)
    where = corpora_folder(folder)
    kin = {sibling: _lines(manifest_of(sibling), where) for sibling in (*manifest.alike_with, name)}
    found = _groups(kin)
    return [
        Row(
            line.id,
            line.text,
            {str(letter): value for letter, value in line.labels.items()},
            name,
            _surface(line.text, manifest),
            found[line.id],
        )
        for line in kin[name]
    ]


def load_training(name: str, folder: Path | None = None) -> list[Row]:
    """Like `load`, for training. Raises `EvaluationOnlyError` for a corpus whose licence does not allow it."""
    if manifest_of(name).use is not Use.TRAIN:
        raise EvaluationOnlyError(
            f"{name} is for evaluation only.",
            hint=f"Train on: {', '.join(names(Use.TRAIN))}.",
        )
    return load(name, folder)


def load_terms(name: str, folder: Path | None = None) -> list[Term]:
    """Every term of a corpus of terms, in the file's order. Raises what `load` raises."""
    manifest = manifest_of(name)
    if manifest.kind is not CorpusKind.TERMS:
        raise InvalidInputError(f"{name} is a corpus of rows.", hint="Use load.")
    path = corpora_folder(folder) / manifest.file
    reader = csv.DictReader(_verified(path, manifest).decode().splitlines())
    try:
        terms = [
            Term(row["term"], row["category"], float(row["severity"]) if row["severity"] else None, row["source"])
            for row in reader
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{path}:{reader.line_num}: not a term: {error}.") from error
    return _counted(terms, path, manifest)


def _lines(manifest: Manifest, folder: Path) -> list[_Line]:
    if manifest.kind is not CorpusKind.ROWS:
        raise InvalidInputError(f"{manifest.name} is a corpus of terms.", hint="Use load_terms.")
    path = folder / manifest.file
    lines = []
    for number, text in enumerate(_verified(path, manifest).decode().split("\n"), start=1):
        if not text.strip():
            continue
        try:
            lines.append(_Line.model_validate(json.loads(text)))
        except (ValidationError, json.JSONDecodeError) as error:
            raise InvalidInputError(f"{path}:{number}: not a row: {error}.") from error
    return _counted(lines, path, manifest)


def _counted(found: list[T], path: Path, manifest: Manifest) -> list[T]:
    if len(found) != manifest.rows:
        raise ConflictError(f"{path} has {len(found)} rows, its manifest says {manifest.rows}.")
    return found


def _verified(path: Path, manifest: Manifest) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(
            f"{path}: cannot be read: {error.strerror}.", hint=f"{manifest.name} comes from {manifest.source}."
        ) from error
    if sha256(content).hexdigest() != manifest.sha256:
        raise ConflictError(
            f"{path} is not the file that its manifest describes.",
            hint=f"Fetch it again from {manifest.source}, or write a new manifest for another version.",
        )
    return content


def _groups(kin: dict[str, list[_Line]]) -> dict[str, str]:
    """The group of each row of related corpora, by the row's id."""
    keys: dict[str, str] = {}
    for name, lines in kin.items():
        phrases = sorted(manifest_of(name).slot_phrases, key=len, reverse=True)
        for line in lines:
            keys[line.id] = _template(plain_key(line.text), phrases) or line.id
    return dict(zip(keys, groups(list(keys.values())), strict=True))


def _template(key: str, phrases: list[str]) -> str:
    padded = f" {key} "
    for phrase in phrases:
        padded = padded.replace(f" {phrase} ", " ")
    return padded.strip()


def _surface(text: str, manifest: Manifest) -> TextSurface:
    if manifest.prompt_openings and text.lower().startswith(manifest.prompt_openings):
        return TextSurface.PROMPT
    return manifest.surface
