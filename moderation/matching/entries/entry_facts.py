"""What matching needs of every bank entry, as arrays: a million entries are 50 MB, not a million objects."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import BankEntry
from moderation.matching.tiers import trusted

FIRST_ROOM = 1024
HEX64_DIGITS = 16
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS = np.iinfo(np.int64).min
FOREVER = np.iinfo(np.int64).max

RECORD = np.dtype(
    [
        ("number", np.int64),
        ("begins", np.int64),
        ("ends", np.int64),
        ("bank", np.int32),
        ("quality", np.uint8),
        ("trusted", np.bool_),
        ("keypoints", np.bool_),
        ("live", np.bool_),
    ]
)
"""One entry: `begins` and `ends` are microseconds since 1970, `bank` is a place in the list of bank names."""


class SecondaryNear(NamedTuple):
    """Entries near a picture by pHash and dHash: rows, and both distances (0 to 64)."""

    rows: NDArray[np.int64]
    phash_bits: NDArray[np.uint8]
    dhash_bits: NDArray[np.uint8]


class EntryFacts:
    """Rows in ascending order of entry numbers. Not thread-safe: its owner guards it.

    `with_keypoints` and `with_secondary` count the live entries that have keypoints, and pHash with dHash.
    """

    def __init__(self) -> None:
        self._records = np.zeros(FIRST_ROOM, dtype=RECORD)
        self._phash = np.zeros(FIRST_ROOM, dtype=np.uint64)
        self._dhash = np.zeros(FIRST_ROOM, dtype=np.uint64)
        self._has_secondary = np.zeros(FIRST_ROOM, dtype=np.bool_)
        self._used = 0
        self._live = 0
        self.with_keypoints = 0
        self.with_secondary = 0
        self.banks: list[str] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        """How many entries are live."""
        return self._live

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Numbers of the live entries, ascending."""
        records = self._records[: self._used]
        return np.asarray(records["number"][records["live"]], dtype=np.int64)

    def numbers_with_keypoints(self, banks: Collection[str]) -> NDArray[np.int64]:
        """Numbers of the live entries of these banks that have keypoints, ascending."""
        records = self._records[: self._used]
        wanted = np.array([name in banks for name in self.banks], dtype=np.bool_)
        rows = np.flatnonzero(records["live"] & records["keypoints"])
        return np.asarray(records["number"][rows[wanted[records["bank"][rows]]]], dtype=np.int64)

    def put(self, entries: Iterable[BankEntry]) -> None:
        """Add entries, each with a higher number than any before, or write the new state of known ones.

        Raises `ValueError` for an entry that is neither: the source is not in order.
        """
        for entry in entries:
            row = self.row(entry.number)
            if row is None:
                row = self._append(entry.number)
            self._write(row, entry)

    def drop(self, numbers: Sequence[int]) -> list[int]:
        """Forget entries; returns those that were live."""
        dropped = []
        for number in numbers:
            row = self.row(number)
            if row is not None and self._records["live"][row]:
                self._forget(row)
                dropped.append(number)
        return dropped

    def of_bank(self, bank: str) -> list[int]:
        """Numbers of a bank's live entries."""
        place = self._places.get(bank)
        if place is None:
            return []
        records = self._records[: self._used]
        return [int(number) for number in records["number"][records["live"] & (records["bank"] == place)]]

    def row(self, number: int) -> int | None:
        """The row of an entry's number, None where there is none."""
        place = int(np.searchsorted(self._records["number"][: self._used], number))
        known = place < self._used and self._records["number"][place] == number
        return place if known else None

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of entries' numbers. Raises `KeyError` for a number that no live entry has."""
        known = self._records["number"][: self._used]
        places = np.searchsorted(known, numbers)
        found = places < self._used
        found[found] = (known[places[found]] == numbers[found]) & self._records["live"][places[found]]
        if not found.all():
            raise KeyError(int(numbers[~found][0]))
        return places.astype(np.int64)

    def records(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """The records of rows, of dtype `RECORD`, copied."""
        return self._records[rows]

    def active(self, rows: NDArray[np.int64], now: datetime) -> NDArray[np.bool_]:
        """Which rows match at that time; see `BankEntry.active`."""
        at = microseconds(now)
        records = self._records[rows]
        return np.asarray((records["begins"] <= at) & (at < records["ends"]), dtype=np.bool_)

    def secondary_bits(
        self, rows: NDArray[np.int64], phash: NDArray[np.uint64], dhash: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
        """Distances of pHash and dHash between rows and pictures, pairwise, and whether the rows have any."""
        return (
            np.bitwise_count(self._phash[rows] ^ phash),
            np.bitwise_count(self._dhash[rows] ^ dhash),
            self._has_secondary[rows],
        )

    def near(self, phash: int, dhash: int, bits: int) -> SecondaryNear:
        """Live entries whose pHash and dHash both are within `bits` (0 to 64)."""
        phashes = self._phash[: self._used]
        close = np.bitwise_count(phashes ^ np.uint64(phash)) <= bits
        rows = np.flatnonzero(close & self._has_secondary[: self._used]).astype(np.int64)
        dhash_bits = np.bitwise_count(self._dhash[rows] ^ np.uint64(dhash))
        rows, dhash_bits = rows[dhash_bits <= bits], dhash_bits[dhash_bits <= bits]
        return SecondaryNear(rows, np.bitwise_count(self._phash[rows] ^ np.uint64(phash)), dhash_bits)

    def _append(self, number: int) -> int:
        row = self._used
        if row and number <= self._records["number"][row - 1]:
            raise ValueError(f"bank entry {number} comes after a later one")
        if row == len(self._records):
            self._grow()
        self._used += 1
        self._records["number"][row] = number
        return row

    def _grow(self) -> None:
        more = len(self._records)
        self._records = np.concatenate((self._records, np.zeros(more, dtype=RECORD)))
        self._phash = np.concatenate((self._phash, np.zeros(more, dtype=np.uint64)))
        self._dhash = np.concatenate((self._dhash, np.zeros(more, dtype=np.uint64)))
        self._has_secondary = np.concatenate((self._has_secondary, np.zeros(more, dtype=np.bool_)))

    def _write(self, row: int, entry: BankEntry) -> None:
        records = self._records
        if records["live"][row]:
            self._forget(row)
        records["begins"][row] = ALWAYS if entry.disable_until is None else microseconds(entry.disable_until)
        records["ends"][row] = FOREVER if entry.expires_at is None else microseconds(entry.expires_at)
        records["bank"][row] = self._place(entry.bank)
        records["quality"][row] = entry.quality
        records["trusted"][row] = trusted(entry.opinion, demoted=entry.demoted)
        records["keypoints"][row] = entry.has_keypoints
        records["live"][row] = True
        both = len(entry.phash) == len(entry.dhash) == HEX64_DIGITS
        self._has_secondary[row] = both
        self._phash[row] = int(entry.phash, 16) if both else 0
        self._dhash[row] = int(entry.dhash, 16) if both else 0
        self._live += 1
        self.with_keypoints += entry.has_keypoints
        self.with_secondary += both

    def _forget(self, row: int) -> None:
        self._live -= 1
        self.with_keypoints -= int(self._records["keypoints"][row])
        self.with_secondary -= int(self._has_secondary[row])
        self._records["live"][row] = self._has_secondary[row] = False

    def _place(self, bank: str) -> int:
        if bank not in self._places:
            self._places[bank] = len(self.banks)
            self.banks.append(bank)
        return self._places[bank]


def microseconds(at: datetime) -> int:
    """A time in whole microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)
