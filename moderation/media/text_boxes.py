"""The pixel work around a text reader's networks: what the detector sees, its boxes, and the lines cut out of them.

The steps and constants are those of differentiable binarisation (Liao et al. 2020, https://arxiv.org/abs/1911.08947)
as PaddleOCR published the networks with; rectangles are grown by the formula itself, no polygon library is needed.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.media.subject import Rgb

Floats: TypeAlias = NDArray[np.float32]
Number: TypeAlias = np.integer[Any] | np.floating[Any]
"""What OpenCV says of the arrays that it returns."""

SHORTER_SIDE = 640
"""Pictures whose shorter side is less are enlarged to it, as far as `MOST_PIXELS` allows."""
MOST_PIXELS = 544 * 816
"""Bounds what one look costs (0.1 s on a core), whatever the picture's shape. Twice as many read one word in a hundred
more, of letters from 2.5 to 6 % of the height of pictures of 1024 by 1024."""
GLANCE_PIXELS = 320 * 320
"""A first look at so few costs a tenth of one at full size."""
GRAIN = 32
"""The network's sides are multiples of this."""
TEXT_CHANCE = 0.3
BOX_CHANCE = 0.5
GROWTH = 1.6
"""How far a box is grown: this times its area by its circumference, for the network marks a line's core only."""
SMALLEST_CORE = 3
SMALLEST_BOX = 5
MOST_CONTOURS = 1000
LINE_HEIGHT = 48
LONGEST_LINE = 2400
"""Lines are read at this height; longer ones than this are squeezed."""
UPRIGHT = 1.5
"""A box that is higher than this times its width holds a line that runs upwards or downwards."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a line of text is: corners of shape (4, 2), x and y in pixels, clockwise from the top left."""

    corners: Floats
    chance: float

    @property
    def height(self) -> float:
        """Length of the left edge in pixels."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))

    @property
    def width(self) -> float:
        """Length of the top edge in pixels."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))


def detector_pixels(rgb: Rgb) -> Floats:
    """The detector's input: float32 of shape (1, 3, height, width), blue first, -1 to 1, sides in multiples of 32."""
    height, width = rgb.shape[:2]
    scale = min(max(1.0, SHORTER_SIDE / min(height, width)), math.sqrt(MOST_PIXELS / (height * width)))
    return _scaled(rgb, scale, cv2.INTER_LINEAR)


def glance_pixels(rgb: Rgb) -> Floats:
    """The same, with about `GLANCE_PIXELS` pixels."""
    height, width = rgb.shape[:2]
    return _scaled(rgb, math.sqrt(GLANCE_PIXELS / (height * width)), cv2.INTER_AREA)


def boxes(chances: Floats, width: int, height: int) -> list[Box]:
    """The boxes, largest first, in a picture of that size; `chances` is the detector's map of shape (rows, columns)."""
    mask = cv2.dilate((chances > TEXT_CHANCE).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    largest = sorted(contours, key=cv2.contourArea, reverse=True)[:MOST_CONTOURS]
    scale = np.array([width / chances.shape[1], height / chances.shape[0]], np.float32)
    found = (_box(contour, chances, scale, (width, height)) for contour in largest)
    return sorted((box for box in found if box), key=lambda box: -box.width * box.height)


def line_pixels(rgb: Rgb, box: Box) -> Floats:
    """The line in `box`, laid level: float32 of shape (1, 3, 48, width), blue first, -1 to 1, for the recogniser."""
    across, down = max(1, int(box.width)), max(1, int(box.height))
    level = np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float32)
    matrix = cv2.getPerspectiveTransform(box.corners, level)
    cut = cv2.warpPerspective(rgb, matrix, (across, down), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if down >= UPRIGHT * across:
        cut = cv2.rotate(cut, cv2.ROTATE_90_COUNTERCLOCKWISE)
    width = min(LONGEST_LINE, math.ceil(LINE_HEIGHT * cut.shape[1] / cut.shape[0]))
    return _network_pixels(cv2.resize(cut, (max(GRAIN, width), LINE_HEIGHT)))


def turned_round(line: Floats) -> Floats:
    """A line's pixels upside down."""
    return np.ascontiguousarray(line[:, :, ::-1, ::-1])


def _box(contour: NDArray[Number], chances: Floats, scale: Floats, size: tuple[int, int]) -> Box | None:
    """The box around a contour, grown, in the picture's pixels; None when it is too small or too unlikely."""
    centre, (across, down), angle = cv2.minAreaRect(contour)
    if min(across, down) < SMALLEST_CORE:
        return None
    chance = _mean_chance(chances, cv2.boxPoints((centre, (across, down), angle)))
    if chance < BOX_CHANCE:
        return None
    growth = GROWTH * across * down / (across + down)
    grown = (across + growth, down + growth)
    if min(grown) < SMALLEST_BOX:
        return None
    corners = np.round(cv2.boxPoints((centre, grown, angle)) * scale)
    limits = np.array([size[0] - 1, size[1] - 1])
    box = Box(_clockwise(np.clip(corners, 0, limits).astype(np.float32)), chance)
    return box if min(box.width, box.height) > SMALLEST_CORE else None


def _mean_chance(chances: Floats, corners: NDArray[Number]) -> float:
    """Mean of the detector's map inside a rectangle."""
    rows, columns = chances.shape
    low = np.clip(np.floor(corners.min(axis=0)), 0, (columns - 1, rows - 1)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), 0, (columns - 1, rows - 1)).astype(int)
    mask = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], (1,))
    inside = chances[low[1] : high[1] + 1, low[0] : high[0] + 1]
    return float(cv2.mean(inside, mask)[0])


def _clockwise(corners: Floats) -> Floats:
    """Top left first: of the two leftmost corners the upper, then the upper and the lower of the others."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    left = left[np.argsort(left[:, 1], kind="stable")]
    right = right[np.argsort(right[:, 1], kind="stable")]
    return np.stack([left[0], right[0], right[1], left[1]])


def _scaled(rgb: Rgb, scale: float, interpolation: int) -> Floats:
    height, width = rgb.shape[:2]
    size = tuple(max(GRAIN, round(side * scale / GRAIN) * GRAIN) for side in (width, height))
    return _network_pixels(cv2.resize(rgb, size, interpolation=interpolation))


def _network_pixels(rgb: NDArray[Number]) -> Floats:
    blob = cv2.dnn.blobFromImage(rgb, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True)
    return np.asarray(blob, dtype=np.float32)
