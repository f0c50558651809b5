"""Labelled texts from JSON lines, one object each: `id`, `text`, `labels`, `source`, and perhaps `slice`, `surface`.

A label that is absent is unknown. Other fields are left alone: data sets carry more than is measured here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import InvalidInputError
from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.json_lines import json_lines

TOXIC = "T"
"""Toxic or offensive: a label of data sets that is no category of ours, and not measured."""
TEXT_SURFACES = (Surface.CAPTION, Surface.PROMPT, Surface.PICTURE_TEXT)

FORMAT = (
    'Each line is like {"id": "1", "text": "a quiet lake", "labels": {"S": 0, "H": 0}, "source": "mine"}; '
    "see datasets/challenges/README.md."
)


@dataclass(frozen=True, slots=True)
class Example:
    """A text and what is known of it; `surface` is where such a text stands, None where the file does not say."""

    id: str
    text: str
    labels: Mapping[HarmCategory, bool]
    slice: str = ""
    surface: Surface | None = None


def read_examples(path: Path) -> list[Example]:
    """The examples of a file, in order; blank lines are skipped.

    Raises NotFoundError when it cannot be read, InvalidInputError with file and line for what is no example, and for
    a file without any.
    """
    found = [_example(path, number, row) for number, row in json_lines(path, hint=FORMAT)]
    if not found:
        raise InvalidInputError(f"{path} has no example in it.", hint=FORMAT)
    return found


def label_matrix(examples: list[Example]) -> NDArray[np.float64]:
    """1, 0 or NaN (unknown) of shape (examples, categories), in the order of `HarmCategory`."""
    rows = [[float(example.labels.get(category, np.nan)) for category in HarmCategory] for example in examples]
    return np.array(rows, np.float64).reshape(len(examples), len(HarmCategory))


def _example(path: Path, number: int, row: object) -> Example:
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise _refused(path, number, 'an object with a "text" is needed')
    surface, part = row.get("surface"), row.get("slice", "")
    if surface not in (None, *TEXT_SURFACES):
        raise _refused(path, number, f"the surface {surface!r} is not one of {', '.join(TEXT_SURFACES)}")
    if not isinstance(part, str):
        raise _refused(path, number, "the slice is not text")
    labels = _labels(path, number, row.get("labels"))
    name = row.get("id")
    return Example(
        name if isinstance(name, str) else f"{path.stem}:{number}",
        row["text"],
        labels,
        part,
        None if surface is None else Surface(surface),
    )


def _labels(path: Path, number: int, given: object) -> dict[HarmCategory, bool]:
    if not isinstance(given, dict):
        raise _refused(path, number, '"labels" is not an object')
    found: dict[HarmCategory, bool] = {}
    for label, value in given.items():
        category = HarmCategory.of_label(label)
        if category is None and label != TOXIC:
            known = ", ".join(category.label for category in HarmCategory)
            raise _refused(path, number, f"the label {label!r} is not one of {known}, {TOXIC}")
        if isinstance(value, bool) or value not in (0, 1):
            raise _refused(path, number, f"the label {label} is {value!r}, neither 0 nor 1")
        if category is not None:
            found[category] = value == 1
    return found


def _refused(path: Path, number: int, problem: str) -> InvalidInputError:
    return InvalidInputError(f"{path}, line {number}: {problem}.", hint=FORMAT)
