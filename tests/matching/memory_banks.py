"""Banks in memory, as a log of changes: what a matcher follows in tests."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import Bank, BankChange, BankEffect, BankEntry
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import EntryId
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hashes.pdq import to_hex
from tests.factories import NOW
from tests.matching.index_contract import with_flipped

BLOCK = Bank("blocked", BankEffect.BLOCK)
REVIEW = Bank("suspects", BankEffect.REVIEW)
ALLOW = Bank("logos", BankEffect.ALLOW)
DUPLICATE = Bank("published", BankEffect.DUPLICATE)


class MemoryBanks:
    """Implements `BankSource`, and the `Banks` that an index is built of.

    `down` makes every call fail; `asked` counts the calls for changes.
    """

    def __init__(self, *banks: Bank) -> None:
        self.log: list[BankChange] = []
        self.entries: dict[int, BankEntry] = {}
        self.packed: dict[EntryId, bytes] = {}
        self.down, self.asked = False, 0
        for bank in banks or (ALLOW, BLOCK, REVIEW, DUPLICATE):
            self.define(bank)

    def define(self, bank: Bank, operation: Any = "create") -> None:
        self.log.append(BankChange(len(self.log) + 1, operation, bank=bank))

    def add(self, code: NDArray[np.uint8], bank: Bank = BLOCK, *, flipped: int = 0, **facts: Any) -> BankEntry:
        """An entry `flipped` bits away from `code`; `keypoints` are packed ones."""
        number = len(self.log) + 1
        packed = facts.pop("keypoints", None)
        known: dict[str, Any] = {"id": EntryId(f"entry-{number:04d}"), "quality": 100, "added_at": NOW, **facts}
        pdq = to_hex(with_flipped(code, flipped))
        entry = BankEntry(bank=bank.name, pdq=pdq, number=number, has_keypoints=packed is not None, **known)
        if packed is not None:
            self.packed[entry.id] = packed
        return self._say("add", entry)

    def amend(self, entry: BankEntry, **facts: Any) -> BankEntry:
        return self._say("amend", replace(self.entries[entry.number], **facts))

    def remove(self, entry: BankEntry) -> None:
        self.log.append(BankChange(len(self.log) + 1, "remove", entry=self.entries.pop(entry.number)))
        self.packed.pop(entry.id, None)

    def checkpoint(self) -> str:
        self._up()
        return str(len(self.log))

    def changes(self, after: int, *, limit: int = 10_000) -> list[BankChange]:
        self._up()
        self.asked += 1
        return self.log[after : after + limit]

    def definitions(self, as_of: int) -> list[Bank]:
        self._up()
        known: dict[str, Bank] = {}
        for change in self.log[:as_of]:
            if change.bank is not None:
                known.pop(change.bank.name, None)
                if change.operation != "delete":
                    known[change.bank.name] = change.bank
        return list(known.values())

    def banks(self) -> list[tuple[Bank, int]]:
        held = [entry.bank for entry in self.entries.values()]
        return [(bank, held.count(bank.name)) for bank in self.definitions(len(self.log))]

    def pages(self, as_of: int, *, after: int = 0, limit: int = 10_000) -> list[BankEntry]:
        self._up()
        held: dict[int, BankEntry] = {}
        for change in self.log[:as_of]:
            if change.entry is not None:
                held.pop(change.entry.number, None)
                if change.operation != "remove":
                    held[change.entry.number] = change.entry
        return [held[number] for number in sorted(held) if number > after][:limit]

    def entries_by_number(self, numbers: Collection[int]) -> Mapping[int, BankEntry]:
        self._up()
        return {number: self.entries[number] for number in numbers if number in self.entries}

    def keypoints(self, entry_ids: Collection[EntryId]) -> Mapping[EntryId, bytes]:
        self._up()
        return {entry: self.packed[entry] for entry in entry_ids if entry in self.packed}

    def _say(self, operation: Any, entry: BankEntry) -> BankEntry:
        self.entries[entry.number] = entry
        self.log.append(BankChange(len(self.log) + 1, operation, entry=entry))
        return entry

    def _up(self) -> None:
        if self.down:
            raise UnavailableError("the database is away")


def some_hashes(seed: int = 1, *, quality: int = 100, **others: Any) -> FrameHashes:
    """Hashes of no picture: every view random, so that only what is made near them is near."""
    random = np.random.default_rng(seed)
    facts: dict[str, Any] = {
        "pdq": random.integers(0, 256, (8, 32), dtype=np.uint8),
        "quality": quality,
        "trimmed": None,
        "trimmed_quality": 0,
        "phash": int(random.integers(0, 1 << 63)),
        "dhash": int(random.integers(0, 1 << 63)),
        **others,
    }
    return FrameHashes(**facts)
