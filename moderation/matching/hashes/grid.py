"""Reduced grey pictures, and full-size linear operators folded onto them.

A reduced sample is the mean of a square of pixels: that is what halving makes, and what libjpeg-turbo's reduced
decoding yields (its inverse transforms leave out the frequencies that vanish in such means). An operator made for all
pixels is applied to the parabolas that have these means, so that nothing but the finest detail is lost.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.media.subject import Rgb

GRID_SIDE = 256
"""Pictures are averaged while their shorter side keeps so many samples."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Grey means (rows, columns), 0 to 255, of squares of `scale` pixels of a picture of `height` by `width` pixels.

    The picture starts with a whole square and may end with a part of one, or the other way round: `from_bottom`,
    `from_right`.
    """

    grey: NDArray[np.uint8]
    scale: int
    height: int
    width: int
    from_bottom: bool = False
    from_right: bool = False


def grid_of(rgb: Rgb) -> Grid:
    """The grid of full-size pixels with a shorter side of 256 to 511 samples; of smaller pictures, the grey pixels."""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    grey, scale = averaged(grey, 1)
    return Grid(grey, scale, rgb.shape[0], rgb.shape[1])


def averaged(grey: NDArray[np.uint8], scale: int) -> tuple[NDArray[np.uint8], int]:
    """Samples and their scale after halving while the shorter side keeps `GRID_SIDE`."""
    while min(grey.shape) >= 2 * GRID_SIDE:
        grey, scale = _halved(grey), 2 * scale
    return grey, scale


def folded(operator: NDArray[np.float64], scale: int, *, mirrored: bool = False) -> NDArray[np.float32]:
    """An operator (k, size) on pixels as one (k, ceil(size / scale)) on means of `scale` pixels.

    Of a `mirrored` side the first mean, not the last, may be that of a part of a square: of pixels that repeat the
    outermost one. Within a square pixels are taken as the parabola with its mean and its neighbours' means.
    """
    if mirrored:
        return np.ascontiguousarray(folded(operator[:, ::-1], scale)[:, ::-1])
    missing = -operator.shape[1] % scale
    whole = np.pad(operator, ((0, 0), (0, missing))) if missing else operator
    place = (np.arange(scale) + 0.5) / scale - 0.5
    moments = np.stack([np.ones(scale), place / 2, (place**2 - (place**2).mean()) / 2], axis=1)
    level, slope, bend = np.moveaxis(whole.reshape(-1, scale) @ moments, 1, 0).reshape(3, len(operator), -1)
    weights = level - 2 * bend
    weights[:, 1:] += (bend + slope)[:, :-1]
    weights[:, -1] += (bend + slope)[:, -1]
    weights[:, :-1] += (bend - slope)[:, 1:]
    weights[:, 0] += (bend - slope)[:, 0]
    return np.ascontiguousarray(weights, dtype=np.float32)


def _halved(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of squares of two by two; a side of odd length repeats its last line."""
    height, width = grey.shape
    if height % 2 or width % 2:
        grey = np.asarray(cv2.copyMakeBorder(grey, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), dtype=np.uint8)
    half = (grey.shape[1] // 2, grey.shape[0] // 2)
    return np.asarray(cv2.resize(grey, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
