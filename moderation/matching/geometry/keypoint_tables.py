"""Rows of a key and a slot: many in buckets, one for every key, and a few new ones beside them in order.

A slot is 4 bytes and its key none: a bucket is found by its key. To add to the buckets copies them all, so rows wait in
`SortedRows` until they are many.
"""

from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

KEY_BITS: Final = 20
KEYS: Final = 1 << KEY_BITS


class Span(NamedTuple):
    """For each key where its rows begin and end; of one key the newer rows come later."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many rows each key has."""
        return np.asarray(self.ends - self.starts)

    def last(self, most: NDArray[np.int64]) -> NDArray[np.int64]:
        """The places of the newest rows of every key, `most` of each at most; keys one after the other."""
        met = np.minimum(self.counts, most)
        return np.asarray(np.repeat(self.ends - np.cumsum(met), met) + np.arange(met.sum()))


class SortedRows(NamedTuple):
    """Keys in ascending order, uint32 (n), and the slots beside them, int32; those of one key in order of addition."""

    keys: NDArray[np.uint32]
    slots: NDArray[np.int32]

    @classmethod
    def empty(cls) -> Self:
        """No rows."""
        return cls(np.empty(0, np.uint32), np.empty(0, np.int32))

    def with_rows(self, keys: NDArray[np.uint32], slots: NDArray[np.int32]) -> "SortedRows":
        """These rows and more, in any order of keys."""
        order = np.argsort(keys, kind="stable")
        keys, slots = keys[order], slots[order]
        places = np.searchsorted(self.keys, keys, "right")
        return SortedRows(np.insert(self.keys, places, keys), np.insert(self.slots, places, slots))

    def spans(self, keys: NDArray[np.uint32]) -> Span:
        """Where the rows of these keys are."""
        return Span(np.searchsorted(self.keys, keys, "left"), np.searchsorted(self.keys, keys, "right"))


class Buckets(NamedTuple):
    """`offsets`, int32 (`KEYS` + 1): a key's rows are those from its offset to the next one's; under 2**31 in all."""

    offsets: NDArray[np.int32]
    slots: NDArray[np.int32]

    @classmethod
    def empty(cls) -> Self:
        """No rows."""
        return cls(np.zeros(KEYS + 1, np.int32), np.empty(0, np.int32))

    def with_rows(self, rows: SortedRows) -> "Buckets":
        """These rows and newer ones."""
        places = self.offsets[rows.keys.astype(np.int64) + 1]
        offsets = self.offsets.copy()
        offsets[1:] += np.cumsum(np.bincount(rows.keys, minlength=KEYS), dtype=np.int32)
        return Buckets(offsets, np.insert(self.slots, places, rows.slots))

    def only(self, live: NDArray[np.bool_]) -> "Buckets":
        """Without the rows whose slot is not live."""
        kept = live[self.slots]
        before = np.concatenate([np.zeros(1, np.int32), np.cumsum(kept, dtype=np.int32)])
        return Buckets(before[self.offsets], self.slots[kept])

    def spans(self, keys: NDArray[np.uint32]) -> Span:
        """Where the rows of these keys are."""
        at = keys.astype(np.int64)
        return Span(self.offsets[at].astype(np.int64), self.offsets[at + 1].astype(np.int64))
