"""A release's figures in one file, which the next release is compared with. Written by `moderation eval … --record`."""

import json
from collections.abc import Mapping
from pathlib import Path

from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.reporting.evaluation.document import VERSION, Document
from moderation.settings import PROJECT

RELEASED = PROJECT / "docs" / "models" / "figures.json"
"""The figures of the models in this repository."""

KEPT = ("examples", "sha256", "columns", "any", "obfuscations")
"""What is kept of a set; slices are in reports."""


def read_figures(path: Path = RELEASED) -> Document:
    """The recorded figures: `text` and `pictures`, each by the set's name; empty where there is no file yet.

    Raises InvalidInputError for a file of another kind.
    """
    if not path.exists():
        return {"version": VERSION, "text": {}, "pictures": {}}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path} cannot be read as figures: {error}.") from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise InvalidInputError(f"{path} does not hold figures of version {VERSION}.")
    if not all(isinstance(found.get(kind), dict) for kind in ("text", "pictures")):
        raise InvalidInputError(f"{path} does not hold figures of texts and pictures.")
    return found


def figures_of(name: str, kind: str, path: Path = RELEASED) -> Mapping[str, object] | None:
    """What was recorded of the set `name`; None for a new one. `kind` is "text" or "pictures"."""
    found = read_figures(path)[kind]
    recorded = found.get(name) if isinstance(found, dict) else None
    return recorded if isinstance(recorded, dict) else None


def record_text(path: Path, document: Document) -> None:
    """Replace the entries of the sets in `document`, which `text_document` made."""
    figures, sets = read_figures(path), document["sets"]
    assert isinstance(sets, list)
    entries = {
        each["set"]: {"model": document["model"], **{key: each[key] for key in KEPT if key in each}} for each in sets
    }
    _write(path, figures, "text", entries)


def record_pictures(path: Path, document: Document) -> None:
    """Replace the entry of the set of pictures in `document`, under its signal and source."""
    entry = {key: document[key] for key in ("models", "pictures", "measured", "columns")}
    _write(path, read_figures(path), "pictures", {picture_key(document): entry})


def picture_key(document: Document) -> str:
    """The name that a set of pictures has among the figures."""
    return f"{document['signal']} on {document['source']}"


def _write(path: Path, figures: Document, kind: str, entries: Mapping[str, object]) -> None:
    before = figures[kind]
    assert isinstance(before, dict)
    merged = {**figures, kind: dict(sorted({**before, **entries}.items()))}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror}.") from error
