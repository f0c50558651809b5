"""Pictures without letters that look like letters to a cheap detector: twigs, fences, bricks, windows, leaves."""

from collections.abc import Callable

import cv2
import numpy as np

from datasets.drawing.colour import Pixels
from datasets.drawing.field import Size

Texture = Callable[[np.random.Generator, Size], Pixels]

FLOATS = np.float32


def noise(rng: np.random.Generator, size: Size) -> Pixels:
    """Coloured noise whose power falls with frequency as in photographs (exponent 0.6 to 2)."""
    spectrum = np.hypot(np.fft.fftfreq(size.height)[:, None], np.fft.rfftfreq(size.width)[None, :])
    spectrum[0, 0] = 1
    planes = []
    for _ in range(3):
        white = np.fft.rfft2(rng.normal(size=(size.height, size.width)))
        plane = np.fft.irfft2(white / spectrum ** rng.uniform(0.6, 2.0), s=(size.height, size.width))
        planes.append(plane / plane.std())
    mixed = np.stack(planes, axis=-1)
    grey = mixed[:, :, :1]
    share = rng.uniform(0, 0.8)
    shown = (grey * (1 - share) + mixed * share) * rng.uniform(20, 60) + rng.uniform(60, 190, 3)
    return np.clip(shown, 0, 255).astype(np.uint8)


def twigs(rng: np.random.Generator, size: Size) -> Pixels:
    """Branching thin lines over a soft ground: trees in winter, grass, hair, cracks."""
    canvas = _ground(rng, size)
    for _ in range(int(rng.integers(20, 160))):
        colour, thick = _colour(rng), int(rng.integers(1, 5))
        at = rng.uniform((0, 0), (size.width, size.height))
        angle, turn = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.8)
        points = [at]
        for _ in range(int(rng.integers(2, 14))):
            angle += rng.normal(0, turn)
            at = at + rng.uniform(6, 40) * np.array([np.cos(angle), np.sin(angle)])
            points.append(at)
        cv2.polylines(canvas, [np.array(points, np.int32)], isClosed=False, color=colour, thickness=thick, lineType=16)
    return canvas


def leaves(rng: np.random.Generator, size: Size) -> Pixels:
    """Many small ellipses and shards of near colours: leaves, gravel, petals, crowds."""
    canvas = _ground(rng, size)
    base, spread = np.array(_colour(rng)), rng.uniform(15, 70)
    largest = rng.uniform(6, 40)
    for _ in range(int(rng.integers(300, 1500))):
        colour = [int(value) for value in np.clip(base + rng.normal(0, spread, 3), 0, 255)]
        centre = (int(rng.integers(size.width)), int(rng.integers(size.height)))
        axes = (int(rng.uniform(2, largest)) + 1, int(rng.uniform(1, largest / 2)) + 1)
        if rng.random() < 0.5:  # noqa: PLR2004 - half of each shape
            cv2.ellipse(canvas, centre, axes, rng.uniform(0, 360), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            corners = np.array(centre) + rng.normal(0, largest / 2, (int(rng.integers(3, 6)), 2))
            cv2.fillPoly(canvas, [corners.astype(np.int32)], colour, cv2.LINE_AA)
    return canvas


def lattice(rng: np.random.Generator, size: Size) -> Pixels:
    """Bricks, fences, tiled floors, rows of windows: regular strokes that are no letters."""
    canvas = _ground(rng, size)
    step_x, step_y = int(rng.integers(8, 90)), int(rng.integers(8, 90))
    colour, thick = _colour(rng), int(rng.integers(1, 7))
    filled, shift = rng.random() < 0.4, bool(rng.integers(2))  # noqa: PLR2004 - a share of walls have windows
    for row, y in enumerate(range(-step_y, size.height + step_y, step_y)):
        offset = step_x // 2 if shift and row % 2 else 0
        for x in range(-step_x, size.width + step_x, step_x):
            if filled and rng.random() < 0.3:  # noqa: PLR2004 - and some of them are dark
                continue
            corner = (x + offset, y)
            other = (
                (x + offset + int(step_x * 0.7), y + int(step_y * 0.7)) if filled else (x + offset + step_x, y + step_y)
            )
            cv2.rectangle(canvas, corner, other, colour, -1 if filled else thick, cv2.LINE_AA)
    return _turned(rng, canvas)


def stripes(rng: np.random.Generator, size: Size) -> Pixels:
    """Lines beside each other with uneven widths: blinds, corduroy, waves, stacks of books."""
    length = size.width + size.height
    edges = np.cumsum(rng.uniform(2, rng.uniform(6, 60), 800))
    wave = rng.uniform(0, 6) * np.sin(np.linspace(0, rng.uniform(1, 30), length))[:, None]
    place = np.clip(np.arange(length)[None, :] + wave, 0, length - 1)
    tones = rng.uniform(0, 255, (802, 3))
    canvas = tones[np.searchsorted(edges, place)][: size.height, : size.width]
    return _turned(rng, np.ascontiguousarray(canvas.astype(np.uint8)), most=180)


def shapes(rng: np.random.Generator, size: Size) -> Pixels:
    """Rings, discs, crosses, boxes and curves of all sizes: toys, wheels, lamps, buttons, logos without letters."""
    canvas = _ground(rng, size)
    for _ in range(int(rng.integers(4, 70))):
        colour, thick = _colour(rng), int(rng.choice([-1, 1, 2, 3, 5, 8]))
        centre = (int(rng.integers(size.width)), int(rng.integers(size.height)))
        radius = int(rng.uniform(3, rng.uniform(8, 120)))
        kind = int(rng.integers(4))
        if kind == 0:
            cv2.circle(canvas, centre, radius, colour, thick, cv2.LINE_AA)
        elif kind == 1:
            other = (centre[0] + radius, centre[1] + int(radius * rng.uniform(0.3, 2)))
            cv2.rectangle(canvas, centre, other, colour, thick, cv2.LINE_AA)
        elif kind == 2:  # noqa: PLR2004 - the third kind
            other = (centre[0] + int(rng.normal(0, radius)), centre[1] + int(rng.normal(0, radius)))
            cv2.line(canvas, centre, other, colour, abs(thick), cv2.LINE_AA)
        else:
            start = rng.uniform(0, 360)
            cv2.ellipse(
                canvas, centre, (radius, radius // 2 + 1), start, 0, rng.uniform(60, 300), colour, abs(thick), 16
            )
    return canvas


def _ground(rng: np.random.Generator, size: Size) -> Pixels:
    """A soft gradient with a little noise."""
    corners = rng.uniform(0, 255, (2, 2, 3)).astype(FLOATS)
    soft = cv2.resize(corners, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
    grainy = np.asarray(soft) + rng.normal(0, rng.uniform(0, 12), soft.shape)
    return np.asarray(np.clip(grainy, 0, 255), dtype=np.uint8)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


def _turned(rng: np.random.Generator, pixels: Pixels, most: float = 30) -> Pixels:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-most, most), rng.uniform(1.0, 1.6))
    turned = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, dtype=np.uint8)
