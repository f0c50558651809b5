"""The index that a process searches: a base file shared with other processes, and what changed since in memory."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.matching.index import MAX_HITS, Found
from moderation.matching.multi_index import compiled
from moderation.matching.multi_index.delta import Delta
from moderation.matching.multi_index.file import IndexFile
from moderation.matching.multi_index.hits import check_search, in_parts
from moderation.matching.multi_index.layout import Arrays, Hits, words_of


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one search sees. `size` is the number of keys that count."""

    base: Arrays | None
    delta: Delta
    size: int

    def collect(self, queries: NDArray[np.uint64], radius: int, hits: Hits) -> None:
        """Offer every hit."""
        if self.base is not None and len(self.base):
            compiled.search_arrays(self.base, self.delta.removed, queries, radius, hits)
        if self.delta.count:
            compiled.scan_rows(self.delta.rows, queries, radius, hits)


class LiveIndex:
    """Implements `EntryIndex`. Searches never wait: each sees one snapshot; changes wait for each other.

    `checkpoint` is the number of the last change that was applied: the base's at first, and then what the caller, who
    follows the changes, sets it to.
    """

    def __init__(self, base: IndexFile | None = None) -> None:
        self._changing = threading.Lock()
        self._rows: dict[int, int] = {}
        self._snapshot = _unchanged(None if base is None else base.arrays)
        self._built_to = 0 if base is None else base.checkpoint
        self.checkpoint = self._built_to

    def __len__(self) -> int:
        """How many entries it holds."""
        return self._snapshot.size

    @property
    def built_to(self) -> int:
        """The checkpoint of the base, 0 without one."""
        return self._built_to

    @property
    def overlay(self) -> tuple[int, int]:
        """How many entries are held in memory, and how many keys of older ones are marked as removed."""
        snapshot, rows = self._snapshot, len(self._rows)
        return rows, len(snapshot.delta.removed)

    def search(self, codes: NDArray[np.uint8], radius: int, *, limit: int = MAX_HITS) -> Found:
        """See `EntryIndex.search`."""
        check_search(radius, limit)
        queries, snapshot = words_of(codes), self._snapshot
        return in_parts(queries, limit, snapshot.size, lambda part, hits: snapshot.collect(part, radius, hits))

    def add(self, keys: Sequence[int], codes: NDArray[np.uint8]) -> None:
        """Hold these entries, `codes` (n, 32); one whose key it holds already is replaced.

        Raises `ValueError` for codes of another shape, another number of keys, or a key that is there twice.
        """
        words, numbers = words_of(codes), np.asarray(keys, dtype=np.int64).reshape(-1)
        if len(words) != len(numbers):
            raise ValueError(f"{len(numbers)} keys for {len(words)} codes")
        added = numbers.tolist()
        if len(set(added)) != len(added):
            raise ValueError("a key is there twice")
        with self._changing:
            snapshot = self._without(numbers)
            first = snapshot.delta.count
            delta = snapshot.delta.with_rows(words, numbers)
            self._snapshot = Snapshot(snapshot.base, delta, snapshot.size + len(added))
            self._rows.update(zip(added, range(first, first + len(added)), strict=True))

    def remove(self, keys: Sequence[int]) -> None:
        """Hold none of these; keys that it does not hold are passed over."""
        numbers = np.unique(np.asarray(keys, dtype=np.int64).reshape(-1))
        with self._changing:
            snapshot = self._without(numbers)
            self._snapshot = Snapshot(snapshot.base, snapshot.delta.with_removed(numbers), snapshot.size)
            for key in numbers.tolist():
                self._rows.pop(key, None)

    def rebase(self, base: IndexFile, keep_after: int) -> None:
        """Go over to a newer base; searches go on meanwhile. `keep_after` is the base's checkpoint.

        With an index that has followed changes beyond that one, nothing that a search finds changes: rows and removals
        that the base has already are dropped, the others are kept. One that is behind takes the base as it is, and its
        checkpoint. Keys are numbers of changes: of those up to `keep_after`, one that the base lacks was removed before
        it. Raises `ValueError` for a base that is older than this one's.
        """
        with self._changing:
            if not self._built_to <= keep_after <= base.checkpoint:
                raise ValueError(f"a base of {base.checkpoint}, kept after {keep_after}, over one of {self._built_to}")
            behind = self.checkpoint < base.checkpoint
            moved = _unchanged(base.arrays) if behind else _moved(self._snapshot, base.arrays, keep_after)
            rows = dict(zip(moved.delta.keys.tolist(), range(moved.delta.count), strict=True))
            self._snapshot, self._rows = moved, rows
            self._built_to, self.checkpoint = base.checkpoint, max(self.checkpoint, base.checkpoint)

    def _without(self, keys: NDArray[np.int64]) -> Snapshot:
        """The snapshot without these keys, for the next one to be made of."""
        snapshot = self._snapshot
        rows = [self._rows[key] for key in keys.tolist() if key in self._rows]
        delta, gone = snapshot.delta.without_rows(np.array(rows, dtype=np.int64)), len(rows)
        if snapshot.base is not None:
            held = keys[snapshot.base.codes_of(keys) >= 0]
            before = len(delta.removed)
            fresh = delta.with_removed(held)
            gone += len(fresh.removed) - before
            delta = fresh
        return Snapshot(snapshot.base, delta, snapshot.size - gone)


def _unchanged(base: Arrays | None) -> Snapshot:
    return Snapshot(base, Delta.empty(), 0 if base is None else len(base))


def _moved(snapshot: Snapshot, base: Arrays, keep_after: int) -> Snapshot:
    """The same entries over another base."""
    rows = snapshot.delta.live_rows()
    keys, codes = snapshot.delta.keys[rows], snapshot.delta.codes[rows]
    places = base.codes_of(keys)
    same = places >= 0
    same[same] = (base.codes[places[same]] == codes[same]).all(axis=1)
    removed = np.union1d(np.setdiff1d(snapshot.delta.removed, keys[same]), keys[~same & (places >= 0)])
    in_base = base.codes_of(removed) >= 0
    delta = Delta.of(codes[~same], keys[~same], removed[in_base | (removed > keep_after)])
    return Snapshot(base, delta, len(base) - int(in_base.sum()) + delta.count)
