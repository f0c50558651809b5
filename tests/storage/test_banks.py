from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from moderation.domain.bank import Bank, BankContents, BankEffect, BankEntry, EntryDraft
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import EntryId
from moderation.storage.audit import AuditStore
from moderation.storage.banks import BankStore, PinnedBanks
from moderation.storage.engine import Database
from tests.factories import NOW, after

BANK = Bank("BANNED", BankEffect.BLOCK, 31, 50, "Known and unwanted.")


@pytest.fixture
def store(database: Database) -> BankStore:
    return BankStore(database)


def add(store: BankStore, number: int = 1, *, bank: str = BANK.name, quality: int = 90) -> BankEntry:
    return store.add(bank, draft(number, quality=quality), actor="tester", now=after(number))


def draft(number: int = 1, **facts: Any) -> EntryDraft:
    words = {"quality": 90, "source": "test", "note": "nöte", "category": "adult"}
    return EntryDraft(**{"pdq": f"{number:064x}", **words, **facts})


def test_no_banks_are_checkpoint_zero(store: BankStore) -> None:
    assert store.checkpoint() == "0"
    assert store.contents() == BankContents("0")
    assert store.banks() == []


def test_a_bank_comes_back_as_it_was_made(store: BankStore) -> None:
    assert store.create(BANK, actor="tester", now=NOW) == BANK
    assert store.banks() == [(BANK, 0)]
    assert store.checkpoint() == "1"


def test_a_name_is_taken_once(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    with pytest.raises(ConflictError):
        store.create(replace(BANK, effect=BankEffect.ALLOW), actor="tester", now=NOW)
    assert store.banks() == [(BANK, 0)]


def test_one_of_many_makers_of_one_name_succeeds(store: BankStore) -> None:
    def make(_: int) -> bool:
        try:
            store.create(BANK, actor="tester", now=NOW)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(8))) == 1


def test_an_update_replaces_the_definition(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    changed = replace(BANK, effect=BankEffect.REVIEW, distance_bits=20, min_quality=60, description="")
    store.update(changed, actor="tester", now=NOW)
    assert store.banks() == [(changed, 0)]
    with pytest.raises(NotFoundError):
        store.update(replace(BANK, name="OTHER"), actor="tester", now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": " a"},
        {"name": "a\n"},
        {"name": "x" * 101},
        {"distance_bits": -1},
        {"distance_bits": 32},
        {"min_quality": -1},
        {"min_quality": 101},
    ],
)
def test_a_wrong_bank_is_refused(store: BankStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        store.create(replace(BANK, **wrong), actor="tester", now=NOW)
    assert store.checkpoint() == "0"


def test_an_entry_comes_back_as_it_was_added(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    entry = add(store)
    facts = ("test", "nöte", "adult")
    assert entry == BankEntry(entry.id, "BANNED", f"{1:064x}", 90, after(1), *facts, number=2, banked_by=("tester",))
    assert store.entries("BANNED") == [entry]
    assert store.contents().entries == (entry,)
    assert store.banks() == [(BANK, 1)]


def test_a_hash_is_added_to_a_bank_once(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    store.create(replace(BANK, name="OTHER"), actor="tester", now=NOW)
    assert add(store) == add(store)
    assert add(store, bank="OTHER").bank == "OTHER"
    assert store.checkpoint() == "4"


def test_hashes_are_kept_in_lower_case(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    upper = draft(pdq="AB" * 32, phash="CD" * 8, dhash="EF" * 8)
    entry = store.add("BANNED", upper, actor="tester", now=NOW)
    assert (entry.pdq, entry.phash, entry.dhash) == ("ab" * 32, "cd" * 8, "ef" * 8)
    assert store.find("AB" * 32) == [entry]


@pytest.mark.parametrize("pdq", ["", "ab", "g" * 64, "a" * 65, "0x" + "a" * 62])
def test_a_wrong_hash_is_refused(store: BankStore, pdq: str) -> None:
    store.create(BANK, actor="tester", now=NOW)
    with pytest.raises(InvalidInputError):
        store.add("BANNED", EntryDraft(pdq, 90), actor="tester", now=NOW)


@pytest.mark.parametrize("quality", [-1, 101])
def test_a_wrong_quality_is_refused(store: BankStore, quality: int) -> None:
    store.create(BANK, actor="tester", now=NOW)
    with pytest.raises(InvalidInputError):
        add(store, quality=quality)


@pytest.mark.parametrize(
    "act",
    [
        lambda store: add(store, bank="NONE"),
        lambda store: store.entries("NONE"),
        lambda store: store.remove(EntryId("none"), actor="tester", now=NOW),
        lambda store: store.contents("1"),
        lambda store: store.contents("-1"),
        lambda store: store.contents("one"),
        lambda store: store.contents("9" * 40),
    ],
)
def test_what_is_not_there_is_not_found(store: BankStore, act: Callable[[BankStore], object]) -> None:
    with pytest.raises(NotFoundError):
        act(store)


def test_a_removed_entry_is_gone_and_can_be_added_again(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    entry = add(store)
    assert store.remove(entry.id, actor="tester", now=NOW) == entry
    assert store.contents().entries == ()
    assert store.banks() == [(BANK, 0)]
    with pytest.raises(NotFoundError):
        store.remove(entry.id, actor="tester", now=NOW)
    assert add(store).id != entry.id


def test_every_checkpoint_can_be_rebuilt(store: BankStore) -> None:
    seen: list[BankContents] = [store.contents()]

    def remember(_: object) -> None:
        seen.append(store.contents())

    remember(store.create(BANK, actor="tester", now=NOW))
    first = add(store, 1)
    remember(first)
    remember(add(store, 2))
    remember(store.remove(first.id, actor="tester", now=NOW))
    remember(store.update(replace(BANK, distance_bits=10), actor="tester", now=NOW))
    remember(store.create(replace(BANK, name="ANOTHER"), actor="tester", now=NOW))
    remember(add(store, 1))
    assert [contents.checkpoint for contents in seen] == [str(number) for number in range(8)]
    assert [store.contents(str(number)) for number in range(8)] == seen
    assert [bank.name for bank in seen[-1].banks] == ["ANOTHER", "BANNED"]


def test_pinned_banks_are_those_of_their_checkpoint_whatever_comes_after(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    add(store, 1)
    pinned, then = PinnedBanks(store, store.checkpoint()), store.contents()
    add(store, 2)
    assert pinned.checkpoint() == then.checkpoint != store.checkpoint()
    assert pinned.contents() == then
    assert pinned.contents("0") == store.contents("0")


def test_entries_are_listed_newest_first_and_bounded(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    entries = [add(store, number) for number in range(1, 4)]
    assert store.entries("BANNED", limit=2) == entries[:0:-1]
    assert list(store.contents().entries) == entries


def test_a_checkpoint_never_changes_what_it_names_while_others_write(store: BankStore) -> None:
    store.create(BANK, actor="tester", now=NOW)
    with ThreadPoolExecutor(4) as pool:
        pending = [pool.submit(add, store, number) for number in range(1, 25)]
        seen = [store.contents() for _ in range(5)]
        for future in pending:
            future.result()
    assert [store.contents(contents.checkpoint) for contents in seen] == seen
    assert store.checkpoint() == "25"


def test_changes_are_audited_without_hashes(store: BankStore, database: Database) -> None:
    store.create(BANK, actor="alice", now=NOW)
    entry = add(store)
    store.remove(entry.id, actor="bob", now=NOW)
    events = AuditStore(database).events()
    assert [(event.kind, event.subject, event.actor) for event in events] == [
        ("bank.create", "bank:BANNED", "alice"),
        ("bank.add", "bank:BANNED", "tester"),
        ("bank.remove", "bank:BANNED", "bob"),
    ]
    assert [event.payload["checkpoint"] for event in events] == ["1", "2", "3"]
    assert events[1].payload["entry"] == events[2].payload["entry"] == entry.id
    assert entry.pdq not in str(events)


def test_a_revision_is_of_the_bank_as_it_is_and_records_only_changes(store: BankStore) -> None:
    store.create(replace(BANK, effect=BankEffect.REVIEW), actor="tester", now=NOW)
    store.update(BANK, actor="tester", now=NOW)
    off = store.revise(BANK.name, lambda known: replace(known, enabled=False), actor="tester", now=NOW)
    assert off == replace(BANK, enabled=False) == store.bank(BANK.name)
    assert store.revise(BANK.name, lambda known: replace(known, enabled=False), actor="tester", now=NOW) == off
    assert store.checkpoint() == "3"
    with pytest.raises(InvalidInputError):
        store.revise(BANK.name, lambda known: replace(known, distance_bits=32), actor="tester", now=NOW)
    with pytest.raises(NotFoundError):
        store.revise("OTHER", lambda known: known, actor="tester", now=NOW)


def test_revisions_at_once_lose_nothing(store: BankStore) -> None:
    store.create(replace(BANK, description=""), actor="tester", now=NOW)

    def mark(number: int) -> None:
        def marked(known: Bank) -> Bank:
            return replace(known, description=f"{known.description}{number}")

        store.revise(BANK.name, marked, actor="tester", now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(mark, range(8)))
    assert sorted(store.bank(BANK.name).description) == list("01234567")
