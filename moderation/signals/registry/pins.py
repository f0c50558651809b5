"""What an operator who reaches the hub pinned: revisions and digests that an entry leaves open, and nothing else."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field

from moderation.domain.errors import ModelStoreError
from moderation.signals.registry.entry import ModelEntry, ModelFile, ModelName
from moderation.signals.registry.sources import FileName, HubSource, Revision, Sha256, Strict


class FilePin(Strict):
    """Which bytes one file has."""

    sha256: Sha256
    bytes: Annotated[int, Field(gt=0)]


class Pin(Strict):
    """The commit and the files of one model, by their names in the store."""

    revision: Revision
    files: Annotated[dict[FileName, FilePin], Field(min_length=1)]


class Pins(Strict):
    """The file `pins.yaml` of a model store."""

    version: Literal[1] = 1
    models: dict[ModelName, Pin] = Field(default_factory=dict)


def read_pins(path: Path) -> Mapping[str, Pin]:
    """The pins in `path` by model name; none when there is no such file. Raises `ModelStoreError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelStoreError(f"{path.name} cannot be read: {error}.") from error
    try:
        return Pins.model_validate(yaml.safe_load(text)).models
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # YAML's own dates and depths raise the latter two
        raise ModelStoreError(
            f"{path.name} is not valid: {' '.join(str(error).split())[:500]}",
            hint="Remove it, and run `moderation models pin` again for every model that needs it.",
        ) from error


def write_pin(path: Path, name: str, pin: Pin) -> None:
    """Add or replace one model's pin, in a file that appears whole. Raises `ModelStoreError`, `OSError`."""
    models = {**read_pins(path), name: pin}
    document = Pins(models=dict(sorted(models.items()))).model_dump(mode="json")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".pins-", delete=False, encoding="utf-8") as file:
        yaml.safe_dump(document, file, sort_keys=False)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def pinned(entry: ModelEntry, pin: Pin) -> ModelEntry:
    """`entry` with what it leaves open filled from `pin`.

    Raises `ModelStoreError` when the pin contradicts something that the entry confirms, or does not fit its files.
    """
    if not isinstance(entry.source, HubSource):
        raise ModelStoreError(f"The pin of {entry.name} is refused: only a model that comes from a hub can be pinned.")
    if entry.source.revision not in (None, pin.revision):
        raise ModelStoreError(f"The pin of {entry.name} is refused: the entry confirms another revision.")
    if set(pin.files) != {file.filename for file in entry.files}:
        raise ModelStoreError(f"The pin of {entry.name} is refused: it does not name exactly the entry's files.")
    files = [_pinned_file(entry, file, pin.files[file.filename]) for file in entry.files]
    return ModelEntry.model_validate(
        {
            **entry.model_dump(exclude_none=True),
            "source": {**entry.source.model_dump(), "revision": pin.revision},
            "files": files,
            "unconfirmed": {key: why for key, why in entry.unconfirmed.items() if key not in {"revision", "sha256"}},
        }
    )


def _pinned_file(entry: ModelEntry, file: ModelFile, pin: FilePin) -> dict[str, object]:
    found: dict[str, object] = {"filename": file.filename, "sha256": pin.sha256, "bytes": pin.bytes}
    if file.sha256 is not None and (file.sha256, file.bytes) != (pin.sha256, pin.bytes):
        raise ModelStoreError(f"The pin of {entry.name} is refused: the entry confirms other bytes of {file.filename}.")
    return found if file.member is None else {**found, "member": file.member}
