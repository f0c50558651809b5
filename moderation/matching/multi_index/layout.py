"""What an index is made of: distinct codes, the slots' sorted lists, and each code's keys."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

CODE_BYTES = 32
WORDS = CODE_BYTES // 8
SLOTS = 16
SLOT_BITS = 16
BUCKETS = 1 << SLOT_BITS
MAX_INDEXED_RADIUS = 31
"""Within this many bits some slot differs in one bit at most; farther, everything is compared."""


RECORD = np.dtype(
    [
        ("number", "<i8"),
        ("begins", "<i8"),
        ("ends", "<i8"),
        ("bank", "<i4"),
        ("quality", "|u1"),
        ("trusted", "|b1"),
        ("keypoints", "|b1"),
        ("live", "|b1"),
    ]
)
"""What matching needs of an entry beside its hashes: `begins` and `ends` are microseconds since 1970, `bank` is a place
in a list of bank names, `trusted` whether it may act by itself, `keypoints` whether some are stored."""


class FactColumns(NamedTuple):
    """Entries' records, pHash and dHash (0 where there is none), and whether they have both. One row for each entry."""

    records: NDArray[np.void]
    phash: NDArray[np.uint64]
    dhash: NDArray[np.uint64]
    has_secondary: NDArray[np.bool_]

    @classmethod
    def zeros(cls, rows: int) -> Self:
        """So many rows of nothing."""
        columns: list[Any] = [np.zeros(rows, dtype=kind) for kind in FACT_KINDS]
        return cls(*columns)


FACT_KINDS = (RECORD, np.dtype("<u8"), np.dtype("<u8"), np.dtype("|b1"))
"""Of the columns, in order."""


class Entries(NamedTuple):
    """Distinct codes with their keys, for the kernels; `removed` (ascending) are keys that do not count."""

    codes: NDArray[np.uint64]
    first_keys: NDArray[np.int64]
    extra_codes: NDArray[np.int64]
    extra_starts: NDArray[np.int64]
    extra_keys: NDArray[np.int64]
    removed: NDArray[np.int64]


class Slots(NamedTuple):
    """The slots' lists, for the kernels."""

    offsets: NDArray[np.uint32]
    postings: NDArray[np.uint8]
    width: int


class Room(NamedTuple):
    """What one query needs to be searched: where its buckets start and end, and the codes that are being fetched."""

    starts: NDArray[np.uint32]
    ends: NDArray[np.uint32]
    waiting: NDArray[np.uint32]


class Rows(NamedTuple):
    """Codes with one key each, for the kernels; the first `used` count, unless they are not alive."""

    codes: NDArray[np.uint64]
    keys: NDArray[np.int64]
    alive: NDArray[np.bool_]
    used: int


class Hits(NamedTuple):
    """For each query a max-heap of (distance, key) pairs: rows of `distances` and `keys`, the first `sizes` of them.

    `capped` says for which queries hits were dropped.
    """

    distances: NDArray[np.uint16]
    keys: NDArray[np.int64]
    sizes: NDArray[np.int64]
    capped: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Arrays:
    """A complete, immutable index. Codes are numbered from 0 in the order of their smallest key.

    `codes` is (n, 4) words. `offsets` (16, 65537) says where each bucket of a slot starts in that slot's list in
    `postings` (16, n * `width`): the codes' numbers in `width` bytes each. `first_keys` (n) has each code's smallest
    key, ascending. Codes with more than one key are in `extra_codes` (ascending), their further keys (ascending) in
    `extra_keys` from `extra_starts` on. `more_keys` are the same further keys in ascending order, `more_codes` the
    codes that they belong to.
    """

    codes: NDArray[np.uint64]
    offsets: NDArray[np.uint32]
    postings: NDArray[np.uint8]
    first_keys: NDArray[np.int64]
    extra_codes: NDArray[np.int64]
    extra_starts: NDArray[np.int64]
    extra_keys: NDArray[np.int64]
    more_keys: NDArray[np.int64]
    more_codes: NDArray[np.int64]

    def entries(self, removed: NDArray[np.int64]) -> Entries:
        """The codes and keys without those in `removed`, which is ascending."""
        extras = (self.extra_codes, self.extra_starts, self.extra_keys)
        return Entries(self.codes, self.first_keys, *extras, removed)

    @property
    def slots(self) -> Slots:
        """The slots' lists."""
        return Slots(self.offsets, self.postings, id_width(len(self.codes)))

    def __len__(self) -> int:
        """How many keys it holds."""
        return len(self.first_keys) + len(self.more_keys)

    def codes_of(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of each key's code, -1 for a key that it does not hold."""
        found = np.full(len(keys), -1, dtype=np.int64)
        places, held = _places(self.first_keys, keys)
        found[held] = places[held]
        places, held = _places(self.more_keys, keys)
        found[held] = self.more_codes[places[held]]
        return found


def id_width(codes: int) -> int:
    """Bytes that number `codes` codes: 3 up to 16.7 million, else 4."""
    return 3 if codes <= 1 << 24 else 4


def words_of(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Codes (n, 32) as new rows of four little-endian words. Raises `ValueError` for another shape or dtype."""
    if codes.dtype != np.uint8 or codes.ndim != 2 or codes.shape[1] != CODE_BYTES:  # noqa: PLR2004 - rows of bytes
        raise ValueError(f"codes must be uint8 of shape (n, {CODE_BYTES}), not {codes.dtype} of {codes.shape}")
    return np.array(codes, order="C").view("<u8").astype(np.uint64, copy=False)


def _places(ascending: NDArray[np.int64], keys: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    places = np.searchsorted(ascending, keys)
    held = places < len(ascending)
    held[held] = ascending[places[held]] == keys[held]
    return places, held
