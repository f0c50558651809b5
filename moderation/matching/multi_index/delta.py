"""What was added and removed since the base was built: a snapshot that never changes, and how the next one is made."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from moderation.matching.multi_index.layout import Rows

FIRST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Delta:
    """Rows of added codes, and the keys that no longer count in the base.

    Only the first `count` rows belong to this snapshot: a later one may write behind them, into the same arrays, but
    never into them. `alive` is false for a row whose key was removed or added again. `removed` is ascending, and has
    every key that was taken away or replaced since the base was built, whether the base has it or not.
    """

    codes: NDArray[np.uint64]
    keys: NDArray[np.int64]
    alive: NDArray[np.bool_]
    count: int
    removed: NDArray[np.int64]

    @classmethod
    def empty(cls) -> Self:
        """No rows, nothing removed."""
        return cls.of(np.empty((0, 4), dtype=np.uint64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, codes: NDArray[np.uint64], keys: NDArray[np.int64], removed: NDArray[np.int64]) -> Self:
        """These rows, all alive, without copying them; `removed` ascending."""
        return cls(codes, keys, np.ones(len(keys), dtype=np.bool_), len(keys), removed)

    @property
    def rows(self) -> Rows:
        """The rows, for the kernels."""
        return Rows(self.codes, self.keys, self.alive, self.count)

    def with_rows(self, codes: NDArray[np.uint64], keys: NDArray[np.int64]) -> Self:
        """The next snapshot, with rows behind the last. Call it on the newest snapshot only."""
        end = self.count + len(keys)
        grown = self if end <= len(self.keys) else self._with_room(end)
        grown.codes[self.count : end] = codes
        grown.keys[self.count : end] = keys
        grown.alive[self.count : end] = True
        return replace(grown, count=end)

    def without_rows(self, rows: NDArray[np.int64]) -> Self:
        """The next snapshot, with these rows dead."""
        if not len(rows):
            return self
        alive = self.alive.copy()
        alive[rows] = False
        return replace(self, alive=alive)

    def with_removed(self, keys: NDArray[np.int64]) -> Self:
        """The next snapshot, with these keys removed from the base."""
        new = np.setdiff1d(keys, self.removed) if len(keys) > 1 else keys[~_within(self.removed, keys)]
        if not len(new):
            return self
        return replace(self, removed=np.insert(self.removed, np.searchsorted(self.removed, new), new))

    def live_rows(self) -> NDArray[np.int64]:
        """The numbers of the rows that count."""
        return np.flatnonzero(self.alive[: self.count]).astype(np.int64)

    def _with_room(self, rows: int) -> Self:
        room = max(FIRST_ROWS, 2 * len(self.keys), rows)
        codes, keys = np.zeros((room, 4), dtype=np.uint64), np.zeros(room, dtype=np.int64)
        alive = np.zeros(room, dtype=np.bool_)
        codes[: self.count], keys[: self.count] = self.codes[: self.count], self.keys[: self.count]
        alive[: self.count] = self.alive[: self.count]
        return replace(self, codes=codes, keys=keys, alive=alive)


def _within(ascending: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    places = np.searchsorted(ascending, keys)
    held: NDArray[np.bool_] = places < len(ascending)
    held[held] = ascending[places[held]] == keys[held]
    return held
