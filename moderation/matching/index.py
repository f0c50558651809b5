"""The contract of every index of perceptual hashes. Each must be exact: a safety list may not lose matches."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Neighbour(NamedTuple):
    """An entry by its position in the index, and in how many of the 256 bits it differs from the query."""

    position: int
    distance_bits: int


class HashIndex(Protocol):
    """Finds the entries near a hash."""

    def __len__(self) -> int:
        """How many entries it holds."""
        ...

    def search(self, codes: NDArray[np.uint8], radius: int) -> list[list[Neighbour]]:
        """For each of `codes` (n, 32) every entry within `radius` bits (0 to 256), nearest first, then by position."""
        ...
