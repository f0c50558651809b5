"""What every signal type receives and must return.

A picture is decoded once, in a process that may die, and every consumer works on what that yields.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from moderation.domain.media import ContainerFacts, ImageFacts, Refusal
from moderation.domain.post import Post
from moderation.domain.signal import SignalResult, SignalSpec

Rgb: TypeAlias = NDArray[np.uint8]
"""Pixels of shape (height, width, 3), red first, 0 to 255."""

Reduction: TypeAlias = Callable[[Rgb], NDArray[np.generic]]
"""What a consumer needs of the full-size pixels. A module-level function, run inside the decoder's process."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    `rgb` is at most `PREVIEW_SIDE` pixels on its longer side; `reduced` holds the output of every reduction that the
    decoder was built with, by name, each made from the full-size pixels.
    """

    rgb: Rgb
    reduced: Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image: one frame if still, else evenly spaced frames of the animation, first and last included.

    `container` is what the file carries beside pixels; None where nobody looked.
    """

    facts: ImageFacts
    frames: tuple[Frame, ...]
    container: ContainerFacts | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A post with its picture, or with the reason why there is none.

    `earlier` has the results of the signals that a type's spec needs, by signal name; nothing else.
    """

    post: Post
    picture: Picture | Refusal
    earlier: Mapping[str, SignalResult] = field(default_factory=dict)


class SignalType(Protocol):
    """A named measurement. Add one by listing it in `moderation/signals/catalog.py`."""

    @property
    def spec(self) -> SignalSpec:
        """What it measures, with which models."""
        ...

    def measure(self, batch: Sequence[Subject]) -> Sequence[SignalResult]:
        """Exactly one result for each subject, in order. May raise: the runtime turns that into failures."""
        ...
