"""What people are shown of a picture: made inside the decoder's process, so that no other one touches hostile bytes.

Nobody is sent the bytes that an author sent: a frame is encoded anew from its pixels, which leaves behind whatever else
the file carried.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.media.decode_image import preview
from moderation.media.subject import Rgb

SHOWN_SIDE = 1280
"""Longer side, in pixels, of the frames that people are shown."""
SHOWN_QUALITY = 90
CONCEALED_SIDE = 14
"""Longer side, in pixels, of a concealed frame: as coarse as a mood, too coarse for a body or a face."""
CONCEALED_CONTRAST = 0.45
CONCEALED_MIDDLE = 128
COMPARED_SIDE = 256
MAX_REGIONS = 12
MIN_REGION_SHARE = 0.0008
"""Of the picture's area; smaller differences are noise of the encoders."""
DIFFERENCE_LEVELS = 30
"""Of 255: how far colours differ before a person would see it side by side."""

EncodedImage: TypeAlias = NDArray[np.uint8]
"""An image file's bytes, one-dimensional."""


def shown_jpeg(rgb: Rgb) -> EncodedImage:
    """The frame as a JPEG file of at most `SHOWN_SIDE` pixels a side."""
    return _encoded(".jpg", preview(rgb, SHOWN_SIDE)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, SHOWN_QUALITY])


def concealed_png(rgb: Rgb) -> EncodedImage:
    """The frame as a PNG file of at most `CONCEALED_SIDE` pixels a side, in flat grey that shows nothing."""
    height, width = rgb.shape[:2]
    scale = CONCEALED_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = cv2.cvtColor(np.ascontiguousarray(preview(rgb, 8 * CONCEALED_SIDE)), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    flat = CONCEALED_MIDDLE + CONCEALED_CONTRAST * (small - CONCEALED_MIDDLE)
    return _encoded(".png", np.clip(np.rint(flat), 0, 255).astype(np.uint8), [])


def compared(rgb: Rgb) -> NDArray[np.uint8]:
    """The frame squeezed to a square of `COMPARED_SIDE` pixels, (side, side, 3): what `differences` takes."""
    small = np.ascontiguousarray(preview(rgb, 2 * COMPARED_SIDE))
    return np.asarray(cv2.resize(small, (COMPARED_SIDE, COMPARED_SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


RENDERINGS = {"shown": shown_jpeg, "concealed": concealed_png, "compared": compared}
"""The decoder's reductions for the console, by name."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in thousandths of the picture's width and height, from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Differences:
    """Where two pictures differ. `regions` lie on the first one, largest first; `share` is their part of its area.

    `quarter_turns` (0 to 3, counter-clockwise) and then `mirrored` turn the second picture like the first.
    """

    regions: tuple[Region, ...]
    share: float
    quarter_turns: int = 0
    mirrored: bool = False


def differences(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Differences:
    """Where what `compared` made of two pictures differs, in the orientation in which they are most alike."""
    reference = _smooth(first)
    turns, mirrored, turned = min(_orientations(_smooth(second)), key=lambda one: _distance(reference, one[2]))
    apart = np.abs(reference - turned).max(axis=2)
    mask = (apart > DIFFERENCE_LEVELS).astype(np.uint8)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    least = MIN_REGION_SHARE * COMPARED_SIDE**2
    found = sorted((stats[index] for index in range(1, count) if stats[index][4] >= least), key=lambda row: -row[4])
    regions = tuple(_region(row) for row in found[:MAX_REGIONS])
    return Differences(regions, math.fsum(float(row[4]) for row in found) / COMPARED_SIDE**2, turns, mirrored)


def _smooth(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 1.6), dtype=np.float32)


def _orientations(pixels: NDArray[np.float32]) -> list[tuple[int, bool, NDArray[np.float32]]]:
    turned = [(turns, np.rot90(pixels, turns)) for turns in range(4)]
    return [(turns, mirrored, one[:, ::-1] if mirrored else one) for turns, one in turned for mirrored in (False, True)]


def _distance(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    return float(np.abs(first - second).mean())


def _region(row: NDArray[np.int32]) -> Region:
    left, top, width, height = (round(int(value) * 1000 / COMPARED_SIDE) for value in row[:4])
    return Region(left, top, width, height)


def _encoded(suffix: str, pixels: NDArray[np.uint8], options: list[int]) -> EncodedImage:
    made, data = cv2.imencode(suffix, np.ascontiguousarray(pixels), options)
    if not made:
        raise ValueError("the frame could not be encoded")
    return np.asarray(data, dtype=np.uint8).reshape(-1)
