"""The models that the store knows: one YAML file each, checked as a whole when it is read."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import yaml
from pydantic import ValidationError

from moderation.domain.errors import ModelStoreError
from moderation.signals.registry.classifier import Classifier, ClassifierColumn, Isotonic, Platt
from moderation.signals.registry.entry import ModelEntry, ModelFile
from moderation.signals.registry.sources import HubSource, PackageSource, WheelSource

__all__ = [
    "Classifier",
    "ClassifierColumn",
    "HubSource",
    "Isotonic",
    "ModelEntry",
    "ModelFile",
    "PackageSource",
    "Platt",
    "WheelSource",
    "read_entries",
    "registry",
]


@cache
def registry() -> tuple[ModelEntry, ...]:
    """Every entry, ordered by name. Raises `ModelStoreError` with every problem of every file."""
    documents = (item for item in files(__name__).iterdir() if item.name.endswith(".yaml"))
    return read_entries((item.name, item.read_text(encoding="utf-8")) for item in documents)


def read_entries(documents: Iterable[tuple[str, str]]) -> tuple[ModelEntry, ...]:
    """The entries in (file name, YAML text) pairs, ordered by name.

    Raises `ModelStoreError` that lists every problem with its file's name; two entries of one name are a problem.
    """
    entries: dict[str, ModelEntry] = {}
    problems: list[str] = []
    for filename, text in sorted(documents):
        try:
            entry = ModelEntry.model_validate(yaml.safe_load(text))
        except yaml.YAMLError as error:
            problems.append(f"{filename}: not YAML: {' '.join(str(error).split())}")
        except ValidationError as error:
            problems += [f"{filename}: {_said(detail)}" for detail in error.errors(include_url=False)]
        else:
            if entry.name in entries:
                problems.append(f"{filename}: another file has the name {entry.name}")
            entries[entry.name] = entry
    if problems:
        raise ModelStoreError("\n".join(("The model registry is not valid:", *problems)))
    return tuple(entries[name] for name in sorted(entries))


def _said(detail: object) -> str:
    assert isinstance(detail, dict)
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}" if place else str(detail["msg"])
