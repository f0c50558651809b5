"""Edits that move pixels: sizes, crops, rotations, mirrors, perspective, borders."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.media.subject import Rgb

THUMBNAIL = 160


def resized(rgb: Rgb, width: int, height: int) -> Rgb:
    """Exactly that large, by area averaging when smaller."""
    smaller = width * height < rgb.shape[0] * rgb.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (max(1, width), max(1, height)), interpolation=interpolation), dtype=np.uint8)


def half(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Half as wide and high."""
    return resized(rgb, rgb.shape[1] // 2, rgb.shape[0] // 2)


def thumbnail(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """160 pixels on the longer side."""
    scale = THUMBNAIL / max(rgb.shape[:2])
    return resized(rgb, round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))


def stretch(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """A quarter wider, as in a wrong aspect ratio."""
    return resized(rgb, round(rgb.shape[1] * 1.25), rgb.shape[0])


def crop(rgb: Rgb, random: np.random.Generator, side: float) -> Rgb:
    """A part at a random place with `side` (0 to 1) of the width and of the height."""
    height, width = (max(1, round(length * side)) for length in rgb.shape[:2])
    top = int(random.integers(0, rgb.shape[0] - height + 1))
    left = int(random.integers(0, rgb.shape[1] - width + 1))
    return rgb[top : top + height, left : left + width].copy()


def crop_98(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """98 % of each side is left: an edge was cut off."""
    return crop(rgb, random, 0.98)


def crop_90(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """90 % of each side is left."""
    return crop(rgb, random, 0.9)


def crop_75(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """75 % of each side is left, about half of the picture."""
    return crop(rgb, random, 0.75)


def crop_60(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """60 % of each side is left, a third of the picture."""
    return crop(rgb, random, 0.6)


def rotated(rgb: Rgb, degrees: float) -> Rgb:
    """Turned about the middle at the same size; what comes in at the corners is black."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(rgb, matrix, (width, height)), dtype=np.uint8)


def rotate_1(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """1 degree either way, black corners."""
    return rotated(rgb, float(random.choice((-1.0, 1.0))))


def rotate_3(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """3 degrees either way, black corners."""
    return rotated(rgb, float(random.choice((-3.0, 3.0))))


def rotate_10(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """10 degrees either way, black corners."""
    return rotated(rgb, float(random.choice((-10.0, 10.0))))


def straightened_10(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """10 degrees either way, cropped so that no corner is black."""
    turned = rotated(rgb, float(random.choice((-10.0, 10.0))))
    height, width = rgb.shape[:2]
    angle = math.radians(10.0)
    side = min(height, width) / (max(height, width) * math.sin(angle) + min(height, width) * math.cos(angle))
    rows, columns = round(height * side), round(width * side)
    top, left = (height - rows) // 2, (width - columns) // 2
    return turned[top : top + rows, left : left + columns].copy()


def rotate_90(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """A quarter turn to the left."""
    return np.rot90(rgb, 1).copy()


def rotate_180(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Upside down."""
    return np.rot90(rgb, 2).copy()


def rotate_270(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """A quarter turn to the right."""
    return np.rot90(rgb, 3).copy()


def flip_horizontal(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Mirrored left to right."""
    return rgb[:, ::-1].copy()


def flip_vertical(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Mirrored top to bottom."""
    return rgb[::-1].copy()


def perspective(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """As photographed from the side: each corner moves inwards by up to 10 % of the side, black around."""
    height, width = rgb.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=np.float32)
    moved = corners + inwards * random.uniform(0.0, 0.1, (4, 2)) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return np.asarray(cv2.warpPerspective(rgb, matrix, (width, height)), dtype=np.uint8)


def border(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """A frame of one colour, 8 % of the longer side wide."""
    around = round(0.08 * max(rgb.shape[:2]))
    return framed(rgb, (around, around, around, around), random.choice(np.array([0, 128, 255])))


def letterbox(rgb: Rgb, _random: np.random.Generator) -> Rgb:
    """Black bars above and below, as a wide picture has on an upright screen (9 to 16)."""
    height, width = rgb.shape[:2]
    above = max(0, round(width * 16 / 9) - height) // 2
    return framed(rgb, (above, above, 0, 0), 0)


def framed(rgb: Rgb, widths: tuple[int, int, int, int], grey: int) -> Rgb:
    """With so many pixels of one grey above, below, left and right."""
    above, below, left, right = widths
    height, width = rgb.shape[:2]
    canvas: NDArray[np.uint8] = np.full((height + above + below, width + left + right, 3), grey, dtype=np.uint8)
    canvas[above : above + height, left : left + width] = rgb
    return canvas
