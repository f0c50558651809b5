"""PDQ in eight orientations from one block of cosine coefficients.

Mirroring a picture changes the sign of its odd frequencies, and transposing it transposes the coefficients, so no
orientation needs a transform of its own.
"""

from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moderation.matching.hashes.pdq import CODE_BYTES, FREQUENCIES, above_median, coefficients, packed


class Orientation(StrEnum):
    """How a picture is turned before it is hashed; the order is that of the rows of a picture's hashes.

    Rotations are counter-clockwise, as `numpy.rot90` has them. FLIP_X mirrors about the horizontal axis (upside down),
    FLIP_Y about the vertical one, as the reference names them; TRANSPOSE is about the main diagonal, TRANSVERSE about
    the other one. Each is its own inverse, but for the two quarter turns, which are each other's.
    """

    UPRIGHT = "upright"
    ROTATE90 = "rotate90"
    ROTATE180 = "rotate180"
    ROTATE270 = "rotate270"
    FLIP_X = "flip_x"
    FLIP_Y = "flip_y"
    TRANSPOSE = "transpose"
    TRANSVERSE = "transverse"


ORIENTATIONS: tuple[Orientation, ...] = tuple(Orientation)

_MADE_BY = MappingProxyType(
    {
        Orientation.UPRIGHT: (False, False, False),
        Orientation.ROTATE90: (True, True, False),
        Orientation.ROTATE180: (False, True, True),
        Orientation.ROTATE270: (True, False, True),
        Orientation.FLIP_X: (False, True, False),
        Orientation.FLIP_Y: (False, False, True),
        Orientation.TRANSPOSE: (True, False, False),
        Orientation.TRANSVERSE: (True, True, True),
    }
)
"""Whether to transpose, and then whether to mirror top and bottom, left and right."""


def turned(pixels: NDArray[np.generic], orientation: Orientation) -> NDArray[np.generic]:
    """A view of `pixels` (height, width, ...) so turned."""
    transposed, upside_down, mirrored = _MADE_BY[orientation]
    view = np.swapaxes(pixels, 0, 1) if transposed else pixels
    return view[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


def codes_in_all(luma64: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Hashes of shape (n, 8, 32), by `ORIENTATIONS`, of smoothed lumas of shape (n, 64, 64).

    Each is exactly what the turned luma's hash is.
    """
    mirrored = above_median(coefficients(luma64)[:, np.newaxis] * _signs())
    both = np.concatenate([mirrored, np.swapaxes(mirrored, 2, 3)], axis=1)
    return packed(both[:, _places()]).reshape(len(luma64), len(ORIENTATIONS), CODE_BYTES)


@lru_cache(maxsize=1)
def _signs() -> NDArray[np.float64]:
    """The signs (4, 16, 16) of the coefficients of a picture as it is, upside down, mirrored, and both.

    Frequency 1, the first, is odd.
    """
    alternating, same = np.where(np.arange(1, FREQUENCIES + 1) % 2, -1.0, 1.0), np.ones(FREQUENCIES)
    return np.stack([np.outer(rows, columns) for columns in (same, alternating) for rows in (same, alternating)])


@lru_cache(maxsize=1)
def _places() -> NDArray[np.int64]:
    """Where each orientation is among the four mirrored pictures and, after them, their transposes.

    To transpose and then turn upside down is to mirror and then transpose.
    """
    made = (_MADE_BY[one] for one in ORIENTATIONS)
    return np.array([4 + left + 2 * upside if transposed else upside + 2 * left for transposed, upside, left in made])
