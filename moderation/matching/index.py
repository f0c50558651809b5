"""The contract of every index of perceptual hashes. Each must be exact: a safety list may not lose matches."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_HITS = 100
"""Hits that a search keeps for one query unless told otherwise; a viral picture can have thousands."""


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


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of a batch of queries: parallel arrays, sorted by query, then distance, then key.

    `queries` is the query's position in the batch, `keys` the entry's key, `distances` the bits of 256 in which both
    differ. `capped` has one element for each query: whether there were more hits than the limit; then the nearest were
    kept, of equally near ones those with the smallest keys.
    """

    queries: NDArray[np.int32]
    keys: NDArray[np.int64]
    distances: NDArray[np.uint16]
    capped: NDArray[np.bool_]


class EntryIndex(Protocol):
    """Finds the keys of the entries near a hash. A key names one entry, and an entry has one hash."""

    def __len__(self) -> int:
        """How many entries it holds."""
        ...

    def search(self, codes: NDArray[np.uint8], radius: int, *, limit: int = MAX_HITS) -> Found:
        """For each of `codes` (n, 32) the entries within `radius` bits (0 to 256), the `limit` nearest if more.

        Raises `ValueError` for codes of another shape or dtype, a radius outside 0 to 256, or a limit below 1.
        """
        ...
