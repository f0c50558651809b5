"""Drawn pictures: the bench's corpus where no folder is given, and what collages and stickers are made of."""

import cv2
import numpy as np

from moderation.bench.robustness.shapes import resized
from moderation.media.subject import Rgb

WORDS = (
    "when you see it nobody expects this again monday morning best price today only share with friends the quick "
    "fox over lazy dogs meeting notes please read before five report of the quarter invoice total amount due"
)


def scene(random: np.random.Generator, width: int = 512, height: int = 512) -> Rgb:
    """A picture with large soft areas, many shapes of every size, lines and some grain."""
    coarse = random.integers(0, 256, (4, 4, 3)).astype(np.uint8)
    picture = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    for size in np.geomspace(max(width, height) / 2, 8, 160):
        _shape(picture, random, float(size))
    grain = random.normal(0.0, 4.0, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8) + grain, 0, 255).astype(np.uint8)


def _shape(picture: Rgb, random: np.random.Generator, size: float) -> None:
    height, width = picture.shape[:2]
    x, y = int(random.integers(0, width)), int(random.integers(0, height))
    a, b = max(1, int(size * random.uniform(0.2, 0.6))), max(1, int(size * random.uniform(0.2, 0.6)))
    colour = tuple(int(part) for part in random.integers(0, 256, 3))
    turn = float(random.uniform(0, 180))
    kind = int(random.integers(0, 3))
    if kind == 0:
        cv2.ellipse(picture, (x, y), (a, b), turn, 0, 360, colour, -1, cv2.LINE_AA)
    elif kind == 1:
        corners = cv2.boxPoints(((x, y), (a, b), turn)).astype(np.int32)
        cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)
    else:
        cv2.line(picture, (x, y), (x + a, y + b), colour, max(1, int(size / 20)), cv2.LINE_AA)


def words(random: np.random.Generator, count: int) -> str:
    """So many words of a short list."""
    known = WORDS.split()
    return " ".join(str(random.choice(known)) for _ in range(count))


def write(
    rgb: Rgb, text: str, place: tuple[int, int], height: float, colour: tuple[int, int, int], *, outline: bool = False
) -> None:
    """Write one line into the picture; `place` is its lower left corner, `height` that of a capital in pixels."""
    scale = height / 22.0
    if outline:
        cv2.putText(rgb, text, place, cv2.FONT_HERSHEY_DUPLEX, scale, (0, 0, 0), max(2, round(scale * 6)), cv2.LINE_AA)
    cv2.putText(rgb, text, place, cv2.FONT_HERSHEY_DUPLEX, scale, colour, max(1, round(scale * 2)), cv2.LINE_AA)


def fitted(rgb: Rgb, width: int, height: int) -> Rgb:
    """The middle of the picture in that aspect ratio, resized to exactly that size."""
    rows, columns = rgb.shape[:2]
    scale = min(columns / width, rows / height)
    kept_rows, kept_columns = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (rows - kept_rows) // 2, (columns - kept_columns) // 2
    return resized(np.ascontiguousarray(rgb[top : top + kept_rows, left : left + kept_columns]), width, height)
