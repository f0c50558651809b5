"""Where a picture ends and its border begins: frames, letterbox bars, captions' and screenshots' bars.

A border begins with a line of nearly one grey. Everything from it to the largest part that such lines separate is cut
off, text in a bar included. What a picture shows may end in such lines too; the trimmed picture is looked up beside
the whole one, never instead of it.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.matching.grid import Grid, grid_of
from moderation.matching.pdq import pdq_luma64
from moderation.media.subject import Rgb

NO_BORDER = (1, 1)
"""The shape of what stands for "there is no border"."""
LEVELS = 10
"""Of 255: how far a sample may be from its border's grey."""
LATER_LEVELS = 4
"""The same for bars inside a bar: only drawn ones are so even; a sky, which is not, ends the search."""
FLAT_SHARE = 0.98
"""Of a line's samples that are near the border's grey; the rest is what a lossy format leaves beside an edge."""
LOOK_LEVELS, LOOK_SHARE = 2 * LEVELS, 0.9
"""The same for a first, cheap look at the outermost lines of the full-size picture."""
MAIN_SHARE = 0.6
"""Of the lines that are no border: a part that has so many is the picture, and what is beside it text in a bar."""
FULL = 255
MIN_SHARE = 0.3
"""Of each side that must be left."""
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
    top, bottom, left, right = 0, grid.grey.shape[0], 0, grid.grey.shape[1]
    for turn in range(ROUNDS):
        levels = LATER_LEVELS if turn else LEVELS
        last = (top, bottom, left, right)
        start, end = _main_part(grid.grey[top:bottom, left:right], levels)
        top, bottom = top + start, top + end
        start, end = _main_part(grid.grey[top:bottom, left:right].T, levels)
        left, right = left + start, left + end
        if last == (top, bottom, left, right) or top == bottom or left == right:
            break
    above = -grid.height % grid.scale if grid.from_bottom else 0
    before = -grid.width % grid.scale if grid.from_right else 0
    rows = np.clip(np.array([top, bottom]) * grid.scale - above, 0, grid.height)
    columns = np.clip(np.array([left, right]) * grid.scale - before, 0, grid.width)
    box = Box(int(rows[0]), int(rows[1]), int(columns[0]), int(columns[1]))
    return box if _is_worth(box, grid.height, grid.width) else None


def _is_worth(box: Box, height: int, width: int) -> bool:
    rows, columns = box.bottom - box.top, box.right - box.left
    enough = rows >= max(MIN_LEFT, MIN_SHARE * height) and columns >= max(MIN_LEFT, MIN_SHARE * width)
    return enough and (height - rows > MIN_CUT_SHARE * height or width - columns > MIN_CUT_SHARE * width)


def _may_have_border(rgb: Rgb) -> bool:
    """Whether an outermost line is roughly of one colour; most pictures pay for no more than this."""
    lines = (rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1])
    return any(_is_flat(np.ascontiguousarray(line[:, 1]), LOOK_LEVELS, LOOK_SHARE) for line in lines)


def _main_part(grey: NDArray[np.uint8], levels: int) -> tuple[int, int]:
    """The rows from start to end that are left when the bars above and below are cut off."""
    count = len(grey)
    above, below = (_is_flat(grey[edge], levels, FLAT_SHARE) for edge in (0, -1))
    if not above and not below:
        return 0, count
    flat = np.zeros(count, dtype=np.bool_)
    for edge in [0] * above + [-1] * below:
        flat |= _flat_rows(grey, _middle(grey[edge]), levels)
    steps = np.diff(np.concatenate([[True], flat, [True]]).astype(np.int8))
    starts, ends = np.flatnonzero(steps == -1), np.flatnonzero(steps == 1)
    if not len(starts):
        return 0, count
    largest = int(np.argmax(ends - starts))
    if ends[largest] - starts[largest] >= MAIN_SHARE * (ends - starts).sum():
        start, end = int(starts[largest]), int(ends[largest])
    else:
        start, end = int(starts[0]), int(ends[-1])
    return (start if above else 0), (end if below else count)


def _flat_rows(grey: NDArray[np.uint8], middle: int, levels: int) -> NDArray[np.bool_]:
    """Which rows have nearly that grey."""
    near = cv2.inRange(np.ascontiguousarray(grey), np.array([middle - levels]), np.array([middle + levels]))
    return np.asarray(cv2.reduce(near, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[:, 0] >= FLAT_SHARE * FULL)


def _is_flat(line: NDArray[np.uint8], levels: int, share: float) -> bool:
    """Whether that share of a line's samples is so near to its middle one."""
    middle = _middle(line)
    return int(np.count_nonzero((line >= middle - levels) & (line <= middle + levels))) >= share * len(line)


def _middle(line: NDArray[np.uint8]) -> int:
    """The middle one of a line's samples in order."""
    return int(np.partition(line, len(line) // 2)[len(line) // 2])
