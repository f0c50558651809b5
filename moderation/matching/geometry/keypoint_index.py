"""Which known pictures share corners with a picture: what finds a crop or a collage, of which no hash says anything.

Each descriptor is put into a few tables under some of its bits (locality-sensitive hashing, Indyk and Motwani 1998);
entries are proposed by how many descriptors meet theirs, rare meetings counting more. It proposes and misses some: the
homography decides. An entry takes 18 KB of memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.matching.geometry.keypoints import DESCRIPTOR_BYTES, Keypoints

TABLES: Final = 3
KEY_BITS: Final = 20
SEED: Final = 7
"""Of the choice of bits; it is the same in every process."""
MAX_MEETINGS: Final = 60
"""Of a key that more descriptors share only the newest are met. It says little where these are corners of letters or of
printed screens, and much where one picture was banked a hundred times."""
MIN_VOTES: Final = 3.0
"""Fewer weighted meetings are chance."""
MAX_GONE: Final = 500
"""Removed entries that are kept out one by one."""
DESCRIPTOR_BITS: Final = 8 * DESCRIPTOR_BYTES


class Proposed(NamedTuple):
    """An entry's number, and how much speaks for it: the sum over meetings of one over the root of how many met."""

    number: int
    votes: float


class _Tables(NamedTuple):
    """For each table the keys in ascending order, uint32 (TABLES, n), and the entries' numbers beside them, int64;
    those of one key in the order in which they were added.
    """

    keys: NDArray[np.uint32]
    numbers: NDArray[np.int64]


class KeypointIndex:
    """Not thread-safe: its owner guards it."""

    def __init__(self) -> None:
        self._bits = [
            np.random.default_rng([SEED, table]).permutation(DESCRIPTOR_BITS)[:KEY_BITS] for table in range(TABLES)
        ]
        self._gone: set[int] = set()
        self._tables = _Tables(np.empty((TABLES, 0), np.uint32), np.empty((TABLES, 0), np.int64))

    def add(self, entries: Iterable[tuple[int, Keypoints]]) -> None:
        """Hold these entries too, by number. All at once is many times faster than one by one."""
        known = list(entries)
        self._gone.difference_update(number for number, _ in known)
        numbers = np.concatenate(
            [np.empty(0, np.int64), *(np.full(len(one.descriptors), number, np.int64) for number, one in known)]
        )
        if not len(numbers):
            return
        keys = self._keys(np.concatenate([one.descriptors for _, one in known]))
        order = np.argsort(keys, axis=1, kind="stable")
        self._merge(np.take_along_axis(keys, order, axis=1), numbers[order])

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget entries; unknown ones are none. Their rows go when there are many of them: that takes a second."""
        self._gone.update(numbers)
        if len(self._gone) > MAX_GONE:
            gone = np.fromiter(self._gone, np.int64)
            kept = [~np.isin(row, gone) for row in self._tables.numbers]
            self._tables = _Tables(
                np.stack([row[keep] for row, keep in zip(self._tables.keys, kept, strict=True)]),
                np.stack([row[keep] for row, keep in zip(self._tables.numbers, kept, strict=True)]),
            )
            self._gone.clear()

    def near(self, query: Keypoints, limit: int) -> list[Proposed]:
        """The entries for which most speaks, at most `limit`, the likeliest first.

        Every third is one of most meetings whatever these count: each copy of a picture that was banked a hundred times
        has none but common ones.
        """
        found: list[NDArray[np.int64]] = []
        weights: list[NDArray[np.float64]] = []
        for keys, known, numbers in zip(self._keys(query.descriptors), *self._tables, strict=True):
            starts, ends = np.searchsorted(known, keys, "left"), np.searchsorted(known, keys, "right")
            counts = ends - starts
            met = np.minimum(counts, MAX_MEETINGS)
            places = np.repeat(ends - np.cumsum(met), met) + np.arange(met.sum())
            found.append(numbers[places])
            weights.append(np.repeat(1 / np.sqrt(np.maximum(counts, 1)), met))
        number, at = np.unique(np.concatenate(found), return_inverse=True)
        votes = np.bincount(at, weights=np.concatenate(weights), minlength=len(number))
        known = (votes >= MIN_VOTES) & ~np.isin(number, np.fromiter(self._gone, np.int64))
        number, votes, meetings = number[known], votes[known], np.bincount(at, minlength=len(number))[known]
        order = dict.fromkeys(_by_turns(np.lexsort((number, -votes)), np.lexsort((number, -meetings))))
        return [Proposed(int(number[place]), float(votes[place])) for place in islice(order, limit)]

    def _keys(self, descriptors: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """The key of each descriptor (n, 32) in each table: (TABLES, n)."""
        keys = np.zeros((TABLES, len(descriptors)), dtype=np.uint32)
        columns = np.ascontiguousarray(descriptors.T)
        for table, chosen in enumerate(self._bits):
            for place, bit in enumerate(chosen):
                one = (columns[bit // 8] >> np.uint8(bit % 8)) & np.uint8(1)
                keys[table] |= one.astype(np.uint32) << np.uint32(place)
        return keys

    def _merge(self, keys: NDArray[np.uint32], numbers: NDArray[np.int64]) -> None:
        places = [np.searchsorted(known, more, "right") for known, more in zip(self._tables.keys, keys, strict=True)]
        self._tables = _Tables(
            np.stack([np.insert(*parts) for parts in zip(self._tables.keys, places, keys, strict=True)]),
            np.stack([np.insert(*parts) for parts in zip(self._tables.numbers, places, numbers, strict=True)]),
        )


def _by_turns(votes: NDArray[np.intp], meetings: NDArray[np.intp]) -> Iterator[int]:
    """Two of the first for one of the second; some come twice."""
    for turn, place in enumerate(meetings):
        yield from votes[2 * turn : 2 * turn + 2].tolist()
        yield int(place)
