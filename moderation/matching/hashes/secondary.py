"""pHash and dHash, 64 bits each: secondary evidence beside PDQ, and the hashes of many other systems.

Both begin with Pillow's Lanczos reduction of the grey picture, which is linear and separable: the four matrices of one
picture are two, stacked, and the picture is averaged to about 256 samples a side first with the matrices folded onto
that grid. What is left to round is what Pillow rounds. The algorithms are those of `imagehash.phash` and
`imagehash.dhash` (https://github.com/JohannesBuchner/imagehash).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.grid import Grid, folded, grid_of
from moderation.matching.hashes.pdq import Band, across, bands_of
from moderation.media.subject import Rgb

PHASH_SIDE = 32
HASH_SIDE = 8
STACKED = (PHASH_SIDE + HASH_SIDE, PHASH_SIDE + HASH_SIDE + 1)
"""Samples of one picture: upper left pHash's 32 by 32, lower right dHash's 8 by 9."""
LANCZOS_LOBES = 3
HEX_DIGITS = 16


def secondary_luma(rgb: Rgb) -> NDArray[np.uint8]:
    """The samples (40, 41) of full-size pixels that both hashes need, 0 to 255. A module-level reduction."""
    return sampled(grid_of(rgb))


def sampled(grid: Grid) -> NDArray[np.uint8]:
    """The samples (40, 41) of a picture, from its grid."""
    wide = rounded(across(grid.grey.astype(np.float32), _bands(grid.width, grid.scale, 1, mirrored=grid.from_right)))
    down = _bands(grid.height, grid.scale, 0, mirrored=grid.from_bottom)
    return rounded(across(np.ascontiguousarray(wide.T, dtype=np.float32), down)).T


def rounded(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """To bytes, as Pillow rounds after each of its two passes."""
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


def phashes(samples: NDArray[np.uint8]) -> list[int]:
    """The pHash of each of `samples` (n, 40, 41): which of its 8 by 8 lowest coefficients exceed their median."""
    grey = samples[:, :PHASH_SIDE, :PHASH_SIDE].astype(np.float64)
    cosines = _cosines()
    low = (cosines @ grey @ cosines.T).reshape(len(samples), HASH_SIDE**2)
    half = HASH_SIDE**2 // 2
    ordered = np.partition(low, (half - 1, half), axis=1)
    return _words(low > (ordered[:, half - 1, np.newaxis] + ordered[:, half, np.newaxis]) / 2)


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


@lru_cache(maxsize=128)
def _bands(size: int, scale: int, more: int, *, mirrored: bool) -> tuple[Band, ...]:
    """Pillow's Lanczos reductions of `size` pixels to 32 and to 8 (and `more`), folded onto squares of `scale`."""
    both = np.concatenate([lanczos(size, side) for side in (PHASH_SIDE, HASH_SIDE + more)])
    return bands_of(folded(both, scale, mirrored=mirrored), HASH_SIDE)


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
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + support + 0.5).astype(np.int64), size)
    pixels = first[:, np.newaxis] + np.arange((last - first).max())
    at = (pixels - centres[:, np.newaxis] + 0.5) / stretch
    near = (pixels < last[:, np.newaxis]) & (np.abs(at) < LANCZOS_LOBES)
    found = np.where(near, _lanczos3(at), 0.0)
    weights = np.zeros((side, size))
    places = pixels + np.arange(side)[:, np.newaxis] * size
    weights.reshape(-1)[places[near]] = (found / found.sum(axis=1, keepdims=True))[near]
    return weights


def _lanczos3(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """sinc(x) sinc(x / 3), with one sine by sin(3 y) = 3 sin(y) - 4 sin(y)**3."""
    angle = np.where(at == 0, np.finfo(np.float64).eps, at) * (np.pi / LANCZOS_LOBES)
    square = np.sin(angle) ** 2
    return np.asarray(square * (3 - 4 * square) / (3 * angle**2))


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    """The first 8 rows of the 32-point cosine transform (DCT-II, not normalised, as scipy's default)."""
    frequency = np.arange(HASH_SIDE)[:, np.newaxis]
    return np.asarray(2 * np.cos(np.pi / (2 * PHASH_SIDE) * frequency * (2 * np.arange(PHASH_SIDE) + 1)))
