"""PDQ, the perceptual hash of the field's shared lists: 256 bits, most significant first, as 32 bytes.

The published algorithm smooths the luma with two box filters, takes 64 by 64 samples, and keeps the signs of its
16 by 16 lowest cosine coefficients about their median
(https://github.com/facebook/ThreatExchange/blob/main/hashing/hashing.pdf). Smoothing and sampling are linear and
separable, so both are one pair of cached, banded matrices.
"""

from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import InvalidInputError
from moderation.media.subject import Rgb

Luma64: TypeAlias = NDArray[np.float32]
"""Smoothed luma of shape (64, 64), 0 to 255."""
Code: TypeAlias = NDArray[np.uint8]
"""A hash as 32 bytes."""

SIDE = 64
FREQUENCIES = 16
BITS = FREQUENCIES**2
CODE_BYTES = BITS // 8
HEX_DIGITS = BITS // 4
MIN_SIDE = 5
"""Smaller pictures have the all-zero hash and quality 0."""
BAND_ROWS = 4
"""Output rows computed together: few enough that the band's input stays in the processor's cache."""


class Band:
    """Output rows `start` to `end` of an operator, and the input rows `first` to `last` that they depend on."""

    __slots__ = ("end", "first", "last", "start", "weights")

    def __init__(self, operator: NDArray[np.floating], start: int, rows: int) -> None:
        self.start, self.end = start, min(start + rows, len(operator))
        weights = operator[self.start : self.end]
        used = np.flatnonzero(weights.any(axis=0))
        self.first, self.last = int(used[0]), int(used[-1]) + 1
        self.weights = np.ascontiguousarray(weights[:, self.first : self.last], dtype=np.float32)


def bands_of(operator: NDArray[np.floating], rows: int) -> tuple[Band, ...]:
    """An operator whose rows depend on their neighbourhoods, as bands of so many rows; the last may have fewer."""
    return tuple(Band(operator, start, rows) for start in range(0, len(operator), rows))


def pdq_luma64(rgb: Rgb) -> Luma64:
    """Smoothed and sampled luma of full-size pixels; zeros for a picture with a side under 5 pixels."""
    height, width = rgb.shape[:2]
    if min(height, width) < MIN_SIDE:
        return np.zeros((SIDE, SIDE), dtype=np.float32)
    if height == width == SIDE:
        return _luma(rgb)
    rows_done = np.empty((SIDE, width), dtype=np.float32)
    for band in _bands(height):
        np.matmul(band.weights, _luma(rgb[band.first : band.last]), out=rows_done[band.start : band.end])
    return across(rows_done, _bands(width))


def across(values: NDArray[np.float32], bands: tuple[Band, ...]) -> NDArray[np.float32]:
    """An operator (k, width) in bands, applied along the rows of `values` (height, width): (height, k)."""
    applied = np.empty((len(values), bands[-1].end), dtype=np.float32)
    for band in bands:
        np.matmul(values[:, band.first : band.last], band.weights.T, out=applied[:, band.start : band.end])
    return applied


def sampling(size: int) -> NDArray[np.float64]:
    """Smoothing and sampling along a side of `size` pixels (at least 5) as a matrix (64, size).

    Two box filters: a sample is the mean of the means in a window. A window is 1/128 of the side, leans towards the
    end when its length is even, and shrinks at both ends.
    """
    length = -(-size // (2 * SIDE))
    lean = (length + 2) // 2 - length
    samples = ((np.arange(SIDE) + 0.5) * size / SIDE).astype(np.int64)[:, np.newaxis]
    means = samples + lean + np.arange(length)
    exist = (means >= 0) & (means < size)
    low, high = np.maximum(means + lean, 0), np.minimum(means + lean + length, size)
    share = exist / np.maximum(high - low, 1) / exist.sum(axis=1, keepdims=True)
    pixels = samples + 2 * lean + np.arange(2 * length - 1)
    near = pixels[:, np.newaxis]
    weights = (((near >= low[..., np.newaxis]) & (near < high[..., np.newaxis])) * share[..., np.newaxis]).sum(axis=1)
    operator = np.zeros((SIDE, size))
    rows, columns = np.nonzero(weights)
    operator[rows, pixels[rows, columns]] = weights[rows, columns]
    return operator


def hash_and_quality(luma64: Luma64) -> tuple[Code, int]:
    """The hash of one picture and its quality, 0 (flat) to 100; below 50 the hash says nothing."""
    codes, qualities = hashes_and_qualities(luma64[np.newaxis])
    return codes[0], int(qualities[0])


def hashes_and_qualities(batch: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Hashes of shape (n, 32) and qualities of shape (n,) for smoothed lumas of shape (n, 64, 64)."""
    return codes_of(coefficients(batch)), qualities_of(batch)


def coefficients(batch: NDArray[np.float32]) -> NDArray[np.float64]:
    """The cosine coefficients (n, 16, 16) of frequencies 1 to 16 of smoothed lumas (n, 64, 64).

    A mirrored or transposed luma has exactly the coefficients with changed signs, or transposed, whatever rounding
    does: sums and differences of mirrored samples are taken first, and the mean of both orders of the two axes.
    """
    both = np.empty((2, *batch.shape))
    both[0], both[1] = batch, np.swapaxes(batch, 1, 2)
    half = _half_cosines()[:, np.newaxis, np.newaxis]
    products = half @ _folded(both) @ np.swapaxes(half, -1, -2)[:, np.newaxis]
    mean = (products[:, :, 0] + np.swapaxes(np.swapaxes(products[:, :, 1], 0, 1), -2, -1)) / 2
    whole = np.empty((len(batch), FREQUENCIES, FREQUENCIES))
    for columns in (0, 1):
        for rows in (0, 1):
            whole[:, rows::2, columns::2] = mean[columns, rows]
    return whole


def codes_of(block: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Hashes of shape (n, 32) for coefficients of shape (n, 16, 16): which of them exceed their median."""
    return packed(above_median(block))


def above_median(block: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the coefficients (..., 16, 16) exceed the 128th in order of the 256; that shape."""
    flat = block.reshape(-1, BITS)
    median = np.partition(flat, BITS // 2 - 1, axis=1)[:, BITS // 2 - 1, np.newaxis]
    return np.asarray(flat > median).reshape(block.shape)


def packed(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Bits of shape (..., 16, 16) as hashes of shape (n, 32), the highest frequencies first."""
    return np.packbits(bits.reshape(-1, BITS)[:, ::-1], axis=1)


def qualities_of(batch: NDArray[np.float32]) -> NDArray[np.int64]:
    """Qualities of shape (n,), 0 to 100, of smoothed lumas of shape (n, 64, 64).

    The sum of the gradients between neighbouring samples, in whole hundredths of full scale, over 90.
    """
    total = np.zeros(len(batch), dtype=np.int64)
    for steps in (batch[:, 1:] - batch[:, :-1], batch[:, :, 1:] - batch[:, :, :-1]):
        hundredths = np.trunc(np.abs(steps) * np.float32(100) / np.float32(255))
        total += hundredths.sum(axis=(1, 2)).astype(np.int64)  # under 2 ** 24, so exact in float32
    return np.minimum(total // 90, 100)


def to_hex(code: Code) -> str:
    """The hash as 64 lower-case hexadecimal characters, most significant bit first."""
    return code.tobytes().hex()


def from_hex(text: str) -> Code:
    """The hash that `text` writes. Raises `InvalidInputError` unless it is 64 hexadecimal characters."""
    if len(text) != HEX_DIGITS or not all(character in "0123456789abcdefABCDEF" for character in text):
        raise InvalidInputError(
            f"Not a PDQ hash: {text[:80]!r}.", hint=f"A PDQ hash is {HEX_DIGITS} hexadecimal characters."
        )
    return np.frombuffer(bytes.fromhex(text), dtype=np.uint8)


def _luma(rgb: Rgb) -> NDArray[np.float32]:
    """0.299 R + 0.587 G + 0.114 B, in float32 throughout as the reference has it."""
    return np.asarray(cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2GRAY), dtype=np.float32)


@lru_cache(maxsize=64)
def _bands(size: int) -> tuple[Band, ...]:
    return bands_of(sampling(size), BAND_ROWS)


def _folded(batch: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences and sums of mirrored samples along columns and rows: (2, 2, ..., 32, 32) for (..., 64, 64)."""
    near, far = batch[..., : SIDE // 2, :], batch[..., : SIDE // 2 - 1 : -1, :]
    rows = np.empty((2, *near.shape))
    np.subtract(near, far, out=rows[0])
    np.add(near, far, out=rows[1])
    left, right = rows[..., : SIDE // 2], rows[..., : SIDE // 2 - 1 : -1]
    both = np.empty((2, *left.shape))
    np.subtract(left, right, out=both[0])
    np.add(left, right, out=both[1])
    return both


@lru_cache(maxsize=1)
def _half_cosines() -> NDArray[np.float64]:
    """The left half (2, 8, 32) of the 64-point cosine transform's rows: frequencies 1, 3 to 15, and 2, 4 to 16.

    Rounded to float32 as the reference stores them.
    """
    frequency = np.arange(1, FREQUENCIES + 1)[:, np.newaxis]
    sample = 2 * np.arange(SIDE // 2) + 1
    rows = np.float32(np.sqrt(2 / SIDE)) * np.cos(np.pi / (2 * SIDE) * frequency * sample)
    exact = np.asarray(rows, dtype=np.float32).astype(np.float64)
    return np.stack([exact[0::2], exact[1::2]])
