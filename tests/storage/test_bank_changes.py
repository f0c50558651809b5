"""Following changes, pages and checkpoints: whatever was done, they tell the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.domain.bank import Bank, BankChange, BankContents, BankEffect, BankEntry, EntryAmendment, Opinion
from moderation.storage.banks import BankStore, PinnedBanks
from moderation.storage.engine import Database
from tests.factories import NOW, after
from tests.storage.test_banks import BANK, draft

NAMES = ("ONE", "TWO")


class Replica:
    """What somebody who only follows changes knows."""

    def __init__(self) -> None:
        self.banks: dict[str, Bank] = {}
        self.entries: dict[str, BankEntry] = {}
        self.at = 0

    def follow(self, change: BankChange) -> None:
        assert change.number == self.at + 1
        self.at = change.number
        if change.bank is not None:
            self._define(change.operation, change.bank)
        if change.entry is not None:
            self._list(change.operation, change.entry)

    def _define(self, operation: str, bank: Bank) -> None:
        assert (operation == "create") == (bank.name not in self.banks)
        if operation == "delete":
            assert self.banks.pop(bank.name) == bank
            assert all(entry.bank != bank.name for entry in self.entries.values())
        else:
            self.banks[bank.name] = bank

    def _list(self, operation: str, entry: BankEntry) -> None:
        assert (operation == "add") == (entry.id not in self.entries)
        assert (operation == "add") == (entry.number == self.at)
        if operation == "remove":
            assert self.entries.pop(entry.id) == entry
        else:
            self.entries[entry.id] = entry

    @property
    def contents(self) -> BankContents:
        banks = tuple(self.banks[name] for name in sorted(self.banks))
        entries = tuple(sorted(self.entries.values(), key=lambda entry: entry.number))
        return BankContents(str(self.at), banks, entries)


def act(store: BankStore, kind: str, bank: str, hash_number: int, variant: int) -> None:
    """One thing that somebody does, if it can be done now."""
    known = {found.name for found, _ in store.banks()}
    who: dict[str, Any] = {"actor": "tester", "now": after(variant)}
    if bank not in known:
        store.create(replace(BANK, name=bank, distance_bits=variant), **who)
        return
    entries = store.entries(bank)
    drafts = [facts(number, variant) for number in range(hash_number, hash_number + 1 + variant % 3)]
    if kind == "update":
        store.update(replace(BANK, name=bank, enabled=variant % 2 == 0, secondary_bits=None), **who)
    elif kind == "delete":
        store.delete_bank(bank, **who)
    elif kind == "add":
        store.add(bank, drafts[0], **who)
    elif kind == "add_many":
        store.add_many(bank, drafts * 2, **who)
    elif entries and kind == "amend":
        amendment = EntryAmendment(demoted=variant % 2 == 0, expires_at=None if variant % 3 else after(variant))
        store.amend(entries[hash_number % len(entries)].id, amendment, **who)
    elif entries and kind == "remove":
        store.remove(entries[hash_number % len(entries)].id, **who)
    elif kind == "remove_many":
        store.remove_many([entry.id for entry in entries[hash_number:]], **who)


def facts(number: int, variant: int) -> Any:
    return draft(
        number,
        note=f"{variant % 2}" * (variant % 3),
        opinion=list(Opinion)[variant % 4],
        phash=f"{number:016x}" if variant % 2 else "",
        keypoints=b"points" if variant % 3 == 0 else None,
        disable_until=after(variant) if variant % 5 == 0 else None,
        provenance={"exchange": f"{variant % 2}"},
    )


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add_many", "amend", "remove", "remove_many", "update", "delete"]),
        st.sampled_from(NAMES),
        st.integers(0, 4),
        st.integers(0, 11),
    ),
    max_size=10,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whoever_follows_changes_knows_every_checkpoints_contents(
    database: Database, steps: list[tuple[str, str, int, int]]
) -> None:
    store, replica = BankStore(database), Replica()
    for name in NAMES:
        if name in {bank.name for bank, _ in store.banks()}:
            store.delete_bank(name, actor="tester", now=NOW)
    replica.at = start = int(store.checkpoint())
    for step in steps:
        act(store, *step)
    changes = store.changes(start)
    assert [change.number for change in changes] == list(range(start + 1, int(store.checkpoint()) + 1))
    for change in changes:
        replica.follow(change)
        assert store.contents(str(change.number)) == replica.contents
    live = list(replica.entries.values())
    assert dict(store.banks()) == {
        bank: sum(entry.bank == bank.name for entry in live) for bank in replica.banks.values()
    }
    assert set(store.keypoints(entry.id for entry in live)) == {entry.id for entry in live if entry.has_keypoints}


def test_nothing_is_new_after_the_newest_change(store: BankStore) -> None:
    assert store.changes(0) == []
    store.create(BANK, actor="tester", now=NOW)
    assert store.changes(0) == [BankChange(1, "create", bank=BANK)]
    assert store.changes(1) == []


def test_changes_come_in_pieces(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    store.add_many("BANNED", [draft(number) for number in range(9)], actor="tester", now=NOW)
    whole = store.changes(0)
    pieces: list[BankChange] = []
    while piece := store.changes(len(pieces), limit=4):
        pieces += piece
    assert pieces == whole
    assert len(whole) == 10


def test_pages_are_the_entries_as_of_a_change(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    entries = store.add_many("BANNED", [draft(number) for number in range(7)], actor="tester", now=NOW)
    then = int(store.checkpoint())
    store.remove_many([entries[1].id, entries[5].id], actor="tester", now=NOW)
    store.amend(entries[0].id, EntryAmendment(note="new"), actor="tester", now=NOW)
    store.add("BANNED", draft(8), actor="tester", now=NOW)
    first = store.pages(then, limit=4)
    assert first == entries[:4]
    assert store.pages(then, after=first[-1].number, limit=4) == entries[4:]
    assert store.pages(then, after=entries[-1].number) == []
    now = store.pages(int(store.checkpoint()))
    assert [entry.number for entry in now] == [2, 4, 5, 6, 8, 12]
    assert now[0].note == "new"


def test_pinned_banks_end_at_their_checkpoint(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    entry = store.add("BANNED", draft(1, keypoints=b"points"), actor="tester", now=NOW)
    pinned = PinnedBanks(store, store.checkpoint())
    assert pinned.keypoints([entry.id]) == {entry.id: b"points"}
    store.remove(entry.id, actor="tester", now=NOW)
    assert [change.number for change in pinned.changes(0)] == [1, 2]
    assert pinned.changes(2) == []
    assert pinned.entries_by_number([2, 3]) == {2: entry}
    assert store.entries_by_number([2, 3]) == {}
    assert pinned.keypoints([entry.id]) == {}


@pytest.mark.parametrize("amendments", [1, 3])
def test_a_removed_entry_is_told_in_its_last_state(store: BankStore, amendments: int) -> None:
    store.create(replace(BANK, effect=BankEffect.ALLOW), actor="tester", now=NOW)
    entry = store.add("BANNED", draft(1), actor="tester", now=NOW)
    for number in range(amendments):
        expiry = NOW + timedelta(days=number)
        entry = store.amend(entry.id, EntryAmendment(expires_at=expiry), actor="tester", now=NOW)
    store.remove(entry.id, actor="tester", now=NOW)
    [change] = store.changes(int(store.checkpoint()) - 1)
    assert change == BankChange(change.number, "remove", entry=entry)


@pytest.fixture
def store(database: Database) -> BankStore:
    return BankStore(database)
