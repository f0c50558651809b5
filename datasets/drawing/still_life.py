"""Round stones in warm clay colours: harmless, yet a classifier trained on photographs takes some for skin."""

import numpy as np

from datasets.drawing.colour import Layer, Pixels, blank, develop, paint, palette, ramp
from datasets.drawing.field import Field, Size, radius, step

CLAY = ("8a4a3a d08a70 e8b39a f5d5c5", "5a2f22 a8664a d99a76 f0c3a2 f8dcc4")
GROUNDS = ("202028 40404a", "e8e0d8 c8c0b8", "6a1f2a 3a1018")


def pebbles(rng: np.random.Generator, size: Size) -> Pixels:
    """Three to six smooth stones leaning on each other, lit from the upper left."""
    tones = palette(CLAY[int(rng.integers(len(CLAY)))])
    canvas = blank(size, palette(GROUNDS[int(rng.integers(len(GROUNDS)))]))
    x, y = size.grid()
    for _ in range(int(rng.integers(3, 7))):
        middle, level = rng.integers(15, 85, 2) / 100
        reach, lengthening = rng.integers(12, 40) / 100, rng.integers(7, 20) / 10
        across = (x - np.float32(middle * size.aspect)) / np.float32(reach)
        down = (y - np.float32(level)) / np.float32(reach * lengthening)
        _pebble(canvas, across, down, tones)
    return develop(canvas, rng)


def _pebble(canvas: Layer, across: Field, down: Field, tones: list[tuple[int, int, int]]) -> None:
    off = radius(across, down)
    bulge = np.sqrt(np.clip(1 - off * off, 0, 1))
    light = bulge * np.float32(0.6) - across * np.float32(0.35) - down * np.float32(0.25) + np.float32(0.25)
    paint(canvas, step(off, 1, 0.96), ramp(light, tones))
