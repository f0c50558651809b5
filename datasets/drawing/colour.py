"""Colours: palettes, blending, and the last step to 8-bit pixels."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from datasets.drawing.field import Field, Size

Layer: TypeAlias = NDArray[np.float32]
"""Colours of shape (height, width, 3), 0 to 255, red first."""
Pixels: TypeAlias = NDArray[np.uint8]
Colour: TypeAlias = tuple[int, int, int]

RAMP_STEPS = 1024


def colour(code: str) -> Colour:
    """A colour written as six hexadecimal digits."""
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def palette(codes: str) -> list[Colour]:
    """Colours separated by spaces."""
    return [colour(code) for code in codes.split()]


def ramp(values: Field, stops: Sequence[Colour]) -> Layer:
    """Each value (0 to 1, clipped) as a colour on the way through evenly spaced `stops`."""
    positions = np.linspace(0, 1, len(stops))
    steps = np.linspace(0, 1, RAMP_STEPS)
    table = np.stack([np.interp(steps, positions, [stop[c] for stop in stops]) for c in range(3)], axis=1)
    index = (np.clip(values, 0, 1) * np.float32(RAMP_STEPS - 1)).astype(np.int64)
    return table.astype(np.float32)[index]


def ink(shade: Colour) -> Layer:
    """One colour as an array that broadcasts over a canvas."""
    return np.asarray(shade, dtype=np.float32)


def paint(canvas: Layer, cover: Field, paint_colour: Colour | Layer) -> None:
    """Lay a colour over `canvas` in place, as strongly as `cover` says (0 to 1)."""
    target = np.asarray(paint_colour, dtype=np.float32)
    canvas += (target - canvas) * cover[:, :, np.newaxis]


def blank(size: Size, stops: Sequence[Colour]) -> Layer:
    """A canvas shaded from top to bottom."""
    _, y = size.grid()
    return np.ascontiguousarray(np.broadcast_to(ramp(y, stops), (size.height, size.width, 3)))


def develop(canvas: Layer, rng: np.random.Generator, *, grain: float = 4.0) -> Pixels:
    """8-bit pixels, with a film grain of about `grain` levels."""
    height, width, _ = canvas.shape
    lumps = rng.integers(-64, 65, (height, width, 1)).astype(np.float32) / 64
    return np.clip(canvas + lumps * np.float32(grain), 0, 255).astype(np.uint8)
