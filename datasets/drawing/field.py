"""Scalar fields over a picture: coordinates, waves, noise. All are float32, indexed (row, column)."""

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field: TypeAlias = NDArray[np.float32]

WAVE_STEPS = 4096
TABLE_SCALE = 1 << 16
"""The wave table is rounded to this many steps per unit, so that every C library yields the same one."""


@dataclass(frozen=True, slots=True)
class Size:
    """A picture's size in pixels."""

    width: int
    height: int

    def grid(self) -> tuple[Field, Field]:
        """Pixel centres: x of shape (1, width) and y of shape (height, 1), both in units of the height, from 0."""
        x = (np.arange(self.width, dtype=np.float32) + np.float32(0.5)) / np.float32(self.height)
        y = (np.arange(self.height, dtype=np.float32) + np.float32(0.5)) / np.float32(self.height)
        return x[np.newaxis, :], y[:, np.newaxis]

    @property
    def aspect(self) -> float:
        """Width over height: the largest x of `grid`."""
        return self.width / self.height

    def window(self, x: float, y: float, across: float, down: float) -> tuple[slice, slice]:
        """The rows and columns within `across` and `down` of (x, y), cut at the edges; saves painting the rest."""
        rows = (max(0, round((y - down) * self.height)), max(0, round((y + down) * self.height)))
        columns = (max(0, round((x - across) * self.height)), max(0, round((x + across) * self.height)))
        return slice(*rows), slice(*columns)


@cache
def _wave_table() -> Field:
    steps = [round(math.sin(2 * math.pi * i / WAVE_STEPS) * TABLE_SCALE) / TABLE_SCALE for i in range(WAVE_STEPS)]
    return np.asarray(steps, dtype=np.float32)


def wave(turns: Field) -> Field:
    """The sine of `turns` full turns, -1 to 1, from a table."""
    index = np.floor(turns * np.float32(WAVE_STEPS)).astype(np.int32) & (WAVE_STEPS - 1)
    heights: Field = _wave_table()[index]
    return heights


def angle(x: Field, y: Field) -> Field:
    """The direction of (x, y) in turns, -0.5 to 0.5.

    arctan(z) ~ z (pi/4 + 0.273 (1 - |z|)) for |z| <= 1, right to 0.004 rad.
    """
    swap = np.abs(y) > np.abs(x)
    near, far = np.where(swap, x, y), np.where(swap, y, x)
    ratio = near / np.where(far == 0, np.float32(1e-6), far)
    slope = ratio * (np.float32(0.125) + np.float32(0.0434) * (1 - np.abs(ratio)))
    upright: Field = np.where(swap, np.where(y > 0, np.float32(0.25), np.float32(-0.25)) - slope, slope)
    turned: Field = np.where(~swap & (x < 0), upright + np.where(y >= 0, np.float32(0.5), np.float32(-0.5)), upright)
    return turned


def radius(x: Field, y: Field) -> Field:
    """The distance of (x, y) from the origin."""
    return np.sqrt(x * x + y * y)


def step(value: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, smooth between; the other way round when `low` is the larger."""
    t: Field = np.clip((value - np.float32(low)) / np.float32(high - low), 0, 1)
    smooth: Field = t * t * (3 - 2 * t)
    return smooth


def noise(rng: np.random.Generator, size: Size, cells: int, octaves: int = 4, *, stretch: float = 1.0) -> Field:
    """Cloud-like noise, 0 to 1: `cells` lumps along the height, each octave twice as fine and half as strong.

    `stretch` above 1 draws the lumps out sideways.
    """
    total = np.zeros((size.height, size.width), dtype=np.float32)
    for octave in range(octaves):
        rows = cells << octave
        columns = max(2, round(rows * size.aspect / stretch))
        lattice = rng.integers(0, 1 << 16, (rows + 2, columns + 2)).astype(np.float32)
        image = Image.fromarray(lattice).resize((size.width, size.height), Image.Resampling.BICUBIC)
        total += np.asarray(image, dtype=np.float32) / np.float32(1 << octave)
    return _normalised(total)


def ridge(rng: np.random.Generator, size: Size, cells: int, octaves: int = 5) -> Field:
    """A skyline: one height per column, 0 to 1, shape (1, width)."""
    total = np.zeros(size.width, dtype=np.float32)
    for octave in range(octaves):
        knots = rng.integers(0, 1 << 16, (cells << octave) + 2).astype(np.float32)
        image = Image.fromarray(np.stack([knots, knots])).resize((size.width, 2), Image.Resampling.BICUBIC)
        total += np.asarray(image, dtype=np.float32)[0] / np.float32(1 << octave)
    return _normalised(total)[np.newaxis, :]


def speckle(rng: np.random.Generator, size: Size) -> Field:
    """Independent grain, 0 to 1, one value per pixel."""
    return rng.integers(0, 1 << 16, (size.height, size.width)).astype(np.float32) / np.float32(1 << 16)


def _normalised(total: Field) -> Field:
    spread: Field = (total - total.min()) / (total.max() - total.min())
    return spread
