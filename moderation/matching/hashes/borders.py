"""Where a picture ends and its border begins: frames, letterbox bars, captions' and screenshots' bars.

A border begins with a line of nearly one grey. Everything from it to the largest part that such lines separate is cut
off, text in a bar included. What a picture shows may end in such lines too; the trimmed picture is looked up beside
the whole one, never instead of it.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.matching.hashes.grid import Grid, grid_of
from moderation.matching.hashes.pdq import pdq_luma64
from moderation.media.subject import Rgb

NO_BORDER = (1, 1)
"""The shape of what stands for "there is no border"."""
LEVELS = 10
"""Of 255: how far a sample may be from its border's grey."""
INNER_LEVELS = 5
"""The same for bars inside a border: only drawn ones are so even; a sky is not."""
FLAT_SHARE = 0.98
"""Of a line's samples that are near the border's grey; the rest is what a lossy format leaves beside an edge."""
LOOK_LEVELS, LOOK_SHARE = 2 * LEVELS, 0.9
"""The same for a first, cheap look at the outermost lines of the full-size picture."""
MAIN_SHARE = 0.6
"""Of the lines that are no border: a part that has so many is the picture, and what is beside it text in a bar."""
FULL = 255
MIN_SHARE = 0.3
"""Of each side that must be left."""
MIN_SAMPLES = 8
"""Of either side of a grid in which bars can be told."""
MIN_LEFT = 64
"""Pixels that must be left of each side."""
MIN_CUT_SHARE = 0.01
"""Of either side; a border smaller than this moves no hash far."""
ROUNDS = 3


class Box(NamedTuple):
    """Pixels from `top` and `left` to, and without, `bottom` and `right`."""

    top: int
    bottom: int
    left: int
    right: int


def trimmed_luma64(rgb: Rgb) -> NDArray[np.float32]:
    """PDQ's smoothed luma (64, 64) of the picture without its border, of shape (1, 1) where it has none.

    A module-level reduction.
    """
    if not _may_have_border(rgb):
        return np.zeros(NO_BORDER, dtype=np.float32)
    box = box_of(grid_of(rgb))
    if box is None:
        return np.zeros(NO_BORDER, dtype=np.float32)
    return pdq_luma64(rgb[box.top : box.bottom, box.left : box.right])


def box_of(grid: Grid) -> Box | None:
    """The picture inside the border, in pixels of the full size; None where there is no border or too little left."""
    rows, columns = (0.0, float(grid.grey.shape[0])), (0.0, float(grid.grey.shape[1]))
    for turn in range(ROUNDS):
        part = grid.grey[math.ceil(rows[0]) : int(rows[1]), math.ceil(columns[0]) : int(columns[1])]
        if min(part.shape) < MIN_SAMPLES:
            return None
        inside = _main_part(part, 0, inner=turn > 0), _main_part(part, 1, inner=turn > 0)
        last = rows, columns
        rows, columns = _within(rows, inside[0], part.shape[0]), _within(columns, inside[1], part.shape[1])
        if last == (rows, columns):
            break
    top, bottom = _pixels(rows, grid.scale, grid.height, mirrored=grid.from_bottom)
    left, right = _pixels(columns, grid.scale, grid.width, mirrored=grid.from_right)
    box = Box(top, bottom, left, right)
    return box if _is_worth(box, grid.height, grid.width) else None


def _within(outer: tuple[float, float], inner: tuple[float, float], count: int) -> tuple[float, float]:
    """Where a part of the whole samples of a part lies; its ends stay where they are unless something was cut off."""
    start = math.ceil(outer[0]) + inner[0] if inner[0] else outer[0]
    end = math.ceil(outer[0]) + inner[1] if inner[1] < count else outer[1]
    return start, end


def _pixels(samples: tuple[float, float], scale: int, size: int, *, mirrored: bool) -> tuple[int, int]:
    missing = -size % scale if mirrored else 0
    first, last = (min(max(round(at * scale) - missing, 0), size) for at in samples)
    return first, last


def _is_worth(box: Box, height: int, width: int) -> bool:
    rows, columns = box.bottom - box.top, box.right - box.left
    enough = rows >= max(MIN_LEFT, MIN_SHARE * height) and columns >= max(MIN_LEFT, MIN_SHARE * width)
    return enough and (height - rows > MIN_CUT_SHARE * height or width - columns > MIN_CUT_SHARE * width)


def _may_have_border(rgb: Rgb) -> bool:
    """Whether an outermost line is roughly of one colour; most pictures pay for no more than this."""
    greens = (np.ascontiguousarray(line[:, 1]) for line in (rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]))
    return any(_is_flat(line, LOOK_LEVELS, LOOK_SHARE)[0] for line in greens)


def _main_part(grey: NDArray[np.uint8], axis: int, *, inner: bool) -> tuple[float, float]:
    """The rows (axis 0) or columns from start to end that are left when the bars on both sides are cut off.

    Bars inside a border come in pairs of one colour, drawn and therefore even; else they are what the picture shows.
    """
    lines, levels = (grey.T if axis else grey), INNER_LEVELS if inner else LEVELS
    count = len(lines)
    above, first_grey = _is_flat(lines[0], levels, FLAT_SHARE)
    if inner and not above:
        return 0, count
    below, last_grey = _is_flat(lines[-1], levels, FLAT_SHARE)
    middles = first_grey, last_grey
    if not (above and below and abs(middles[0] - middles[1]) <= levels) and (inner or not (above or below)):
        return 0, count
    flat = np.zeros(count, dtype=np.bool_)
    for middle in {middle for middle, is_bar in zip(middles, (above, below), strict=True) if is_bar}:
        flat |= _flat_lines(grey, axis, middle, levels)
    start, end = _largest_run(~flat)
    first = start + _border_share(lines[start - 1 : start + 2]) if above and start > 0 else 0
    last = end - _border_share(lines[end - 2 : end + 1][::-1]) if below and end < count else count
    return (first, last) if start < end else (0, count)


def _largest_run(wanted: NDArray[np.bool_]) -> tuple[int, int]:
    """Start and end of the largest run of wanted rows, or of all of them when none is by far the largest."""
    changes = [0, *(np.flatnonzero(wanted[1:] != wanted[:-1]) + 1).tolist(), len(wanted)]
    runs = [(start, end) for start, end in pairwise(changes) if wanted[start]]
    if not runs:
        return 0, 0
    start, end = max(runs, key=lambda run: run[1] - run[0])
    if end - start >= MAIN_SHARE * sum(end - start for start, end in runs):
        return start, end
    return runs[0][0], runs[-1][1]


def _border_share(lines: NDArray[np.uint8]) -> float:
    """How much of the second of three lines belongs to the border (the first), and not to the picture (the last).

    By least squares; 0 where that cannot be told.
    """
    if len(lines) < 3:  # noqa: PLR2004 - see above
        return 0.0
    border, mixed, picture = lines.astype(np.float64)
    apart = border - picture
    scale = float(apart @ apart)
    return min(max(float((mixed - picture) @ apart) / scale, 0.0), 1.0) if scale else 0.0


def _flat_lines(grey: NDArray[np.uint8], axis: int, middle: int, levels: int) -> NDArray[np.bool_]:
    """Which rows (axis 0) or columns have nearly that grey."""
    low, high = max(middle - levels, 0), min(middle + levels, FULL)
    near = (grey - np.uint8(low) <= np.uint8(high - low)).view(np.uint8)
    counts = cv2.reduce(near, 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).reshape(-1)
    return np.asarray(counts >= FLAT_SHARE * grey.shape[1 - axis])


def _is_flat(line: NDArray[np.uint8], levels: int, share: float) -> tuple[bool, int]:
    """Whether all but half of the rest at either end of a line's samples in order are so near to its middle one; it."""
    ordered = np.sort(line)
    rest, middle = int((1 - share) / 2 * len(line)), int(ordered[len(line) // 2])
    return middle - levels <= ordered[rest] and ordered[-1 - rest] <= middle + levels, middle
