"""Edits that keep every pixel in its place: compression, colour, light, noise, sharpness.

Each takes RGB pixels and a seeded generator and returns new pixels; the same two give the same picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.media.subject import Rgb


def jpeg(rgb: Rgb, quality: int) -> Rgb:
    """Through JPEG and back, at a quality of 1 to 100."""
    encoded = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))[:, :, ::-1], dtype=np.uint8)


def jpeg_50(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """JPEG at quality 50."""
    return jpeg(rgb, 50)


def jpeg_10(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """JPEG at quality 10: blocks are seen."""
    return jpeg(rgb, 10)


def grey(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Without colour."""
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[:, :, np.newaxis], 3, axis=2).astype(np.uint8)


def tint(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """One colour channel at 60 %, another at 130 %."""
    gains = random.permutation(np.array([0.6, 1.0, 1.3]))
    return _clipped(rgb * gains)


def brighter(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Half as bright again; highlights are lost."""
    return _clipped(rgb * 1.5)


def darker(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Half as bright."""
    return _clipped(rgb * 0.5)


def contrast(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Contrast doubled about the middle; shadows and highlights are lost."""
    return _clipped((rgb - 127.5) * 2.0 + 127.5)


def noise(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Gaussian noise of 20 grey levels in each channel."""
    return _clipped(rgb + random.normal(0.0, 20.0, rgb.shape))


def blur(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Gaussian blur of 0.6 % of the longer side."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.006 * max(rgb.shape[:2])), dtype=np.uint8)


def sharpen(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Unsharp mask of strength 1.5."""
    soft = cv2.GaussianBlur(rgb, (0, 0), 2.0).astype(np.float64)
    return _clipped(rgb * 2.5 - soft * 1.5)


def _clipped(values: NDArray[np.floating]) -> Rgb:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)
