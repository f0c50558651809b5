"""What the text detector is trained on: drawn pictures and photographs, with and without text, as features."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from datasets.drawing.colour import Pixels
from datasets.overlays.backgrounds import backgrounds, graded
from datasets.overlays.cases import PICTURE_SIDE, photographs
from datasets.overlays.compose import overlaid, stored
from datasets.overlays.layouts import LAYOUTS
from datasets.overlays.lettering import Mask, fonts
from datasets.overlays.network import joined
from datasets.overlays.writing import LEAST_CONTRAST, Written
from moderation.media.text_boxes import Floats
from moderation.signals.engine.onnx_session import OnnxRunner
from moderation.signals.picture_text.presence import DEEP, WIDE, deep_features

PHOTO_SIDE = 512
TEXT_SHARE = 0.6
LAID_SHARE = 0.45
"""Of the pictures with text: pages, screenshots, signs and the like instead of blocks over a picture."""
LEARNED = tuple(layout for name, layout in LAYOUTS.items() if name != "faint")
"""Letters that hardly stand out are measured, but not asked for."""
PHOTO_SHARE = 0.8
"""Of the pictures, where there are photographs: drawn ones are easily told from text."""
GRADED_SHARE = 0.5
"""Of the photographs: contrast, brightness, colour and sharpness changed; drawn pictures come so."""
SMALLEST_CUT = 0.4
Keeps = Callable[[Pixels], bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many pictures to train on, how many different ones lie under the text, how often each is shown.

    Of the folder `photos` the first `most_photos` are used. The same plan gives the same weights on the same kind of
    machine.
    """

    pictures: int
    grounds: int
    seed: int
    epochs: int = 8
    photos: Path | None = None
    most_photos: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """The features of a picture, float16 [288, rows, columns], and the share of text in each field, 0 to 1."""

    features: NDArray[np.float16]
    cells: Floats


def plain_photographs(plan: Plan, is_plain: Keeps) -> list[Pixels]:
    """The photographs of the plan without text of their own."""
    if plan.photos is None:
        return []
    chosen = [pixels for pixels in islice(photographs(plan.photos), plan.most_photos) if is_plain(pixels)]
    scale = PHOTO_SIDE / PICTURE_SIDE
    return [
        np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        for pixels in chosen
    ]


def examples(plan: Plan, photos: Sequence[Pixels], network: OnnxRunner) -> Iterator[Example]:
    """The plan's pictures, `TEXT_SHARE` of them with text. Raises `InferenceError`."""
    rng = np.random.default_rng(plan.seed)
    drawn = list(backgrounds(plan.seed, plan.grounds))
    for _ in range(plan.pictures):
        chosen = photos if photos and rng.random() < PHOTO_SHARE else drawn
        ground = turned(rng, chosen[int(rng.integers(len(chosen)))])
        if chosen is photos and rng.random() < GRADED_SHARE:
            ground = graded(rng, ground)
        written = _with_text(rng, ground) if rng.random() < TEXT_SHARE else None
        pixels = stored(rng, ground if written is None else written.pixels)
        features = _features(network, pixels)
        yield Example(features, _cells(None if written is None else written.mask, features))


def turned(rng: np.random.Generator, ground: Pixels) -> Pixels:
    """A flip, a quarter turn, a cut, other colours, so that a ground is not learned by heart."""
    found = np.rot90(ground, int(rng.integers(4)))
    if rng.integers(2):
        found = found[:, ::-1]
    if rng.integers(2):
        share = rng.uniform(SMALLEST_CUT, 1.0)
        height, width = (int(side * share) for side in found.shape[:2])
        top, left = (int(rng.uniform(0, side * (1 - share))) for side in found.shape[:2])
        found = found[top : top + height, left : left + width]
    order = rng.permutation(3)
    return np.ascontiguousarray(found[:, :, order])


def _with_text(rng: np.random.Generator, ground: Pixels) -> Written | None:
    if rng.random() > LAID_SHARE:
        return overlaid(rng, ground, contrast=LEAST_CONTRAST)
    laid = LEARNED[int(rng.integers(len(LEARNED)))](rng, ground, list(fonts().values()))
    return None if laid is None else laid.written


def _features(network: OnnxRunner, pixels: Pixels) -> NDArray[np.float16]:
    found = {name: torch.from_numpy(values) for name, values in deep_features(network, pixels).items()}
    return joined(found[WIDE], found[DEEP])[0].numpy().astype(np.float16)


def _cells(mask: Mask | None, features: NDArray[np.float16]) -> Floats:
    rows, columns = features.shape[1:]
    if mask is None:
        return np.zeros((rows, columns), np.float32)
    shares = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(shares, dtype=np.float32) / np.float32(255)
