"""The bank contents that one process searches, brought up to date change by change."""

import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import Bank, BankChange, BankEntry
from moderation.domain.errors import CorruptIndexError
from moderation.domain.ids import EntryId
from moderation.matching.entries.entry_facts import EntryFacts
from moderation.matching.hashes.pdq import CODE_BYTES, from_hex
from moderation.matching.multi_index.build import distinct
from moderation.matching.multi_index.file import IndexFile, write
from moderation.matching.multi_index.layout import words_of
from moderation.matching.multi_index.live import LiveIndex
from moderation.matching.tiers import verified_bits

PAGE = 10_000
"""Entries or changes that are read at a time."""
MOST_ADDED = 20_000
"""Without a published file, more entries than this are arranged in memory."""
SAMPLE = 256
"""Entries of a new index file that are compared with the banks."""
OTHER = "The index file holds other entries than the banks."

Added: TypeAlias = tuple[NDArray[np.int64], NDArray[np.uint8]]
"""Numbers and codes of entries."""


class BankSource(Protocol):
    """Where banks come from; `storage.banks.BankStore` is one. Every method may raise `UnavailableError`."""

    def checkpoint(self) -> str:
        """The number of the newest change, as text."""
        ...

    def changes(self, after: int, *, limit: int = PAGE) -> list[BankChange]:
        """Up to `limit` changes after a number, in order; cheap when there are none."""
        ...

    def entries_by_number(self, numbers: Collection[int]) -> Mapping[int, BankEntry]:
        """Those of the entries that a bank has now."""
        ...

    def keypoints(self, entry_ids: Collection[EntryId]) -> Mapping[EntryId, bytes]:
        """The packed keypoints of those entries that have any."""
        ...


class KnownEntries:
    """Banks, facts and codes of every entry as of `checkpoint`. Not thread-safe: its owner guards the changes.

    `index` may be searched at any time; `banks` is replaced, never changed.
    """

    def __init__(self, base: IndexFile | None = None) -> None:
        self.index = LiveIndex(base)
        self.facts = EntryFacts()
        self.banks: Mapping[str, Bank] = {}
        self._added: list[Added] | None = None

    @property
    def checkpoint(self) -> int:
        """The number of the last change in it."""
        return self.index.checkpoint

    def compared(self) -> NDArray[np.int64]:
        """Numbers of the entries with keypoints that their bank compares, ascending."""
        if not self.facts.with_keypoints:
            return np.empty(0, np.int64)
        return self.facts.numbers_with_keypoints(
            {name for name, bank in self.banks.items() if verified_bits(bank) >= 0}
        )

    @classmethod
    def load(cls, source: BankSource, base: IndexFile | None = None) -> Self:
        """Everything up to the newest change. With a base, the codes up to its checkpoint are the base's.

        Raises `CorruptIndexError` where the base holds other entries than the banks had at its checkpoint, and what
        `source` raises.
        """
        known = cls(base)
        if base is not None:
            known._describe(source, base)
        added: list[Added] = []
        known._added = added
        while changes := source.changes(known.checkpoint, limit=PAGE):
            known.apply(changes)
        known._added = None
        if base is None and sum(len(numbers) for numbers, _ in added) > MOST_ADDED:
            known._build(added)
        return known

    def live_until(self, number: int) -> NDArray[np.int64]:
        """Numbers of the live entries up to one, ascending."""
        numbers = self.facts.numbers
        return numbers[: np.searchsorted(numbers, number, side="right")]

    def _describe(self, source: BankSource, base: IndexFile) -> None:
        """Take the facts of what the base holds."""
        number = 0
        while number < base.checkpoint:
            page = [one for one in source.changes(number, limit=PAGE) if one.number <= base.checkpoint]
            if not page:
                raise CorruptIndexError(f"The index is of change {base.checkpoint}, the banks end at {number}.")
            states, gone = self._define(page)
            _check_codes(base, states)
            self.facts.put(states)
            self.facts.drop(gone)
            number = page[-1].number
        if len(base) != len(self.facts):
            raise CorruptIndexError(OTHER)
        _check_held(base, self.facts.numbers)

    def apply(self, changes: Sequence[BankChange]) -> None:
        """Follow changes, in order. Raises `ValueError` for one that cannot be followed."""
        if not changes:
            return
        states, gone = self._define(changes)
        added = [entry for entry in states if self.facts.row(entry.number) is None]
        self.facts.put(states)
        self._index(added)
        self.index.remove(self.facts.drop(gone))
        self.index.checkpoint = changes[-1].number

    def _define(self, changes: Sequence[BankChange]) -> tuple[list[BankEntry], list[int]]:
        """Take the new definitions of banks; returns the newest state of entries, by number, and what was removed."""
        states: dict[int, BankEntry] = {}
        gone: list[int] = []
        banks = dict(self.banks)
        for change in changes:
            if change.bank is not None and change.operation in ("create", "update"):
                banks[change.bank.name] = change.bank
            elif change.bank is not None and change.operation == "delete":
                del banks[change.bank.name]
            elif change.entry is not None and change.operation in ("add", "amend"):
                states[change.entry.number] = change.entry
            elif change.entry is not None and change.operation == "remove":
                states.pop(change.entry.number, None)
                gone.append(change.entry.number)
            else:
                raise ValueError(f"bank change {change.number} ({change.operation}) cannot be followed")
        self.banks = banks
        return [states[number] for number in sorted(states)], gone

    def _index(self, entries: Sequence[BankEntry]) -> None:
        if entries:
            numbers, codes = [entry.number for entry in entries], _codes(entries)
            self.index.add(numbers, codes)
            if self._added is not None:
                self._added.append((np.array(numbers, dtype=np.int64), codes))

    def _build(self, added: Sequence[Added]) -> None:
        """Arrange what was read as a base of this process: a search compares everything that lies beside one."""
        keys, codes = np.concatenate([one for one, _ in added]), np.concatenate([some for _, some in added])
        live = np.isin(keys, self.facts.numbers)
        file = io.BytesIO()
        write(file, distinct(codes[live], keys[live]), self.checkpoint)
        self.index.rebase(IndexFile.of(file.getvalue(), Path("in-memory")), self.checkpoint)


def check_base(base: IndexFile, live: NDArray[np.int64], source: BankSource) -> None:
    """Whether a file that was built of the same banks holds the entries `live`; of a sample, with the right codes.

    Raises `CorruptIndexError` when it does not, and what `source` raises.
    """
    _check_held(base, live)
    sample = live[np.unique(np.linspace(0, len(live) - 1, SAMPLE).astype(np.int64))] if len(live) else live
    _check_codes(base, list(source.entries_by_number([int(number) for number in sample]).values()))


def _check_held(base: IndexFile, numbers: NDArray[np.int64]) -> None:
    if (base.arrays.codes_of(numbers) < 0).any():
        raise CorruptIndexError(OTHER)


def _check_codes(base: IndexFile, entries: Sequence[BankEntry]) -> None:
    """Entries that the base lacks may have been removed; those that it has must have the code of the banks."""
    if not entries:
        return
    places = base.arrays.codes_of(np.array([entry.number for entry in entries], dtype=np.int64))
    held = places >= 0
    if not np.array_equal(base.arrays.codes[places[held]], words_of(_codes(entries))[held]):
        raise CorruptIndexError(OTHER)


def _codes(entries: Sequence[BankEntry]) -> NDArray[np.uint8]:
    codes = np.empty((len(entries), CODE_BYTES), dtype=np.uint8)
    for place, entry in enumerate(entries):
        codes[place] = from_hex(entry.pdq)
    return codes
