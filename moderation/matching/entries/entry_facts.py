"""What matching needs of every bank entry, as columns: those of a published file, shared, and what changed since."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import BankEntry
from moderation.matching.multi_index.layout import FactColumns
from moderation.matching.tiers import trusted

FIRST_ROOM = 1024
HEX64_DIGITS = 16
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALWAYS = np.iinfo(np.int64).min
FOREVER = np.iinfo(np.int64).max


class SecondaryNear(NamedTuple):
    """Entries near a picture by pHash and dHash: rows, and both distances (0 to 64)."""

    rows: NDArray[np.int64]
    phash_bits: NDArray[np.uint8]
    dhash_bits: NDArray[np.uint8]


class EntryFacts:
    """Rows by entry number: first those of `shared` columns, which are never written to, then those of this process.

    An entry of the shared columns that changes gets a row of its own, and its shared one no longer counts. Not
    thread-safe: its owner guards it. `with_keypoints` and `with_secondary` count the live entries that have keypoints,
    and pHash with dHash. `banks` are the names that records have places of.
    """

    def __init__(self, shared: FactColumns | None = None, banks: Sequence[str] = ()) -> None:
        self._shared = FactColumns.zeros(0) if shared is None else shared
        self._gone = np.zeros(len(self._shared.records), dtype=np.bool_)
        self._own = FactColumns.zeros(FIRST_ROOM)
        self._used = 0
        self._live = len(self._gone)
        self._newest = int(self._shared.records["number"][-1]) if self._live else 0
        self.with_keypoints = int(np.count_nonzero(self._shared.records["keypoints"]))
        self.with_secondary = int(np.count_nonzero(self._shared.has_secondary))
        self.banks = list(banks)
        self._places = {name: place for place, name in enumerate(self.banks)}

    def __len__(self) -> int:
        """How many entries are live."""
        return self._live

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Numbers of the live entries, ascending."""
        shared, own = (
            self._shared.records["number"][~self._gone],
            self._own.records["number"][self._own.records["live"]],
        )
        return _merged(shared, own)

    def numbers_with_keypoints(self, banks: Collection[str]) -> NDArray[np.int64]:
        """Numbers of the live entries of these banks that have keypoints, ascending."""
        wanted = np.array([name in banks for name in self.banks], dtype=np.bool_)

        def chosen(records: NDArray[np.void], live: NDArray[np.bool_]) -> NDArray[np.int64]:
            rows = np.flatnonzero(live & records["keypoints"])
            return np.asarray(records["number"][rows[wanted[records["bank"][rows]]]], dtype=np.int64)

        own = self._own.records[: self._used]
        return _merged(chosen(self._shared.records, ~self._gone), chosen(own, own["live"]))

    def columns(self) -> FactColumns:
        """The facts of the live entries, by ascending number, copied."""
        own = self._own.records["live"]
        parts = [np.concatenate((old[~self._gone], new[own])) for old, new in zip(self._shared, self._own, strict=True)]
        order = np.argsort(parts[0]["number"], kind="stable")
        return FactColumns(*(part[order] for part in parts))

    def put(self, entries: Iterable[BankEntry]) -> None:
        """Add entries, each with a higher number than any before, or write the new state of known ones.

        Raises `ValueError` for an entry that is neither: the source is not in order.
        """
        states = {entry.number: entry for entry in entries}
        numbers = np.array(sorted(states), dtype=np.int64)
        if not len(numbers):
            return
        places, own = _places(self._own.records["number"][: self._used], numbers)
        shared_rows, shared = _places(self._shared.records["number"], numbers)
        late = numbers[~own & ~shared & (numbers <= self._newest)]
        if len(late):
            raise ValueError(f"bank entry {late[0]} comes after a later one")
        columns = self._columns_of([states[number] for number in numbers.tolist()])
        self._forget(np.concatenate((shared_rows[shared & ~own], places[own] + len(self._gone))))
        for column, said in zip(self._own, columns, strict=True):
            column[places[own]] = said[own]
        self._append(columns, ~own)
        self._live += len(numbers)
        self.with_keypoints += int(np.count_nonzero(columns.records["keypoints"]))
        self.with_secondary += int(np.count_nonzero(columns.has_secondary))
        self._newest = max(self._newest, int(numbers[-1]))

    def drop(self, numbers: Sequence[int]) -> list[int]:
        """Forget entries; returns those that were live."""
        rows = {number: row for number in numbers if (row := self.row(number)) is not None}
        self._forget(np.array(list(rows.values()), dtype=np.int64))
        return list(rows)

    def row(self, number: int) -> int | None:
        """The row of a live entry's number, None where there is none."""
        place = _place(self._own.records["number"][: self._used], number)
        if place is not None:
            return len(self._gone) + place if self._own.records["live"][place] else None
        place = _place(self._shared.records["number"], number)
        return None if place is None or self._gone[place] else place

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of entries' numbers. Raises `KeyError` for a number that no live entry has."""
        places, found = _places(self._shared.records["number"], numbers)
        found[found] = ~self._gone[places[found]]
        if self._used and not found.all():
            own, held = _places(self._own.records["number"][: self._used], numbers)
            held[held] = self._own.records["live"][own[held]]
            places[held] = own[held] + len(self._gone)
            found |= held
        if not found.all():
            raise KeyError(int(numbers[~found][0]))
        return places

    def records(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """The records of rows, of dtype `layout.RECORD`, copied."""
        return self._taken(self._shared.records, self._own.records, rows)

    def active(self, rows: NDArray[np.int64], now: datetime) -> NDArray[np.bool_]:
        """Which rows match at that time; see `BankEntry.active`."""
        at, records = microseconds(now), self.records(rows)
        return np.asarray((records["begins"] <= at) & (at < records["ends"]), dtype=np.bool_)

    def secondary_bits(
        self, rows: NDArray[np.int64], phash: NDArray[np.uint64], dhash: NDArray[np.uint64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
        """Distances of pHash and dHash between rows and pictures, pairwise, and whether the rows have any."""
        return (
            np.bitwise_count(self._taken(self._shared.phash, self._own.phash, rows) ^ phash),
            np.bitwise_count(self._taken(self._shared.dhash, self._own.dhash, rows) ^ dhash),
            self._taken(self._shared.has_secondary, self._own.has_secondary, rows),
        )

    def near(self, phash: int, dhash: int, bits: int) -> SecondaryNear:
        """Live entries whose pHash and dHash both are within `bits` (0 to 64)."""
        shared = _near(self._shared, len(self._gone), phash, dhash, bits)
        own = _near(self._own, self._used, phash, dhash, bits)
        shared, own = shared[~self._gone[shared]], own[self._own.records["live"][own]] + len(self._gone)
        rows = np.concatenate((shared, own))
        phash_bits, dhash_bits, _ = self.secondary_bits(
            rows, np.full(len(rows), phash, dtype=np.uint64), np.full(len(rows), dhash, dtype=np.uint64)
        )
        return SecondaryNear(rows, phash_bits, dhash_bits)

    def agree(self, other: Self, numbers: NDArray[np.int64]) -> bool:
        """Whether both say the same of live entries. Raises `KeyError` for a number that no live entry has."""
        mine, others = self._said(self.rows(numbers)), other._said(other.rows(numbers))
        return self.banks == other.banks and all(map(np.array_equal, mine, others))

    def _said(self, rows: NDArray[np.int64]) -> FactColumns:
        pairs = zip(self._shared, self._own, strict=True)
        return FactColumns(*(self._taken(shared, own, rows) for shared, own in pairs))

    def _taken(self, shared: NDArray[Any], own: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
        """Rows of a column, copied."""
        last = len(shared)
        if not self._used:
            return shared[rows]
        taken = np.empty(len(rows), dtype=shared.dtype)
        old = rows < last
        taken[old], taken[~old] = shared[rows[old]], own[rows[~old] - last]
        return taken

    def _append(self, columns: FactColumns, wanted: NDArray[np.bool_]) -> None:
        """Give the wanted ones of entries rows of their own; numbers stay ascending."""
        first, self._used = self._used, self._used + int(np.count_nonzero(wanted))
        if self._used > len(self._own.records):
            more = FactColumns.zeros(max(self._used, 2 * len(self._own.records)) - len(self._own.records))
            self._own = FactColumns(*(np.concatenate(pair) for pair in zip(self._own, more, strict=True)))
        for column, said in zip(self._own, columns, strict=True):
            column[first : self._used] = said[wanted]
        numbers = self._own.records["number"][: self._used]
        if 0 < first < self._used and numbers[first] < numbers[first - 1]:
            order = np.argsort(numbers, kind="stable")
            for column in self._own:
                column[: self._used] = column[order]

    def _columns_of(self, entries: Sequence[BankEntry]) -> FactColumns:
        columns = FactColumns.zeros(len(entries))
        records = columns.records
        records["number"] = [entry.number for entry in entries]
        records["begins"] = [_moment(entry.disable_until, ALWAYS) for entry in entries]
        records["ends"] = [FOREVER if one.expires_at is None else microseconds(one.expires_at) for one in entries]
        records["bank"] = [self._place_of(entry.bank) for entry in entries]
        records["quality"] = [entry.quality for entry in entries]
        records["trusted"] = [trusted(entry.opinion, demoted=entry.demoted) for entry in entries]
        records["keypoints"] = [entry.has_keypoints for entry in entries]
        records["live"] = True
        both = [len(entry.phash) == len(entry.dhash) == HEX64_DIGITS for entry in entries]
        columns.has_secondary[:] = both
        columns.phash[:] = [int(one.phash, 16) if has else 0 for one, has in zip(entries, both, strict=True)]
        columns.dhash[:] = [int(one.dhash, 16) if has else 0 for one, has in zip(entries, both, strict=True)]
        return columns

    def _forget(self, rows: NDArray[np.int64]) -> None:
        """Those of these rows, all different, that count do so no longer."""
        mine = rows >= len(self._gone)
        shared, own = rows[~mine], rows[mine] - len(self._gone)
        shared, own = shared[~self._gone[shared]], own[self._own.records["live"][own]]
        self._live -= len(shared) + len(own)
        for columns, some in ((self._shared, shared), (self._own, own)):
            self.with_keypoints -= int(np.count_nonzero(columns.records["keypoints"][some]))
            self.with_secondary -= int(np.count_nonzero(columns.has_secondary[some]))
        self._gone[shared] = True
        self._own.records["live"][own] = False

    def _place_of(self, bank: str) -> int:
        if bank not in self._places:
            self._places[bank] = len(self.banks)
            self.banks.append(bank)
        return self._places[bank]


def microseconds(at: datetime) -> int:
    """A time in whole microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def _moment(at: datetime | None, otherwise: int) -> int:
    return otherwise if at is None else microseconds(at)


def _place(ascending: NDArray[np.int64], number: int) -> int | None:
    place = int(np.searchsorted(ascending, number))
    return place if place < len(ascending) and ascending[place] == number else None


def _places(ascending: NDArray[np.int64], numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where numbers are, and which of them are anywhere."""
    places = np.searchsorted(ascending, numbers).astype(np.int64)
    found = places < len(ascending)
    found[found] = ascending[places[found]] == numbers[found]
    return places, found


def _merged(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Both, ascending."""
    both: NDArray[np.int64] = np.concatenate((first, second))
    return both if not len(second) or not len(first) or first[-1] < second[0] else np.sort(both)


def _near(columns: FactColumns, used: int, phash: int, dhash: int, bits: int) -> NDArray[np.int64]:
    """Rows, of the first `used`, whose pHash and dHash both are near."""
    close = np.bitwise_count(columns.phash[:used] ^ np.uint64(phash)) <= bits
    rows = np.flatnonzero(close & columns.has_secondary[:used]).astype(np.int64)
    near = np.bitwise_count(columns.dhash[rows] ^ np.uint64(dhash)) <= bits
    return np.asarray(rows[near], dtype=np.int64)
