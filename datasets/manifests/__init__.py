"""What the project knows of each labelled corpus: origin, licence, digest, labels and use. The corpora stay outside."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasets.rows import TextSurface
from moderation.domain.errors import InvalidInputError, NotFoundError

LabelLetter = Literal["S", "H", "H2", "V", "V2", "HR", "SH", "T", "U"]
"""The eight categories' letters, and T: toxic or offensive."""


class Use(StrEnum):
    """What a corpus may be used for."""

    TRAIN = "train"
    """Training and evaluation."""
    EVALUATE = "evaluate"
    """Evaluation only: its licence does not let a model be trained on it."""


class CorpusKind(StrEnum):
    """What a corpus's file holds."""

    ROWS = "rows"
    TERMS = "terms"


class Manifest(BaseModel):
    """One corpus. `sha256` and `rows` are those of the whole file.

    `slot_phrases` are words that a corpus's templates vary; they are removed before look-alikes are grouped.
    `alike_with` names corpora (itself too) whose rows are grouped together. Texts that open with one of
    `prompt_openings` are prompts, whatever `surface` says of the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: str
    kind: CorpusKind = CorpusKind.ROWS
    title: str
    source: str
    licence: str
    attribution: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    rows: Annotated[int, Field(gt=0)]
    labels: tuple[LabelLetter, ...] = ()
    use: Use
    surface: TextSurface = TextSurface.POST
    prompt_openings: tuple[str, ...] = ()
    slot_phrases: tuple[str, ...] = ()
    alike_with: tuple[str, ...] = ()
    notes: str = ""


@cache
def manifests() -> Mapping[str, Manifest]:
    """Every manifest by name. Raises `InvalidInputError` for one that is malformed or misnamed."""
    found: dict[str, Manifest] = {}
    for file in sorted(files("datasets.manifests").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".yaml"):
            continue
        try:
            manifest = Manifest.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
        except ValidationError as error:
            raise InvalidInputError(f"{file.name}: {error}") from error
        if file.name != f"{manifest.name}.yaml":
            raise InvalidInputError(f"{file.name}: names {manifest.name}, which is another file's name.")
        found[manifest.name] = manifest
    return found


def manifest_of(name: str) -> Manifest:
    """The manifest of that name. Raises `NotFoundError` with the names there are."""
    found = manifests().get(name)
    if found is None:
        raise NotFoundError(f"No corpus is called {name!r}.", hint=f"Corpora: {', '.join(manifests())}.")
    return found
