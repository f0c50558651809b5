"""pHash and dHash, 64 bits each: secondary evidence beside PDQ, and the hashes of many other systems.

Both begin with Pillow's Lanczos reduction of the grey picture, which is linear and separable: the four matrices of one
picture are two, stacked, and the picture is averaged to about 256 samples a side first with the matrices folded onto
that grid. What is left to round is what Pillow rounds. The algorithms are those of `imagehash.phash` and
`imagehash.dhash` (https://github.com/JohannesBuchner/imagehash).
"""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import InvalidInputError
from moderation.media.subject import Rgb

PHASH_SIDE = 32
HASH_SIDE = 8
STACKED = (PHASH_SIDE + HASH_SIDE, PHASH_SIDE + HASH_SIDE + 1)
"""Samples of one picture: upper left pHash's 32 by 32, lower right dHash's 8 by 9."""
GRID_SIDE = 256
"""Pictures are averaged while their shorter side keeps so many samples."""
LANCZOS_LOBES = 3
HEX_DIGITS = 16


class Grid(NamedTuple):
    """Grey means (rows, columns) of squares of `scale` pixels; the last ones may reach beyond the picture."""

    grey: NDArray[np.uint8]
    scale: int


def secondary_luma(rgb: Rgb) -> NDArray[np.uint8]:
    """The samples (40, 41) of full-size pixels that both hashes need, 0 to 255. A module-level reduction."""
    return sampled(grid_of(rgb), rgb.shape[0], rgb.shape[1])


def grid_of(rgb: Rgb) -> Grid:
    """The grey picture, averaged while its shorter side keeps `GRID_SIDE` samples."""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    scale = 1
    while min(grey.shape) >= 2 * GRID_SIDE:
        grey = _halved(grey)
        scale *= 2
    return Grid(grey, scale)


def sampled(grid: Grid, height: int, width: int) -> NDArray[np.uint8]:
    """The samples (40, 41) of a picture of that many pixels, from its grid."""
    down = _operator(height, grid.scale, (PHASH_SIDE, HASH_SIDE))
    across = _operator(width, grid.scale, (PHASH_SIDE, HASH_SIDE + 1))
    return rounded(down @ rounded(grid.grey.astype(np.float32) @ across.T).astype(np.float32))


def rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """To bytes, as Pillow rounds after each of its two passes."""
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


def phashes(samples: NDArray[np.uint8]) -> list[int]:
    """The pHash of each of `samples` (n, 40, 41): which of its 8 by 8 lowest coefficients exceed their median."""
    grey = samples[:, :PHASH_SIDE, :PHASH_SIDE].astype(np.float64)
    cosines = _cosines()
    low = (cosines @ grey @ cosines.T).reshape(len(samples), HASH_SIDE**2)
    return _words(low > np.median(low, axis=1, keepdims=True))


def dhashes(samples: NDArray[np.uint8]) -> list[int]:
    """The dHash of each of `samples` (n, 40, 41): where a sample is brighter than its left neighbour."""
    grey = samples[:, PHASH_SIDE:, PHASH_SIDE:]
    return _words((grey[:, :, 1:] > grey[:, :, :-1]).reshape(len(samples), HASH_SIDE**2))


def to_hex64(value: int) -> str:
    """A 64-bit hash as 16 lower-case hexadecimal characters, as `str` of imagehash's hash. Raises `ValueError`."""
    if not 0 <= value < 1 << HASH_SIDE**2:
        raise ValueError("a 64-bit hash is from 0 to 2 ** 64 - 1")
    return f"{value:0{HEX_DIGITS}x}"


def from_hex64(text: str) -> int:
    """The hash that `text` writes. Raises `InvalidInputError` unless it is 16 hexadecimal characters."""
    if len(text) != HEX_DIGITS or not all(character in "0123456789abcdefABCDEF" for character in text):
        raise InvalidInputError("Not a 64-bit hash.", hint=f"pHash and dHash are {HEX_DIGITS} hexadecimal characters.")
    return int(text, 16)


def _words(bits: NDArray[np.bool_]) -> list[int]:
    return [int(word) for word in np.packbits(bits, axis=1).view(">u8")[:, 0]]


def _halved(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of squares of two by two; a side of odd length repeats its last line."""
    height, width = grey.shape
    if height % 2 or width % 2:
        grey = np.asarray(cv2.copyMakeBorder(grey, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), dtype=np.uint8)
    half = (grey.shape[1] // 2, grey.shape[0] // 2)
    return np.asarray(cv2.resize(grey, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@lru_cache(maxsize=128)
def _operator(size: int, scale: int, sides: tuple[int, ...]) -> NDArray[np.float32]:
    """Pillow's Lanczos reductions of `size` pixels to each of `sides`, stacked and folded onto squares of `scale`."""
    full = np.concatenate([lanczos(size, side) for side in sides])
    padded = np.pad(full, ((0, 0), (0, -size % scale)))
    return np.ascontiguousarray(padded.reshape(len(full), -1, scale).sum(axis=2), dtype=np.float32)


def lanczos(size: int, side: int) -> NDArray[np.float64]:
    """Pillow's antialiased Lanczos resizing of `size` samples to `side` as a matrix (side, size).

    See `precompute_coeffs` in https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c.
    """
    if size == side:
        return np.eye(side)
    scale = size / side
    stretch = max(scale, 1.0)
    support = LANCZOS_LOBES * stretch
    centres = (np.arange(side) + 0.5) * scale
    firsts = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    lasts = np.minimum((centres + support + 0.5).astype(np.int64), size)
    places = np.arange(size)
    at = (places - centres[:, np.newaxis] + 0.5) / stretch
    inside = (places >= firsts[:, np.newaxis]) & (places < lasts[:, np.newaxis]) & (np.abs(at) < LANCZOS_LOBES)
    weights = np.where(inside, np.sinc(at) * np.sinc(at / LANCZOS_LOBES), 0.0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """The first 8 rows of the 32-point cosine transform (DCT-II, not normalised, as scipy's default)."""
    frequency = np.arange(HASH_SIDE)[:, np.newaxis]
    return np.asarray(2 * np.cos(np.pi / (2 * PHASH_SIDE) * frequency * (2 * np.arange(PHASH_SIDE) + 1)))
