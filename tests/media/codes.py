"""QR codes drawn for tests, as RGB pictures."""

from io import BytesIO

import cv2
import numpy as np
import segno
from PIL import Image

from moderation.media.subject import Rgb

LINK = "https://example.com/a"


def a_code(text: str = LINK, *, scale: int = 4, error: str = "m", encoding: str | None = None) -> Rgb:
    """The code alone, black on white."""
    with BytesIO() as buffer:
        segno.make(text, micro=False, error=error, encoding=encoding).save(buffer, kind="png", scale=scale, border=4)
        return np.asarray(Image.open(buffer).convert("RGB"))


def scenery(height: int = 768, width: int = 1024, seed: int = 0) -> Rgb:
    """A soft coloured picture without any code."""
    noise = np.random.default_rng(seed).normal(128, 90, (height // 8, width // 8, 3)).clip(0, 255).astype(np.uint8)
    large = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), 4), dtype=np.uint8)


def pasted(code: Rgb, *, onto: Rgb, left: int = 100, top: int = 80) -> Rgb:
    """A copy of `onto` with the code on it."""
    picture = onto.copy()
    picture[top : top + code.shape[0], left : left + code.shape[1]] = code
    return picture


def turned(code: Rgb, degrees: float) -> Rgb:
    """The code turned, on white."""
    height, width = code.shape[:2]
    side = int(np.hypot(height, width)) + 2
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    white = (255, 255, 255)
    return np.asarray(cv2.warpAffine(code, matrix, (side, side), borderValue=white), dtype=np.uint8)
