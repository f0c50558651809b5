"""Keypoints: whether two pictures show the same thing, which no 256-bit hash can tell when one was cut or overlaid.

A hash describes a whole picture; keypoints describe some hundred of its corners. Two pictures agree when many corners
of one lie where a single plausible homography puts those of the other (ORB, Rublee et al. 2011; RANSAC, Fischler and
Bolles 1981). Only the keypoints of a banked picture are stored, never the picture. They are evidence, not proof, and
as much a secret as the hash.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import InvalidInputError
from moderation.media.subject import Rgb

MAX_POINTS: Final = 500
SIDE: Final = 512
"""Corners are looked for with the longer side reduced to this; smaller pictures are taken as they are."""
MIN_SIDE: Final = 32
"""A picture with a shorter side has no keypoints."""
FAST_THRESHOLD: Final = 10
"""Grey levels by which a corner must differ from its circle."""
MIN_INLIERS: Final = 15
"""So many corners must agree; of 10,800 wrong pairs of photographs none reached it."""

RATIO: Final = 0.8
"""A corner's best partner must be nearer than this times its second best (Lowe 2004)."""
TOLERANCE: Final = 5.0
"""How many pixels a corner may lie from where the homography puts it."""
MAX_SCALE: Final = 8.0
"""How much larger or smaller one picture may show the other."""
MAX_STRETCH: Final = 3.0
"""How much more the homography may stretch one direction than the other, anywhere in the picture."""
CELLS: Final = 8
"""Pictures are divided into so many cells each way, to see how inliers are spread."""
MIN_CELLS: Final = 6
"""Inliers must lie in so many cells of each picture: those of a logo or a letterhead lie in few."""

VERSION: Final = 1
UNITS_PER_PIXEL: Final = 64
"""Positions are kept in this many parts of a pixel, as they are packed."""
DESCRIPTOR_BYTES: Final = 32
HEAD: Final = Struct("<BHHH")
"""Version, width and height in pixels, number of points; then the points' x and y, then the descriptors."""


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Corners of one picture of `width` by `height` pixels, best first.

    `points` is float32 of shape (n, 2), x and y in pixels; `descriptors` is uint8 of shape (n, 32); n is at most 500.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]
    width: int
    height: int


def keypoints_of(rgb: Rgb) -> Keypoints:
    """The corners of a picture; the same pixels have the same keypoints. A flat picture has none."""
    grey = _reduced(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8))
    height, width = grey.shape
    detector = cv2.ORB.create(nfeatures=MAX_POINTS, fastThreshold=FAST_THRESHOLD)
    if min(height, width) < MIN_SIDE:
        return _none(width, height)
    found, descriptors = detector.detectAndCompute(grey, None)
    if not found:
        return _none(width, height)
    points = np.array([point.pt for point in found[:MAX_POINTS]], dtype=np.float64)
    units = np.clip(np.rint(points * UNITS_PER_PIXEL), 0, np.iinfo(np.uint16).max)
    kept = np.ascontiguousarray(descriptors[:MAX_POINTS], dtype=np.uint8)
    return Keypoints((units / UNITS_PER_PIXEL).astype(np.float32), kept, width, height)


def pack(keypoints: Keypoints) -> bytes:
    """The keypoints as at most 18,007 bytes; `unpack` gives back the same."""
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

    Corners are not mirror invariant: a mirrored copy agrees only with the keypoints of the picture mirrored back.
    A plausible homography keeps the orientation, scales by at most `MAX_SCALE`, stretches by at most `MAX_STRETCH`,
    and its inliers are spread over `MIN_CELLS` cells of both pictures.
    """
    pairs = _partners(query.descriptors, entry.descriptors)
    if len(pairs) < MIN_INLIERS:
        return 0
    source, target = query.points[pairs[:, 0]], entry.points[pairs[:, 1]]
    found = _homography(source, target)
    if found is None:
        return 0
    homography, agreed = found
    count = min(len(np.unique(source[agreed], axis=0)), len(np.unique(target[agreed], axis=0)))
    if count < MIN_INLIERS or not _plausible(homography, source[agreed]):
        return 0
    spread = min(_cells(source[agreed], query), _cells(target[agreed], entry))
    return count if spread >= MIN_CELLS else 0


def _partners(query: NDArray[np.uint8], entry: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Rows of (query, entry) positions whose descriptors are clearly each other's nearest."""
    if min(len(query), len(entry)) < MIN_INLIERS:
        return np.empty((0, 2), dtype=np.intp)
    found = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(query, entry, k=2)
    kept = [
        (best.queryIdx, best.trainIdx) for best, second in found if best.distance < RATIO * second.distance
    ]  # fmt: skip
    return np.array(kept, dtype=np.intp).reshape(-1, 2)


def _homography(
    source: NDArray[np.float32], target: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """The homography on which most points agree, and which do; None when there is none."""
    found: tuple[object, object] = cv2.findHomography(source, target, cv2.RANSAC, TOLERANCE)
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


def _cells(points: NDArray[np.float32], picture: Keypoints) -> int:
    """How many cells of the picture hold at least one of the points."""
    share = points / np.array([picture.width, picture.height], dtype=np.float32)
    column, row = np.minimum((share * CELLS).astype(np.intp), CELLS - 1).T
    return len(np.unique(row * CELLS + column))


def _none(width: int, height: int) -> Keypoints:
    return Keypoints(np.empty((0, 2), np.float32), np.empty((0, DESCRIPTOR_BYTES), np.uint8), width, height)


def _reduced(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = grey.shape
    scale = SIDE / max(height, width)
    if scale >= 1:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
