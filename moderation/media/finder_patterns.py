"""A fast look for the corner marks of QR codes, so that the slow detector runs on few pictures.

A corner mark (ISO/IEC 18004, section 6.3.3) is a dark square in a light one in a dark one: a line through its middle,
at whatever angle, crosses dark, light, dark, light, dark in the proportions 1:1:3:1:1. A picture with three marks that
can be the corners of a code, or two large ones of the same size, is worth the detector's time.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

ROW_STEP = 2
"""Rows that are scanned: the middle square of the smallest mark is three modules of `LEAST_MODULE` pixels."""
LEAST_MODULE = 1.7
"""Pixels. The detector reads hardly any code with smaller modules, and textures are full of such marks."""
RATIOS = np.array([1, 1, 3, 1, 1], np.float32)
MODULES = 7
TOLERANCE = 0.55
"""Of a module, by which a run of one module may be off, beside half a pixel of each edge."""
COLUMN = np.array([0, 1, 0, 1, 1, 1, 0, 1, 0], np.uint8)
"""A mark's modules from top to bottom through the middle, 1 for dark, with the light ones around it."""
SIDES = np.array([[-4, 4]], np.float32)
"""Modules from the middle to where it is light again."""
STRETCHES = (0.65, 0.8, 1.0, 1.25, 1.5)
"""How much taller than wide a mark may look: codes on things are seen at an angle."""
SHIFTS = (-0.5, 0.0, 0.5)
"""Modules by which the scanned row may miss the mark's middle."""
COLUMN_PLACES = np.array(
    [[shift + stretch * step for stretch in STRETCHES for shift in SHIFTS for step in range(-4, 5)]], np.float32
)
"""Modules from the row to where a column is read, `COLUMN` after `COLUMN` for every stretch and shift."""
LEAST_SUPPORT = 0.5
"""Of the scanned rows in the height of a module, how many must show the mark."""
BLOCK = 41
"""Side in pixels of the neighbourhood whose mean parts dark from light."""
CONTRAST = 9
"""Grey levels by which a dark pixel is darker than that mean: most codes of two greys 30 levels apart are found."""
MAX_HITS = 2_000
"""Rows through marks. Photographs have 30; where there are more, nobody looks for the three of a code among them."""
MAX_GROUPS = 160
"""The same for places that may be marks."""
CHUNK = 4_000
"""Crossings that are looked at together, which bounds the memory: stripes have tens of thousands."""
MAX_MARKS = 40
LEAST_APART, MOST_APART = 9.0, 260.0
"""Modules between the middles of two marks: 14 in the smallest code, 170 along a side of the largest."""
SAME_SIZE = 1.8
"""How much larger one mark of a code may look than another."""
SAME_LENGTH = 2.0
"""How much longer one side of a code may look than the other, seen at an angle."""
MOST_COSINE = 0.6
"""Of the angle at its corner."""
PAIR_SIZE, PAIR_MODULE = 1.25, 3.0
PAIR_LEAST_APART, PAIR_MOST_APART = 12.0, 90.0
"""The same for two marks whose third is covered or lost; there textures have many pairs, so less is allowed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A corner mark: its middle and the size of a module, in pixels."""

    x: float
    y: float
    module: float


def suspects(grey: NDArray[np.uint8]) -> tuple[int, int]:
    """How many marks `grey` (height, width) has, dark on light and light on dark; 0 where none can be of one code.

    `MAX_MARKS` where there are too many to tell: decoys hide no code.
    """
    dark = dark_and_light(grey)
    return _suspects(dark), _suspects(1 - dark)


def dark_and_light(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 where a pixel of (height, width) is darker than its neighbourhood, 0 elsewhere."""
    threshold = cv2.adaptiveThreshold(grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, BLOCK, CONTRAST)
    return np.asarray(threshold, dtype=np.uint8)


def marks(dark: NDArray[np.uint8]) -> list[Mark]:
    """The corner marks in `dark` (1 where dark), those that most rows show first; at most `MAX_MARKS`."""
    return _marks(_groups(_hits(dark)[:MAX_HITS]))


def _suspects(dark: NDArray[np.uint8]) -> int:
    hits = _hits(dark)
    groups = _groups(hits[:MAX_HITS])
    if len(hits) > MAX_HITS or len(groups) >= MAX_GROUPS:
        return MAX_MARKS
    return _count(_marks(groups))


def _hits(dark: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Rows through the middle of marks: (n, 3) of x, y and the module's width."""
    found = _crossings(dark)
    parts = [_confirmed(found[start : start + CHUNK], dark) for start in range(0, len(found), CHUNK)]
    return np.concatenate(parts) if parts else found


def _count(found: list[Mark]) -> int:
    paired = any(_is_pair(*pair) for pair in combinations(found, 2))
    return len(found) if paired or any(_is_corner(mark, found) for mark in found) else 0


def _is_pair(first: Mark, second: Mark) -> bool:
    small, large = sorted((first.module, second.module))
    alike = small >= PAIR_MODULE and large <= PAIR_SIZE * small
    return alike and PAIR_LEAST_APART <= _apart(first, second) <= PAIR_MOST_APART


def _is_corner(mark: Mark, found: list[Mark]) -> bool:
    """Whether two others stand to the mark as the corners at the ends of a code's sides do."""
    sides = [(other.x - mark.x, other.y - mark.y) for other in found if _belong_together(mark, other)]
    return any(_is_right_angle(*pair) for pair in combinations(sides, 2))


def _is_right_angle(first: tuple[float, float], second: tuple[float, float]) -> bool:
    short, long = sorted((math.hypot(*first), math.hypot(*second)))
    cosine = (first[0] * second[0] + first[1] * second[1]) / (short * long)
    return long <= SAME_LENGTH * short and abs(cosine) <= MOST_COSINE


def _belong_together(first: Mark, second: Mark) -> bool:
    small, large = sorted((first.module, second.module))
    return large <= SAME_SIZE * small and LEAST_APART <= _apart(first, second) <= MOST_APART


def _apart(first: Mark, second: Mark) -> float:
    """Modules between the middles."""
    return math.dist((first.x, first.y), (second.x, second.y)) / ((first.module + second.module) / 2)


def _crossings(dark: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where rows run in the proportions of a mark: (n, 3) of middle x, y and the module's width."""
    rows = dark[::ROW_STEP].ravel()
    width = dark.shape[1]
    edges = np.flatnonzero(rows[1:] != rows[:-1]) + 1
    runs = len(RATIOS)
    if len(edges) <= runs:
        return np.empty((0, 3), np.float32)
    at = np.flatnonzero((rows[edges[:-runs]] == 1) & (edges[:-runs] // width == (edges[runs:] - 1) // width))
    lengths = np.stack([edges[at + step + 1] - edges[at + step] for step in range(runs)], axis=1).astype(np.float32)
    module = lengths.sum(axis=1) / MODULES
    off = np.abs(lengths - module[:, None] * RATIOS)
    fits = (off <= module[:, None] * TOLERANCE * np.sqrt(RATIOS) + 0.5).all(axis=1)
    at_fit = np.flatnonzero(fits & (module >= LEAST_MODULE))
    starts, ends = edges[at[at_fit]], edges[at[at_fit] + runs]
    middle = (starts + ends - 1) / 2 - starts // width * width
    return np.stack([middle, starts // width * ROW_STEP, module[at_fit]], axis=1).astype(np.float32, copy=False)


def _confirmed(found: NDArray[np.float32], dark: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Those whose column reads like their row at one of the stretches and shifts, with light around the mark.

    Rows and columns are read in the middle of each module; outside of the picture everything is light.
    """
    around = np.asarray(cv2.copyMakeBorder(dark, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0,)), dtype=np.uint8)
    sides = _sampled(around, found[:, 0:1] + 1 + found[:, 2:3] * SIDES, found[:, 1:2] + 1)
    found = found[(sides == 0).all(axis=1)]
    x, y, module = found[:, 0:1] + 1, found[:, 1:2] + 1, found[:, 2:3]
    columns = _sampled(around, x, y + module * COLUMN_PLACES).reshape(
        len(found), len(STRETCHES) * len(SHIFTS), len(COLUMN)
    )
    seen: NDArray[np.bool_] = (columns == COLUMN).all(axis=2).any(axis=1)
    return found[seen]


def _sampled(around: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values of `around` at the rounded places; beyond its edges those of the edge."""
    height, width = around.shape
    columns = np.clip(np.rint(x), 0, width - 1).astype(np.intp)
    rows = np.clip(np.rint(y), 0, height - 1).astype(np.intp)
    return np.asarray(around[rows, columns], dtype=np.uint8)


def _groups(hits: NDArray[np.float32]) -> list[list[Mark]]:
    """Hits within two modules of one another are one mark; the first `MAX_GROUPS` of them."""
    groups: list[list[Mark]] = []
    for x, y, module in hits.tolist():
        hit = Mark(x, y, module)
        near = next((group for group in groups if _is_near(hit, group[0])), None)
        if near is not None:
            near.append(hit)
        elif len(groups) < MAX_GROUPS:
            groups.append([hit])
    return groups


def _marks(groups: list[list[Mark]]) -> list[Mark]:
    found = [(_middle(group), len(group)) for group in sorted(groups, key=len, reverse=True)]
    return [mark for mark, rows in found if rows >= LEAST_SUPPORT * mark.module / ROW_STEP][:MAX_MARKS]


def _is_near(hit: Mark, other: Mark) -> bool:
    near = 2 * max(hit.module, other.module)
    return abs(hit.x - other.x) <= near and abs(hit.y - other.y) <= near + 2 * ROW_STEP


def _middle(group: list[Mark]) -> Mark:
    count = len(group)
    x, y, module = (sum(values) / count for values in zip(*((hit.x, hit.y, hit.module) for hit in group), strict=True))
    return Mark(x, y, module)
