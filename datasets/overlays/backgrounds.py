"""Pictures without text to draw on: the project's own scenes under many seeds, and textures that look like text."""

from collections.abc import Iterator

import cv2
import numpy as np

from datasets.drawing import landscapes, nights, patterns, still_life
from datasets.drawing.colour import Pixels
from datasets.drawing.field import Size
from datasets.overlays import buildings, textures
from datasets.overlays.textures import Texture

SCENES: tuple[Texture, ...] = (
    *(landscapes.mountains, landscapes.sea, landscapes.dunes, landscapes.forest, landscapes.balloons),
    *(landscapes.islands, nights.aurora, nights.nebula, nights.city, patterns.julia, patterns.marble, patterns.glass),
    *(patterns.mandala, patterns.tiles, patterns.sunflower, patterns.ripples, patterns.facets, still_life.pebbles),
)
TEXTURES: tuple[Texture, ...] = (
    *(textures.noise, textures.twigs, textures.leaves, textures.lattice, textures.stripes, textures.shapes),
    *(buildings.front, buildings.front, buildings.room, buildings.room, buildings.room, buildings.things),
)
SIZES = (Size(512, 512), Size(640, 512), Size(512, 640), Size(640, 400), Size(400, 640))
TEXTURE_SHARE = 0.65
COLLAGE_SHARE = 0.5
"""Pictures pasted together from two: edges, frames and things in front of things."""


def backgrounds(seed: int, count: int) -> Iterator[Pixels]:
    """`count` pictures without text, the same for the same seed."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield _background(rng)


def _background(rng: np.random.Generator) -> Pixels:
    size = SIZES[int(rng.integers(len(SIZES)))]
    canvas = _one(rng, size)
    if rng.random() < COLLAGE_SHARE:
        canvas = canvas.copy()
        for _ in range(int(rng.integers(1, 6))):
            _paste(rng, canvas)
    return graded(rng, canvas)


def _one(rng: np.random.Generator, size: Size) -> Pixels:
    makers = TEXTURES if rng.random() < TEXTURE_SHARE else SCENES
    made: Pixels = makers[int(rng.integers(len(makers)))](np.random.default_rng(int(rng.integers(2**31))), size)
    return made


def _paste(rng: np.random.Generator, canvas: Pixels) -> None:
    height, width = (int(side * rng.uniform(0.15, 0.7)) // 8 * 8 for side in canvas.shape[:2])
    part = _one(rng, Size(width, height))
    top, left = int(rng.integers(canvas.shape[0] - height)), int(rng.integers(canvas.shape[1] - width))
    mask = np.zeros((height, width), np.uint8)
    if rng.random() < 0.5:  # noqa: PLR2004 - boxes and rounds
        cv2.ellipse(mask, (width // 2, height // 2), (width // 2, height // 2), 0, 0, 360, 255, -1)
    else:
        mask[:] = 255
    share = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.5, 6))[:, :, None] / 255.0
    region = canvas[top : top + height, left : left + width]
    region[:] = (region * (1 - share) + part * share).astype(np.uint8)


def graded(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Contrast, brightness, colour and sharpness as different as pictures are."""
    graded = pixels.astype(np.float64)
    if rng.random() < 0.15:  # noqa: PLR2004 - some are black and white
        graded = np.repeat(graded.mean(axis=2, keepdims=True), 3, axis=2)
    graded = (graded - 128) * rng.uniform(0.4, 1.2) + 128 + rng.uniform(-40, 40, 3)
    if rng.random() < 0.3:  # noqa: PLR2004 - some are out of focus
        graded = np.asarray(cv2.GaussianBlur(graded, (0, 0), rng.uniform(0.6, 3)), dtype=np.float64)
    if rng.random() < 0.4:  # noqa: PLR2004 - some are grainy
        graded = graded + rng.normal(0, rng.uniform(2, 14), graded.shape[:2])[:, :, None]
    return np.clip(graded, 0, 255).astype(np.uint8)
