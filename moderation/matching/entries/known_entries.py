"""The bank contents that one process searches, brought up to date change by change."""

import io
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import BankChange, BankEffect, BankEntry
from moderation.domain.errors import CorruptIndexError
from moderation.domain.ids import EntryId
from moderation.matching.entries.entry_facts import EntryFacts
from moderation.matching.entries.published_facts import Published, mark_of, published
from moderation.matching.hashes.pdq import CODE_BYTES, from_hex
from moderation.matching.multi_index.build import distinct
from moderation.matching.multi_index.file import REBUILD, IndexFile, write
from moderation.matching.multi_index.layout import words_of
from moderation.matching.multi_index.live import LiveIndex

PAGE = 10_000
"""Entries or changes that are read at a time."""
MOST_ADDED = 20_000
"""Without a published file, more entries than this are arranged in memory."""
SAMPLE = 256
"""Changes of an index file whose entries are compared with the banks."""
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

    `index` may be searched at any time; `banks` is replaced, never changed. Those of a base are the base's, shared
    with other processes. `built_to` is the base's checkpoint, 0 without one. `history` is another number, set by the
    owner, where the banks may have other changes under the numbers of before: the database was restored. Raises
    `CorruptIndexError` for a base that says nothing of its entries.
    """

    def __init__(self, base: IndexFile | None = None) -> None:
        said = Published(EntryFacts(), {}, "") if base is None else published(base)
        self.index = LiveIndex(base)
        self.facts, self.banks = said.facts, said.banks
        self.built_to = self.index.checkpoint
        self.history = 0
        self._mark = said.mark
        self._last: BankChange | None = None
        self._added: list[Added] | None = None
        self._changed: set[int] | None = None

    @property
    def checkpoint(self) -> int:
        """The number of the last change in it."""
        return self.index.checkpoint

    def compared(self, effects: Collection[BankEffect] = tuple(BankEffect)) -> NDArray[np.int64]:
        """Numbers of the entries with keypoints that their bank, of one of the effects, compares, ascending."""
        if not self.facts.with_keypoints:
            return np.empty(0, np.int64)
        return self.facts.numbers_with_keypoints(
            {name for name, bank in self.banks.items() if bank.compares_keypoints and bank.effect in effects}
        )

    @classmethod
    def load(cls, source: BankSource, base: IndexFile | None = None) -> Self:
        """Everything up to the newest change. With a base only what is newer is read, and a sample of what it has.

        Raises `CorruptIndexError` where the base is not of these banks, and what `source` raises.
        """
        known = cls(base)
        if base is None:
            known._added = []
            known._follow(source)
            known._arrange()
        else:
            known._check_history(source)
            known._changed = set()
            known._follow(source)
            known._check_sample(source, base)
            known._changed = None
        return known

    def is_of(self, source: BankSource) -> bool:
        """Whether the last change in it is the banks' own."""
        last = source.changes(self.checkpoint - 1, limit=1) if self.checkpoint else []
        return mark_of(last[0] if last else None) == (self._mark if self._last is None else mark_of(self._last))

    def _follow(self, source: BankSource) -> None:
        while changes := source.changes(self.checkpoint, limit=PAGE):
            self.apply(changes)

    def _arrange(self) -> None:
        added, self._added = self._added or [], None
        if sum(len(numbers) for numbers, _ in added) > MOST_ADDED:
            self._build(added)

    def _check_history(self, source: BankSource) -> None:
        """See that the last change of the base is the banks' own: a database that was restored has another."""
        number = self.checkpoint
        last = source.changes(number - 1, limit=1) if number else []
        if number and (not last or last[0].number != number):
            raise CorruptIndexError(f"The index is of change {number}, the banks end before.", hint=REBUILD)
        if mark_of(last[0] if last else None) != self._mark:
            raise CorruptIndexError(OTHER, hint=REBUILD)

    def _check_sample(self, source: BankSource, base: IndexFile) -> None:
        """Compare entries spread over the base with the banks, but for those that changed since it was built."""
        numbers = {int(number) for number in np.linspace(1, self.built_to, SAMPLE)} if self.built_to else set()
        entries = source.entries_by_number(numbers)
        self._follow(source)
        changed = self._changed or set()
        held = {number for number in numbers if self.facts.row(number) is not None} - changed
        said = [entry for number, entry in sorted(entries.items()) if number not in changed]
        if held != {entry.number for entry in said}:
            raise CorruptIndexError(OTHER, hint=REBUILD)
        _check_facts(self.facts, said)
        _check_codes(base, said)

    def apply(self, changes: Sequence[BankChange]) -> None:
        """Follow changes, in order. Raises `ValueError` for one that cannot be followed."""
        if not changes:
            return
        states, gone = self._define(changes)
        added = [entry for entry in states if self.facts.row(entry.number) is None]
        self.facts.put(states)
        self._index(added)
        self.index.remove(self.facts.drop(gone))
        self.index.checkpoint, self._last = changes[-1].number, changes[-1]
        if self._changed is not None:
            self._changed.update(gone, (entry.number for entry in states))

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


def _check_facts(facts: EntryFacts, entries: Sequence[BankEntry]) -> None:
    """What is known of entries must be what the banks say of them."""
    said = EntryFacts(banks=facts.banks)
    said.put(entries)
    numbers = np.array([entry.number for entry in entries], dtype=np.int64)
    if not facts.agree(said, numbers):
        raise CorruptIndexError(OTHER, hint=REBUILD)


def _check_codes(base: IndexFile, entries: Sequence[BankEntry]) -> None:
    """A base must have the codes of the banks."""
    if not entries:
        return
    places = base.arrays.codes_of(np.array([entry.number for entry in entries], dtype=np.int64))
    if (places < 0).any() or not np.array_equal(base.arrays.codes[places], words_of(_codes(entries))):
        raise CorruptIndexError(OTHER, hint=REBUILD)


def _codes(entries: Sequence[BankEntry]) -> NDArray[np.uint8]:
    codes = np.empty((len(entries), CODE_BYTES), dtype=np.uint8)
    for place, entry in enumerate(entries):
        codes[place] = from_hex(entry.pdq)
    return codes
