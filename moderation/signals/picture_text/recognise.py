"""From the recogniser's output to text: connectionist temporal classification, and characters safe to store."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import ModelStoreError
from moderation.signals.engine.inference import InferenceError

BLANK = 0
UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Controls, invisible and unassigned characters, halves of pairs: no reader of pictures has business with them."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """One line's text, and the mean chance of its characters, 0 to 1; 0 without characters."""

    text: str
    confidence: float


def alphabet(stated: str, classes: int) -> tuple[str, ...]:
    """The recogniser's characters by class number, from the list in its file: one a line, blank before, space behind.

    Raises `ModelStoreError` when there are not as many as the network has classes.
    """
    characters = ("", *stated.split("\n"), " ")
    if len(characters) != classes:
        raise ModelStoreError(f"The text recogniser has {classes} classes, but {len(characters)} characters.")
    return characters


def decode(chances: NDArray[np.float32], characters: Sequence[str]) -> Recognised:
    """The likeliest reading of (steps, classes): repeats are one character, blanks none (Graves et al. 2006).

    Raises `InferenceError` when chances are not finite: such a network is broken, and its silence says nothing.
    """
    highest = finite(chances.max(axis=1))
    classes = chances.argmax(axis=1)
    kept = classes != BLANK
    kept[1:] &= classes[1:] != classes[:-1]
    text = safe("".join(characters[number] for number in classes[kept]))
    return Recognised(text, float(highest[kept].mean()) if text else 0.0)


def finite(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """`values`. Raises `InferenceError` unless all are finite."""
    if not np.isfinite(values).all():
        raise InferenceError("The text reader gave numbers that are not finite.")
    return values


def safe(text: str) -> str:
    """`text` in composed form, without controls and invisible characters, white space as single blanks."""
    shown = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or unicodedata.category(character) not in UNSAFE
    )
    return " ".join(shown.split())
