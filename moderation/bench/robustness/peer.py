"""The rule of Hasher-Matcher-Actioner, with the field's own PDQ: within 31 bits, upright, both qualities 50."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moderation.media.subject import Rgb

DISTANCE_BITS = 31
MIN_QUALITY = 50


def available() -> bool:
    """Whether the peer's hash is installed."""
    try:
        import pdqhash  # noqa: F401, PLC0415 - a peer
    except ImportError:
        return False
    return True


class PeerHashes:
    """Hashes of known pictures; those of too low quality match nothing."""

    def __init__(self, pictures: Sequence[Rgb]) -> None:
        hashed = [_hashed(picture) for picture in pictures]
        self._codes = np.array([code for code, _ in hashed], dtype=np.uint64).reshape(-1, 4)
        self._usable = np.array([usable for _, usable in hashed], dtype=np.bool_)

    def matched(self, picture: Rgb) -> NDArray[np.intp]:
        """The places of the known pictures that it matches."""
        code, usable = _hashed(picture)
        if not usable:
            return np.empty(0, dtype=np.intp)
        distances = np.bitwise_count(self._codes ^ code).sum(axis=1)
        return np.flatnonzero((distances <= DISTANCE_BITS) & self._usable)


def _hashed(picture: Rgb) -> tuple[NDArray[np.uint64], bool]:
    import pdqhash  # noqa: PLC0415 - a peer

    bits, quality = pdqhash.compute(picture)
    return np.packbits(bits).view(np.uint64), quality >= MIN_QUALITY
