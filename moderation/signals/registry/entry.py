"""One model of the registry: what it is, where it comes from, which bytes it has, and what could not be confirmed."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from moderation.domain.errors import ModelStoreError
from moderation.domain.ids import Digest
from moderation.signals.registry.classifier import Classifier, Text
from moderation.signals.registry.sources import FileName, HubSource, Member, Sha256, Source, Strict

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Unconfirmed: TypeAlias = Literal[
    "revision", "sha256", "files", "labels", "licence", "parameters", "input", "published", "preprocessing"
]


class ModelFile(Strict):
    """One file of a model: its name in the store, its place in the source, and exactly which bytes it has.

    `member` is the name in the source where that is another. A file without digest cannot be loaded: see `pins.py`.
    """

    filename: FileName
    member: Member | None = None
    sha256: Sha256 | None = None
    bytes: Annotated[int, Field(gt=0)] | None = None

    @property
    def place(self) -> str:
        """The file's path inside its source."""
        return self.member or self.filename

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.sha256 is None) != (self.bytes is None):
            raise ValueError(f"{self.filename} needs both sha256 and bytes, or neither")
        return self


class Published(Strict):
    """A figure that the publisher states, on which data, and where it was read. Nobody here measured it."""

    figure: Text
    data: Text
    source: Text


class Facts(Strict):
    """What the publisher says of a model."""

    architecture: Text
    link: Annotated[str, StringConstraints(pattern=r"^https://")]
    input: Text
    parameters: Annotated[int, Field(gt=0)] | None = None
    commercial_use: bool
    published: list[Published] = Field(default_factory=list)
    requires: list[Text] = Field(default_factory=list)


class ModelEntry(Strict):
    """A model that can be pulled. `card` says what it is for and where it fails.

    `unconfirmed` names what could not be checked against the publisher's page, each with a sentence that says why.
    `default` models are on without being asked for; nothing that is not pinned can be.
    """

    name: ModelName
    title: Text
    licence: Text
    card: Text
    source: Source
    files: Annotated[list[ModelFile], Field(min_length=1)]
    facts: Facts | None = None
    classifier: Classifier | None = None
    unconfirmed: dict[Unconfirmed, Text] = Field(default_factory=dict)
    default: bool = False

    @model_validator(mode="after")
    def _file_names_differ(self) -> Self:
        if len({file.filename for file in self.files}) != len(self.files):
            raise ValueError("two files have the same name")
        return self

    @model_validator(mode="after")
    def _gaps_are_declared(self) -> Self:
        gaps = set(self.gaps)
        declared = {"revision", "sha256"} & set(self.unconfirmed)
        if gaps != declared:
            raise ValueError(f"not pinned: {sorted(gaps)}, but unconfirmed names {sorted(declared)}: must be the same")
        if gaps and not isinstance(self.source, HubSource):
            raise ValueError("only what comes from a hub may be not yet pinned")
        if gaps and self.default:
            raise ValueError("a model that is not pinned cannot be on by default")
        return self

    @property
    def gaps(self) -> Sequence[str]:
        """What is missing before the model can be loaded: "revision", "sha256", both or neither."""
        revision = isinstance(self.source, HubSource) and self.source.revision is None
        digests = any(file.sha256 is None for file in self.files)
        return [name for name, missing in (("revision", revision), ("sha256", digests)) if missing]

    def file(self, filename: str) -> ModelFile:
        """The file of that name. Raises `KeyError` when the entry has none."""
        for file in self.files:
            if file.filename == filename:
                return file
        raise KeyError(filename)

    def has(self, filename: str) -> bool:
        """Whether the entry has a file of that name."""
        return any(file.filename == filename for file in self.files)

    def check_pinned(self) -> None:
        """Raise `ModelStoreError` unless the revision and every digest are pinned."""
        if self.gaps:
            raise ModelStoreError(
                f"{self.name} has no pinned {' and '.join(self.gaps)}, so it cannot be fetched or loaded.",
                hint=f"On a machine that reaches the hub, run `moderation models pin {self.name}`.",
            )

    @property
    def digest(self) -> Digest:
        """What a verdict pins: the file's SHA-256 if there is one file, else that of the list of digests and names.

        Raises `ModelStoreError` when something is not pinned.
        """
        self.check_pinned()
        if len(self.files) == 1:
            return Digest(str(self.files[0].sha256))
        listing = "".join(f"{file.sha256}  {file.filename}\n" for file in self.files)
        return Digest(sha256(listing.encode()).hexdigest())
