"""Lines of text as coverage masks, in the fonts that come with Pillow and OpenCV: the same letters on every machine."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask: TypeAlias = NDArray[np.uint8]
"""Coverage of shape (height, width), 0 to 255."""

Font: TypeAlias = Callable[[str, int], Mask]
"""Draws one line; the number is the size in pixels, roughly the height of a line."""

SIZE = 96
"""Lines are drawn at this size and scaled to the height that is wanted."""
MARGIN = 0.5
"""Room around the letters while drawing, in sizes."""
HERSHEY = {
    "simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "duplex": cv2.FONT_HERSHEY_DUPLEX,
    "complex": cv2.FONT_HERSHEY_COMPLEX,
    "triplex": cv2.FONT_HERSHEY_TRIPLEX,
    "script": cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
}
HERSHEY_UNIT_PX = 22
"""Height of a capital at scale 1."""
WEIGHTS = {"light": 200, "regular": 400, "heavy": 800}


def line(text: str, font: Font, size: int = SIZE) -> Mask:
    """`text` as a mask without empty edges. Raises `ValueError` when nothing of it can be drawn."""
    mask = font(text, size)
    rows, columns = np.flatnonzero(mask.max(axis=1)), np.flatnonzero(mask.max(axis=0))
    if not rows.size:
        raise ValueError(f"{text!r} shows nothing")
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@cache
def fonts() -> Mapping[str, Font]:
    """Every font by name. "uni" also has Cyrillic, Greek and Chinese letters; the Hershey fonts only have ASCII."""
    found: dict[str, Font] = {"aileron": _pillow(None)}
    for face in ("sans", "italic"):
        found |= {f"{face}-{weight}": _opencv(face, number) for weight, number in WEIGHTS.items()}
    found["uni"] = _opencv("uni", WEIGHTS["regular"])
    found |= {f"hershey-{name}": _hershey(number) for name, number in HERSHEY.items()}
    return found


def font_file(path: Path) -> Font:
    """A font of this machine, for measuring with letters that nothing was trained on."""
    return _pillow(path)


def _pillow(path: Path | None) -> Font:
    def draw(text: str, size: int) -> Mask:
        face = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
        margin = int(size * MARGIN)
        width = int(face.getlength(text)) + 2 * margin
        canvas = Image.new("L", (width, 2 * size + 2 * margin))
        ImageDraw.Draw(canvas).text((margin, margin), text, fill=255, font=face)
        return np.asarray(canvas)

    return draw


def _opencv(face: str, weight: int) -> Font:
    def draw(text: str, size: int) -> Mask:
        font = cv2.FontFace(face)
        margin = int(size * MARGIN)
        _, _, width, _ = cv2.getTextSize((1, 1), text, (0, 0), font, size, weight)
        canvas = np.zeros((2 * size + 2 * margin, width + 2 * margin, 3), np.uint8)
        cv2.putText(canvas, text, (margin, margin + size), (255, 255, 255), font, size, weight)
        return np.ascontiguousarray(canvas[:, :, 0])

    return draw


def _hershey(number: int) -> Font:
    def draw(text: str, size: int) -> Mask:
        scale, thick = 0.7 * size / HERSHEY_UNIT_PX, max(1, size // 12)
        (width, _), _ = cv2.getTextSize(text, number, scale, thick)
        margin = int(size * MARGIN)
        canvas = np.zeros((2 * size + 2 * margin, width + 2 * margin), np.uint8)
        cv2.putText(canvas, text, (margin, margin + size), number, scale, 255, thick, cv2.LINE_AA)
        return canvas

    return draw
