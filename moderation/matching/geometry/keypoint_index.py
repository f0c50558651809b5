"""Which known pictures share corners with a picture: what finds a crop or a collage, of which no hash says anything.

Each descriptor is put into a few tables under some of its bits (locality-sensitive hashing, Indyk and Motwani 1998);
entries are proposed by how many descriptors meet theirs, rare meetings counting more. It proposes and misses some: the
homography decides. An entry takes 6 KB of memory; the buckets 13 MB, however few there are.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.matching.geometry.keypoint_tables import KEY_BITS, Buckets, SortedRows
from moderation.matching.geometry.keypoints import DESCRIPTOR_BYTES, Keypoints

TABLES: Final = 3
SEED: Final = 7
"""Of the choice of bits; it is the same in every process."""
MAX_MEETINGS: Final = 60
"""Of a key that more descriptors share only the newest are met. It says little where these are corners of letters or of
printed screens, and much where one picture was banked a hundred times."""
MIN_VOTES: Final = 3.0
"""Fewer weighted meetings are chance."""
MAX_GONE: Final = 500
"""Removed entries that are kept out one by one."""
MERGE_AFTER: Final = 500_000
"""Descriptors, of a thousand entries: what one addition then costs does not depend on how many are held."""
DESCRIPTOR_BITS: Final = 8 * DESCRIPTOR_BYTES


class Proposed(NamedTuple):
    """An entry's number, and how much speaks for it: the sum over meetings of one over the root of how many met."""

    number: int
    votes: float


class KeypointIndex:
    """Not thread-safe: its owner guards it. `merge_after` descriptors that are new are put into the buckets."""

    def __init__(self, *, merge_after: int = MERGE_AFTER) -> None:
        self._bits = [
            np.random.default_rng([SEED, table]).permutation(DESCRIPTOR_BITS)[:KEY_BITS] for table in range(TABLES)
        ]
        self._merge_after = merge_after
        self._numbers = np.empty(0, np.int64)
        self._live = np.empty(0, np.bool_)
        self._slots: dict[int, int] = {}
        self._gone = 0
        self._buckets = [Buckets.empty() for _ in range(TABLES)]
        self._new = [SortedRows.empty() for _ in range(TABLES)]

    def add(self, entries: Iterable[tuple[int, Keypoints]]) -> None:
        """Hold these entries too, by number, instead of what was held of them. Many at once are faster."""
        known = list(dict(entries).items())
        if not known:
            return
        self.remove([number for number, _ in known])
        first, numbers = len(self._numbers), [number for number, _ in known]
        slots = np.repeat(
            np.arange(first, first + len(known), dtype=np.int32), [len(one.descriptors) for _, one in known]
        )
        self._numbers = np.concatenate([self._numbers, np.array(numbers, np.int64)])
        self._live = np.concatenate([self._live, np.ones(len(known), np.bool_)])
        self._slots.update(zip(numbers, range(first, first + len(known)), strict=True))
        keys = self._keys(np.concatenate([one.descriptors for _, one in known]))
        self._new = [rows.with_rows(more, slots) for rows, more in zip(self._new, keys, strict=True)]
        if len(self._new[0].keys) >= self._merge_after:
            self._merge()

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget entries; unknown ones are none. Their rows go when there are many of them."""
        slots = [slot for number in numbers if (slot := self._slots.pop(number, None)) is not None]
        self._live[slots] = False
        self._gone += len(slots)
        if self._gone > MAX_GONE:
            self._forget()

    def near(self, query: Keypoints, limit: int) -> list[Proposed]:
        """The entries for which most speaks, at most `limit`, the likeliest first.

        Every third is one of most meetings whatever these count: each copy of a picture that was banked a hundred times
        has none but common ones.
        """
        found: list[NDArray[np.int32]] = []
        weights: list[NDArray[np.float64]] = []
        for keys, buckets, new in zip(self._keys(query.descriptors), self._buckets, self._new, strict=True):
            old_span, new_span = buckets.spans(keys), new.spans(keys)
            each = 1 / np.sqrt(np.maximum(old_span.counts + new_span.counts, 1))
            most = np.full(len(keys), MAX_MEETINGS)
            for rows, span in ((new.slots, new_span), (buckets.slots, old_span)):
                met = np.minimum(span.counts, most)
                found.append(rows[span.last(most)])
                weights.append(np.repeat(each, met))
                most -= met
        met_slots, size = np.concatenate(found), len(self._numbers)
        votes = np.bincount(met_slots, weights=np.concatenate(weights), minlength=size)
        meetings = np.bincount(met_slots, minlength=size)
        slots = np.flatnonzero((votes >= MIN_VOTES) & self._live)
        number, votes, meetings = self._numbers[slots], votes[slots], meetings[slots]
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

    def _forget(self) -> None:
        self._merge()
        self._buckets = [buckets.only(self._live) for buckets in self._buckets]
        self._gone = 0

    def _merge(self) -> None:
        for table, rows in enumerate(self._new):
            self._buckets[table] = self._buckets[table].with_rows(rows)
            self._new[table] = SortedRows.empty()


def _by_turns(votes: NDArray[np.intp], meetings: NDArray[np.intp]) -> Iterator[int]:
    """Two of the first for one of the second; some come twice."""
    for turn, place in enumerate(meetings):
        yield from votes[2 * turn : 2 * turn + 2].tolist()
        yield int(place)
