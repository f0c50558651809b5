"""PDQ in eight orientations from one block of cosine coefficients.

Mirroring a picture changes the sign of its odd frequencies, and transposing it transposes the coefficients, so no
orientation needs a transform of its own.
"""

from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moderation.matching.pdq import CODE_BYTES, FREQUENCIES, codes_of, coefficients


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
    upright = coefficients(luma64)
    transposed = np.swapaxes(upright, 1, 2)
    views = np.stack([transposed if _MADE_BY[one][0] else upright for one in ORIENTATIONS], axis=1)
    return codes_of((views * _signs()).reshape(-1, FREQUENCIES, FREQUENCIES)).reshape(-1, len(ORIENTATIONS), CODE_BYTES)


@lru_cache(maxsize=1)
def _signs() -> NDArray[np.float64]:
    """The signs (8, 16, 16) of the coefficients in each orientation: frequency 1, the first, is odd."""
    alternating = np.where(np.arange(1, FREQUENCIES + 1) % 2, -1.0, 1.0)
    same = np.ones(FREQUENCIES)
    return np.stack(
        [
            np.outer(alternating if _MADE_BY[one][1] else same, alternating if _MADE_BY[one][2] else same)
            for one in ORIENTATIONS
        ]
    )
