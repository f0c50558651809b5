"""Random overlays: memes, watermarks, signs, small captions; how much text, how large, how turned."""

import cv2
import numpy as np

from datasets.drawing.colour import Colour, Pixels
from datasets.overlays.lettering import Font, fonts
from datasets.overlays.phrases import foreign, writing
from datasets.overlays.writing import BLACK, LEAST_CONTRAST, WHITE, Look, Written, write

ATTEMPTS = 12
MAX_ANGLE = 30.0
SMALLEST, LARGEST = 0.022, 0.33
"""Heights of a line, in picture heights."""
FOREIGN_SHARE = 0.12
MORE_BLOCKS = 0.25
JPEG_SHARE = 0.6


def overlaid(
    rng: np.random.Generator, pixels: Pixels, *, smallest: float = SMALLEST, contrast: float = LEAST_CONTRAST
) -> Written | None:
    """`pixels` with one or several blocks of legible text; None when the ground allowed none.

    No line is lower than `smallest` picture heights or stands out by less than `contrast`.
    """
    found: Written | None = None
    while found is None or rng.random() < MORE_BLOCKS:
        ground = pixels if found is None else found.pixels
        block = _legible(rng, ground, smallest, contrast)
        if block is None:
            return found
        mask = block.mask if found is None else np.maximum(block.mask, found.mask)
        least = block.height if found is None else min(block.height, found.height)
        found = Written(block.pixels, mask, least, block.contrast)
    return found


def stored(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """`pixels` as often seen: some have been through a JPEG file."""
    if rng.random() > JPEG_SHARE:
        return pixels
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, dtype=np.uint8)


def look(rng: np.random.Generator, *, angle: float) -> Look:
    """A random look: plain, outlined like a meme, on a box like a sign, or see-through like a watermark."""
    kind = rng.random()
    colour = (WHITE, BLACK, _any(rng))[int(rng.choice(3, p=[0.4, 0.2, 0.4]))]
    stretch, soft = float(rng.uniform(0.75, 1.3)), float(rng.choice([0.0, 0.0, rng.uniform(0, 0.04)]))
    if kind < 0.3:  # noqa: PLR2004 - meme
        other = BLACK if sum(colour) > 380 else WHITE  # noqa: PLR2004 - the lighter half of all colours
        return Look(colour, float(rng.uniform(0.03, 0.1)), other, angle=angle, stretch=stretch, soft=soft)
    if kind < 0.5:  # noqa: PLR2004 - sign
        return Look(colour, backing=_any(rng), opacity=float(rng.uniform(0.6, 1)), angle=angle, stretch=stretch)
    if kind < 0.65:  # noqa: PLR2004 - watermark
        return Look(colour, opacity=float(rng.uniform(0.3, 0.7)), angle=angle, stretch=stretch, soft=soft)
    shadow = float(rng.choice([0.0, rng.uniform(0.03, 0.1)]))
    return Look(colour, shadow=shadow, angle=angle, stretch=stretch, soft=soft)


def _legible(rng: np.random.Generator, pixels: Pixels, smallest: float, contrast: float) -> Written | None:
    for _ in range(ATTEMPTS):
        height = float(np.exp(rng.uniform(np.log(smallest), np.log(LARGEST))))
        lines, font = _content(rng, height)
        angle = float(rng.choice([0.0, 0.0, rng.normal(0, 6), rng.uniform(-MAX_ANGLE, MAX_ANGLE)]))
        chosen = look(rng, angle=angle)
        place = (float(rng.uniform()), float(rng.uniform()))
        block = write(pixels, lines, font, chosen, height=height, at=place)
        if block.contrast >= contrast and block.height >= smallest:
            return block
    return None


def _content(rng: np.random.Generator, height: float) -> tuple[list[str], Font]:
    most = max(1, min(5, int(0.5 / height)))
    count = int(rng.integers(1, most + 1))
    if rng.random() < FOREIGN_SHARE:
        return [foreign(rng)[: max(2, int(1.2 / height))] for _ in range(count)], fonts()["uni"]
    font = list(fonts().values())[int(rng.integers(len(fonts())))]
    fitting = max(3, int(1.7 / height))
    lines = [writing(rng)[:fitting].strip() or "sale" for _ in range(count)]
    return lines, font


def _any(rng: np.random.Generator) -> Colour:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue
