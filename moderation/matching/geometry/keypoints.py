"""Keypoints: whether two pictures show the same thing, which no 256-bit hash can tell when one was cut or overlaid.

A hash describes a whole picture; keypoints describe some hundred of its corners, fine and coarse ones. Two pictures
agree when many corners of one lie where a single plausible homography puts those of the other (ORB, Rublee et al. 2011;
RANSAC, Fischler and Bolles 1981). Only the keypoints of a banked picture are stored, never the picture. They are
evidence, not proof, and as much a secret as the hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import MIN_INLIERS
from moderation.domain.errors import InvalidInputError
from moderation.media.subject import Rgb

MAX_POINTS: Final = 500
"""Kept of a banked picture."""
QUERY_POINTS: Final = 800
"""Kept of a picture that is looked up: a banked one may fill no more than a quarter of it."""
DETECTED: Final = 2000
"""Corners looked for; of these the best of every cell are kept, so that a line of text does not take all."""
COARSE_LEVEL: Final = 4
"""From this level of the detector's pyramid on, about half the size, corners are coarse: those that a copy at half the
size, or blurred, still has."""
COARSE_POINTS: Final = 250
"""Places for these, so that fine corners, of which there are more and stronger ones, do not take all."""
SPREAD_CELLS: Final = 10
"""Cells each way of that."""
FAST_THRESHOLD: Final = 7
"""Grey levels by which a corner must differ from its circle."""
SIDE: Final = 512
"""Corners are looked for with the longer side reduced to this."""
ENLARGED_SIDE: Final = 256
"""Smaller pictures are enlarged to this."""
MIN_SIDE: Final = 32
"""A picture with a shorter side, then, has no keypoints."""

RATIO: Final = 0.8
"""A corner's best partner must be nearer than this times its second best (Lowe 2004)."""
TOLERANCE: Final = 5.0
"""How many pixels a corner may lie from where the homography puts it."""
MAX_SAMPLES: Final = 10_000
"""Homographies that are tried at most: enough to find one on which a seventh of the partners agree. Most of them are
left after some corners (Matas and Chum 2005), so that a wrong pair takes a millisecond."""
CONFIDENCE: Final = 0.9999
"""Of having found the best one, before fewer are tried."""
MAX_SCALE: Final = 8.0
"""How much larger or smaller one picture may show the other."""
MAX_STRETCH: Final = 3.0
"""How much more the homography may stretch one direction than the other, anywhere in the picture."""
CELLS: Final = 8
"""Pictures are divided into so many cells each way, to see where corners agree."""
MIN_CORNERS: Final = 2
"""A cell with fewer corners says nothing."""
MIN_SUPPORT: Final = 0.4
"""Of the cells that both pictures show, the share in which corners must agree: two screenshots of one app, two letters
of one company agree in the frame and nowhere else."""
MIN_CELLS: Final = 16
"""Corners must agree in so many cells of one of the pictures, and in half as many of the other: a logo fills fewer."""

VERSION: Final = 1
UNITS_PER_PIXEL: Final = 64
"""Positions are kept in this many parts of a pixel, as they are packed."""
DESCRIPTOR_BYTES: Final = 32
HEAD: Final = Struct("<BHHH")
"""Version, width and height in pixels, number of points; then the points' x and y, then the descriptors."""


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Corners of one picture of `width` by `height` pixels, the fine ones first.

    `points` is float32 of shape (n, 2), x and y in pixels; `descriptors` is uint8 of shape (n, 32); n is at most 500 of
    a banked picture, 800 of one that is looked up.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]
    width: int
    height: int


class Corners(NamedTuple):
    """Where a picture's corners are: the grey picture, reduced or enlarged, and what the detector found in it."""

    grey: NDArray[np.uint8]
    found: Sequence[cv2.KeyPoint]


def keypoints_of(rgb: Rgb) -> Keypoints:
    """The keypoints of a picture for a bank; the same pixels have the same ones. A flat picture has none."""
    return described(corners_of(rgb, MAX_POINTS))


def corners_of(rgb: Rgb, most: int = QUERY_POINTS) -> Corners:
    """The corners of a picture, at most so many: what takes most of the time."""
    grey = _sized(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8))
    height, width = grey.shape
    if not MIN_SIDE <= min(height, width) <= max(height, width) <= SIDE:
        return Corners(grey, ())
    return Corners(grey, _chosen(_detector().detect(grey), width, height, most))


def described(corners: Corners, *, mirrored: bool = False) -> Keypoints:
    """The keypoints of a picture whose corners are known, or of that picture mirrored left to right."""
    grey, found = corners
    height, width = grey.shape
    if mirrored:
        grey, found = np.ascontiguousarray(grey[:, ::-1]), [_mirrored(corner, width) for corner in found]
    kept, descriptors = _detector().compute(grey, found) if found else ((), None)
    if not kept:
        return _none(width, height)
    points = np.array([point.pt for point in kept], dtype=np.float64)
    units = np.clip(np.rint(points * UNITS_PER_PIXEL), 0, np.iinfo(np.uint16).max)
    rows = np.ascontiguousarray(descriptors, dtype=np.uint8)
    return Keypoints((units / UNITS_PER_PIXEL).astype(np.float32), rows, width, height)


def pack(keypoints: Keypoints) -> bytes:
    """The keypoints of a banked picture as at most 18,007 bytes; `unpack` gives back the same."""
    units = np.rint(keypoints.points.astype(np.float64) * UNITS_PER_PIXEL).astype("<u2")
    head = HEAD.pack(VERSION, keypoints.width, keypoints.height, len(units))
    return head + units.tobytes() + keypoints.descriptors.tobytes()


def unpack(data: bytes) -> Keypoints:
    """What `pack` packed. Raises `InvalidInputError` for anything else; the bytes may come from outside."""
    if len(data) < HEAD.size or data[0] != VERSION:
        raise InvalidInputError("Not keypoints of a known version.")
    _, width, height, count = HEAD.unpack_from(data)
    if not 0 < width <= SIDE or not 0 < height <= SIDE or count > MAX_POINTS:
        raise InvalidInputError(f"Keypoints are of a picture of at most {SIDE} pixels, and at most {MAX_POINTS}.")
    if len(data) != HEAD.size + count * (4 + DESCRIPTOR_BYTES):
        raise InvalidInputError(f"{count} keypoints do not take {len(data)} bytes.")
    units = np.frombuffer(data, dtype="<u2", count=2 * count, offset=HEAD.size).reshape(count, 2)
    points = (units / UNITS_PER_PIXEL).astype(np.float32)
    if (points > (width, height)).any():
        raise InvalidInputError("A keypoint lies outside its picture.")
    descriptors = np.frombuffer(data, dtype=np.uint8, offset=HEAD.size + 4 * count).reshape(count, DESCRIPTOR_BYTES)
    return Keypoints(points, descriptors, width, height)


def inliers(query: Keypoints, entry: Keypoints) -> int:
    """How many corners agree under one plausible homography; 0 when there is none.

    Corners are not mirror invariant: a mirrored copy agrees only with the keypoints of the picture mirrored back. A
    plausible homography keeps the orientation, scales by at most `MAX_SCALE`, stretches by at most `MAX_STRETCH`; and
    corners agree wherever both pictures have some, not in one part that other pictures share: `MIN_SUPPORT`.
    """
    pairs = _partners(query.descriptors, entry.descriptors)
    if len(pairs) < MIN_INLIERS:
        return 0
    source, target = query.points[pairs[:, 0]], entry.points[pairs[:, 1]]
    found = _homography(source, target)
    if found is None:
        return 0
    homography, agreed = found
    source, target = source[agreed], target[agreed]
    count = min(len(np.unique(source, axis=0)), len(np.unique(target, axis=0)))
    if count < MIN_INLIERS or not _plausible(homography, source):
        return 0
    there = _Support(query, entry, homography, source)
    back = _Support(entry, query, np.linalg.inv(homography).astype(np.float64), target)
    few, many = sorted((there.cells, back.cells))
    supported = min(there.share, back.share) >= MIN_SUPPORT and many >= MIN_CELLS and few >= MIN_CELLS // 2
    return count if supported else 0


class _Support:
    """In how many `cells` of a picture corners agree with another's, and in what `share` of those that both show."""

    def __init__(
        self, picture: Keypoints, other: Keypoints, homography: NDArray[np.float64], agreed: NDArray[np.float32]
    ) -> None:
        there = _mapped(homography, picture.points)
        shown = ((there >= 0) & (there < (other.width, other.height))).all(axis=1)
        corners = _counts(picture.points[shown], picture)
        agreeing = _counts(agreed, picture)
        telling = corners >= MIN_CORNERS
        self.cells = int((agreeing > 0).sum())
        self.share = float((agreeing[telling] > 0).mean()) if telling.any() else 0.0


def _partners(query: NDArray[np.uint8], entry: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Rows of (query, entry) positions whose descriptors are clearly each other's nearest."""
    if min(len(query), len(entry)) < MIN_INLIERS:
        return np.empty((0, 2), dtype=np.intp)
    distances, places = cv2.batchDistance(query, entry, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=2)
    clear = np.flatnonzero(distances[:, 0] < RATIO * distances[:, 1])
    return np.stack([clear, places[clear, 0]], axis=1).astype(np.intp)


def _homography(
    source: NDArray[np.float32], target: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """The homography on which most points agree, and which do; None when there is none."""
    found: tuple[object, object] = cv2.findHomography(
        source, target, cv2.USAC_ACCURATE, TOLERANCE, maxIters=MAX_SAMPLES, confidence=CONFIDENCE
    )
    if found[0] is None:
        return None
    return np.asarray(found[0], dtype=np.float64), np.asarray(found[1]).ravel().astype(bool)


def _plausible(homography: NDArray[np.float64], points: NDArray[np.float32]) -> bool:
    """Whether it could be a picture's edit, by its derivative at each of `points`: scale, stretch and orientation."""
    if not np.isfinite(homography).all():
        return False
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    (a, b, c), (d, e, f), (g, h, i) = homography
    weight = g * x + h * y + i
    if (weight <= 0).any() and (weight >= 0).any():
        return False
    u, v = (a * x + b * y + c) / weight, (d * x + e * y + f) / weight
    jacobian = np.array([[(a - g * u), (b - h * u)], [(d - g * v), (e - h * v)]]) / weight
    sizes = np.linalg.svd(np.moveaxis(jacobian, 2, 0), compute_uv=False)
    oriented = np.linalg.det(np.moveaxis(jacobian, 2, 0)) > 0
    sane = (sizes[:, 0] <= MAX_SCALE) & (sizes[:, 1] >= 1 / MAX_SCALE) & (sizes[:, 0] <= MAX_STRETCH * sizes[:, 1])
    return bool((oriented & sane).all())


def _mapped(homography: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Where the homography puts points (n, 2); what it puts behind the picture is not a number."""
    x, y, weight = homography @ np.vstack([points.T, np.ones(len(points))])
    weight = np.where(weight * homography[2, 2] > 0, weight, np.nan)
    return np.stack([x / weight, y / weight], axis=1)


def _counts(points: NDArray[np.float32], picture: Keypoints) -> NDArray[np.int64]:
    """How many of the points each of the picture's cells holds."""
    return np.bincount(_cells(points, picture.width, picture.height, CELLS), minlength=CELLS * CELLS)


def _cells(points: NDArray[np.floating], width: int, height: int, cells: int) -> NDArray[np.intp]:
    """The cell of each point (n, 2), of `cells` each way, row by row."""
    column, row = np.minimum((points / (width, height) * cells).astype(np.intp), cells - 1).T
    return np.asarray(row * cells + column, dtype=np.intp)


def _detector() -> cv2.ORB:
    return cv2.ORB.create(nfeatures=DETECTED, fastThreshold=FAST_THRESHOLD)


def _mirrored(corner: cv2.KeyPoint, width: int) -> cv2.KeyPoint:
    x, y = corner.pt
    return cv2.KeyPoint(width - 1 - x, y, corner.size, (180 - corner.angle) % 360, corner.response, corner.octave)


def _chosen(found: Sequence[cv2.KeyPoint], width: int, height: int, most: int) -> list[cv2.KeyPoint]:
    """At most so many, `COARSE_POINTS` of them coarse, or more of one kind where there are not enough of the other."""
    coarse = _spread([one for one in found if one.octave >= COARSE_LEVEL], width, height)
    fine = _spread([one for one in found if one.octave < COARSE_LEVEL], width, height)
    fine = fine[: most - min(len(coarse), COARSE_POINTS)]
    return fine + coarse[: most - len(fine)]


def _spread(found: Sequence[cv2.KeyPoint], width: int, height: int) -> list[cv2.KeyPoint]:
    """The strongest of every cell, then the second strongest, and so on."""
    if not found:
        return []
    strength = np.array([point.response for point in found])
    cells = _cells(np.array([point.pt for point in found]), width, height, SPREAD_CELLS)
    order = np.lexsort((-strength, cells))
    rank = np.empty(len(found), dtype=np.intp)
    rank[order] = np.arange(len(found)) - np.searchsorted(cells[order], cells[order])
    return [found[place] for place in np.lexsort((-strength, rank))]


def _none(width: int, height: int) -> Keypoints:
    return Keypoints(np.empty((0, 2), np.float32), np.empty((0, DESCRIPTOR_BYTES), np.uint8), width, height)


def _sized(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    longer = max(grey.shape)
    if ENLARGED_SIDE <= longer <= SIDE:
        return grey
    scale = (SIDE if longer > SIDE else ENLARGED_SIDE) / longer
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=interpolation), dtype=np.uint8)
