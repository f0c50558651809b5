"""Cuts a text's tokens into what the encoder reads at once, and puts together what it said.

The mean over a window hides one harmful sentence among many, so a longer text is read once more in short parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PART_OVERLAP = 2
"""A part begins this fraction (one half) of its length after the one before it: a sentence is whole in one of them."""


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens with their marks; the text and the reading that they are of, by number; `is_plain`: of the text as it is.

    `is_part` tells a short part of a longer reading from a window of full length.
    """

    tokens: Sequence[int]
    text: int
    reading: int
    is_plain: bool
    is_part: bool


def whole_spans(length: int, room: int) -> list[slice]:
    """Windows of `room` tokens beside each other, the last one shorter; none of nothing."""
    return [slice(start, min(start + room, length)) for start in range(0, length, room)]


def part_spans(length: int, room: int) -> list[slice]:
    """Overlapping parts of `room` tokens that cover everything; none where one part would be the whole."""
    step = max(1, room // PART_OVERLAP)
    if length <= room:
        return []
    return [slice(start, min(start + room, length)) for start in range(0, length - room + step, step)]


def together(windows: Sequence[Window], logits: NDArray[np.float32], texts: int) -> NDArray[np.float32]:
    """The logits of each text, of shape (texts, categories), minus infinity without a window.

    A reading's logits are the highest of its windows; where it was read in parts too, the mean of that and the highest
    of its parts: one sentence among many is not drowned, and one part alone does not decide. The highest of a text's
    readings counts.
    """
    found = np.full((texts, logits.shape[1]), -np.inf, np.float32)
    if not windows:
        return found
    kinds = np.array([window.is_part for window in windows], np.intp)
    readings = np.array([window.reading for window in windows], np.intp)
    owners = np.array([window.text for window in windows], np.intp)
    highest = np.full((2, int(readings.max()) + 1, logits.shape[1]), -np.inf, np.float32)
    np.maximum.at(highest, (kinds, readings), logits)
    whole, parts = highest
    of_readings = np.where(np.isneginf(parts), whole, (whole + parts) / 2)
    np.maximum.at(found, owners, of_readings[readings])
    return found
