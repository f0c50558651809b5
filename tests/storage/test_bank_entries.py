"""What entries hold, and how it changes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from threading import Event
from typing import Any

import pytest

from moderation.domain.audit import AuditDraft
from moderation.domain.bank import KEEP, Bank, BankEntry, EntryAmendment, EntryDraft, Opinion
from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.domain.ids import EntryId
from moderation.storage.audit import AuditStore
from moderation.storage.bank_adding import MAX_BANKED_BY
from moderation.storage.bank_entries import CHUNK
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from tests.factories import NOW, after
from tests.storage.tampering import count
from tests.storage.test_banks import BANK, draft

WHO: dict[str, Any] = {"actor": "tester", "now": NOW}
FULL = EntryDraft(
    pdq="ab" * 32,
    quality=80,
    source="exchange",
    note="first",
    category="adult",
    phash="12" * 8,
    dhash="34" * 8,
    opinion=Opinion.SEED,
    disable_until=after(1),
    expires_at=after(100),
    keypoints=b"points",
    provenance={"exchange": "one", "identifier": "17"},
)


@pytest.fixture
def store(database: Database) -> BankStore:
    made = BankStore(database)
    made.create(BANK, **WHO)
    return made


def test_an_entry_holds_all_that_its_draft_says(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    assert entry == BankEntry(
        id=entry.id,
        bank="BANNED",
        pdq="ab" * 32,
        quality=80,
        added_at=NOW,
        source="exchange",
        note="first",
        category="adult",
        number=2,
        phash="12" * 8,
        dhash="34" * 8,
        opinion=Opinion.SEED,
        disable_until=after(1),
        expires_at=after(100),
        has_keypoints=True,
        provenance={"exchange": "one", "identifier": "17"},
        banked_by=("tester",),
    )
    assert store.entry(entry.id) == entry
    assert store.find("AB" * 32) == [entry]
    assert store.entries_by_number([1, 2, 3, 2]) == {2: entry}
    assert store.keypoints([entry.id, EntryId("none")]) == {entry.id: b"points"}


def test_an_entry_matches_between_its_dates(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    moments = [NOW, after(1), after(99), after(100)]
    assert [entry.active(moment) for moment in moments] == [False, True, True, False]
    assert store.contents().entries == (entry,), "dates are the reader's to judge"


def test_the_same_hash_again_changes_nothing(store: BankStore, database: Database) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    assert store.add("BANNED", FULL, actor="tester", now=after(5)) == entry
    assert store.checkpoint() == "2"
    assert len(AuditStore(database).events()) == 2


def test_the_same_hash_again_from_another_adds_only_their_name(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    assert store.add("BANNED", FULL, actor="another", now=after(5)) == replace(entry, banked_by=("tester", "another"))
    for number in range(MAX_BANKED_BY):
        last = store.add("BANNED", FULL, actor=f"another {number}", now=after(6))
    assert len(last.banked_by) == MAX_BANKED_BY


def test_the_same_hash_again_brings_what_is_new(store: BankStore) -> None:
    first = store.add("BANNED", draft(1, quality=60), **WHO)
    again = draft(
        1,
        quality=99,
        source="another",
        note="second",
        category="",
        phash="12" * 8,
        dhash="34" * 8,
        opinion=Opinion.DISPUTED,
        disable_until=after(5),
        expires_at=after(9),
        keypoints=b"points",
        provenance={"post": "7"},
    )
    merged = store.add("BANNED", again, actor="tester", now=after(2))
    assert merged == replace(
        first,
        quality=99,
        note="second",
        phash="12" * 8,
        dhash="34" * 8,
        opinion=Opinion.DISPUTED,
        disable_until=after(5),
        expires_at=after(9),
        has_keypoints=True,
        provenance={"post": "7"},
    )
    assert store.entry(first.id) == merged
    assert store.keypoints([first.id]) == {first.id: b"points"}
    assert [change.operation for change in store.changes(0)] == ["create", "add", "amend"]


@pytest.mark.parametrize("said", [Opinion.DISPUTED, Opinion.NEGATIVE, Opinion.SEED])
def test_a_draft_without_an_opinion_keeps_the_one_that_is_stored(store: BankStore, said: Opinion) -> None:
    store.add("BANNED", draft(1, opinion=said), **WHO)
    again = draft(1, opinion=KEEP, note="again")
    assert store.add("BANNED", again, actor="tester", now=after(2)).opinion is said
    assert store.add("BANNED", draft(2, opinion=KEEP), actor="tester", now=after(2)).opinion is Opinion.POSITIVE


def test_a_hash_that_was_added_with_a_low_quality_matches_once_it_comes_with_a_good_one(store: BankStore) -> None:
    first = store.add("BANNED", draft(1, quality=0), **WHO)
    assert store.add("BANNED", draft(1, quality=100), actor="tester", now=after(2)).quality == 100
    assert store.add("BANNED", draft(1, quality=3), actor="tester", now=after(3)).quality == 100
    assert store.pages(99)[0] == replace(first, quality=100)


def test_what_a_draft_does_not_say_stays(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    bare = EntryDraft(FULL.pdq, 10, opinion=Opinion.SEED)
    assert store.add("BANNED", bare, actor="tester", now=after(99)) == entry


def test_an_expired_hash_that_comes_again_is_known_again(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    bare = EntryDraft(FULL.pdq, 10, opinion=Opinion.SEED)
    assert store.add("BANNED", bare, actor="tester", now=after(100)) == replace(entry, expires_at=None)


def test_a_demotion_outlives_the_same_hash(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    store.amend(entry.id, EntryAmendment(demoted=True), **WHO)
    assert store.add("BANNED", FULL, **WHO).demoted


def test_stored_keypoints_are_not_replaced(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    store.add("BANNED", replace(FULL, keypoints=b"others"), **WHO)
    assert store.keypoints([entry.id]) == {entry.id: b"points"}


@pytest.mark.parametrize(
    "amendment",
    [
        {"opinion": Opinion.DISPUTED},
        {"disable_until": None},
        {"disable_until": after(50)},
        {"expires_at": None},
        {"note": ""},
        {"category": "spam"},
        {"demoted": True},
    ],
)
def test_an_amendment_changes_what_it_names(store: BankStore, amendment: dict[str, Any]) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    changed = store.amend(entry.id, EntryAmendment(**amendment), **WHO)
    assert changed == replace(entry, **amendment) == store.entry(entry.id)
    assert store.changes(2)[0].entry == changed
    store.amend(entry.id, EntryAmendment(**amendment), **WHO)
    assert store.checkpoint() == "3", "the same again is no change"


def test_an_amendment_keeps_what_it_does_not_name(store: BankStore) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    assert EntryAmendment() == EntryAmendment(opinion=KEEP, note=KEEP)
    assert store.amend(entry.id, EntryAmendment(), **WHO) == entry
    assert store.checkpoint() == "2"


def test_many_drafts_become_entries_in_order_with_one_event(store: BankStore, database: Database) -> None:
    known = store.add("BANNED", draft(3), **WHO)
    numbers = [*range(CHUNK + 5), 0, 1]
    entries = store.add_many("BANNED", (draft(number) for number in numbers), **WHO)
    assert [entry.pdq for entry in entries] == [f"{number:064x}" for number in numbers]
    assert entries[3] == known
    assert entries[0] == entries[-2]
    assert [entry.number for entry in store.pages(10**6)] == list(range(2, CHUNK + 7))
    assert store.banks() == [(BANK, CHUNK + 5)]
    event = AuditStore(database).events()[-1]
    assert (event.kind, event.subject) == ("bank.add_many", "bank:BANNED")
    expected = {"added": CHUNK + 4, "amended": 0, "given": CHUNK + 7, "checkpoint": str(CHUNK + 6)}
    assert event.payload == expected


def test_many_drafts_are_added_all_or_none(store: BankStore) -> None:
    wrong = [*(draft(number) for number in range(CHUNK + 1)), draft(quality=101)]
    with pytest.raises(InvalidInputError):
        store.add_many("BANNED", wrong, **WHO)
    assert store.checkpoint() == "1"
    assert store.banks() == [(BANK, 0)]


def test_no_drafts_are_no_change(store: BankStore, database: Database) -> None:
    assert store.add_many("BANNED", [], **WHO) == []
    assert len(AuditStore(database).events()) == 1


def test_many_entries_are_removed_at_once_with_their_keypoints(store: BankStore, database: Database) -> None:
    store.create(replace(BANK, name="OTHER"), **WHO)
    mine = [store.add("BANNED", draft(number, keypoints=b"p"), **WHO) for number in (1, 2, 3)]
    other = store.add("OTHER", draft(1), **WHO)
    gone = [mine[2].id, other.id, mine[0].id, EntryId("unknown"), mine[0].id]
    assert store.remove_many(gone, **WHO) == [mine[0], mine[2], other]
    assert store.contents().entries == (mine[1],)
    assert count(database, "bank_keypoints") == 1
    events = AuditStore(database).events()[-2:]
    assert [(event.kind, event.subject, event.payload["removed"]) for event in events] == [
        ("bank.remove_many", "bank:BANNED", 2),
        ("bank.remove_many", "bank:OTHER", 1),
    ]


def test_a_deleted_bank_is_gone_with_its_entries_and_its_name_is_free(store: BankStore, database: Database) -> None:
    store.add_many("BANNED", [draft(number, keypoints=b"p") for number in range(3)], **WHO)
    then = store.contents()
    assert store.delete_bank("BANNED", **WHO) == 3
    assert store.contents() == replace(store.contents("0"), checkpoint="8")
    assert store.contents(then.checkpoint) == then
    assert count(database, "bank_keypoints") == 0
    assert [change.operation for change in store.changes(4)] == ["remove"] * 3 + ["delete"]
    event = AuditStore(database).events()[-1]
    assert (event.kind, event.payload) == ("bank.delete", {"removed": 3, "checkpoint": "8"})
    for act in (store.bank, store.entries):
        with pytest.raises(NotFoundError):
            act("BANNED")
    with pytest.raises(NotFoundError):
        store.delete_bank("BANNED", **WHO)
    again = store.create(replace(BANK, distance_bits=3), **WHO)
    assert store.banks() == [(again, 0)]
    assert store.add("BANNED", draft(1), **WHO).number == 10


def test_a_bank_comes_back_with_all_that_it_says(store: BankStore) -> None:
    bank = Bank("WIDE", BANK.effect, 10, 20, "words", review_bits=40, secondary_bits=None, verify=False, enabled=False)
    store.create(bank, **WHO)
    assert store.bank("WIDE") == bank
    assert store.contents().banks == (BANK, bank)


@pytest.mark.parametrize(
    "wrong",
    [
        {"review_bits": 65},
        {"review_bits": 30},
        {"distance_bits": 5, "review_bits": 4},
        {"secondary_bits": -1},
        {"secondary_bits": 17},
    ],
)
def test_a_banks_distances_are_within_their_limits(store: BankStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        store.update(replace(BANK, **wrong), **WHO)
    assert store.checkpoint() == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"phash": "12"},
        {"dhash": "x" * 16},
        {"keypoints": b""},
        {"keypoints": b"x" * 200_001},
        {"note": "x" * 2_001},
        {"source": "x" * 201},
        {"category": "x" * 201},
        {"provenance": {"x" * 201: ""}},
        {"provenance": {"x": "x" * 201}},
        {"provenance": {str(number): "" for number in range(21)}},
        {"expires_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - what is refused
        {"disable_until": datetime(2026, 1, 1)},  # noqa: DTZ001 - what is refused
        {"expires_at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))},
        {"disable_until": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))},
    ],
)
def test_a_wrong_draft_is_refused_without_its_hash(store: BankStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        store.add("BANNED", replace(FULL, **wrong), **WHO)
    assert FULL.pdq not in str(refused.value)
    assert store.checkpoint() == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"note": "x" * 2_001},
        {"category": "x" * 201},
        {"expires_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - what is refused
    ],
)
def test_a_wrong_amendment_is_refused(store: BankStore, wrong: dict[str, Any]) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    with pytest.raises(InvalidInputError):
        store.amend(entry.id, EntryAmendment(**wrong), **WHO)
    assert store.entry(entry.id) == entry


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.entry(EntryId("none")),
        lambda store: store.amend(EntryId("none"), EntryAmendment(note=""), **WHO),
        lambda store: store.add_many("NONE", [FULL], **WHO),
        lambda store: store.bank("NONE"),
        lambda store: store.bank("NO\0NE"),
        lambda store: store.entry(EntryId("no\0ne")),
        lambda store: store.delete_bank("NO\0NE", **WHO),
    ],
)
def test_what_is_not_there_is_not_found(store: BankStore, act: Callable[[BankStore], object]) -> None:
    with pytest.raises(NotFoundError):
        act(store)


def test_hashes_are_nowhere_but_in_the_banks(store: BankStore, database: Database) -> None:
    entry = store.add("BANNED", FULL, **WHO)
    store.amend(entry.id, EntryAmendment(note="another"), **WHO)
    store.add_many("BANNED", [draft(1, phash=FULL.phash)], **WHO)
    store.remove(entry.id, **WHO)
    told = str(AuditStore(database).events()) + repr(entry) + repr(FULL) + repr(store.changes(0)) + repr(FULL)
    assert not any(secret in told for secret in (FULL.pdq, FULL.phash, FULL.dhash, "b'points'", f"{1:064x}"))


def test_times_are_kept_whatever_their_zone(store: BankStore) -> None:
    moment = after(1) + timedelta(microseconds=17)
    entry = store.add("BANNED", replace(FULL, expires_at=moment), **WHO)
    assert store.entry(entry.id).expires_at == moment


def test_what_no_row_can_have_is_nowhere(store: BankStore) -> None:
    store.add("BANNED", FULL, **WHO)
    assert store.find("no\0ne") == store.find("ab") == []
    assert store.entries_by_number([0, -1, 2**63, 10**30]) == {}
    assert store.keypoints([EntryId("no\0ne")]) == {}
    assert store.remove_many([EntryId("no\0ne")], **WHO) == []
    assert store.changes(10**30) == []
    assert len(store.entries("BANNED", before=10**30)) == 1
    assert store.entries("BANNED", before=-(10**30)) == []


@pytest.mark.postgres
def test_lanes_can_commit_while_many_entries_are_written(postgres_url: str) -> None:
    opened = Database.open(postgres_url)
    store, log = BankStore(opened), AuditStore(opened)
    store.create(BANK, **WHO)
    begun, go_on = Event(), Event()

    def slowly() -> Iterator[EntryDraft]:
        yield draft(1)
        begun.set()
        assert go_on.wait(10)
        yield draft(2)

    with ThreadPoolExecutor(2) as pool:
        adding = pool.submit(store.add_many, "BANNED", slowly(), **WHO)
        assert begun.wait(10)
        log.record(AuditDraft(NOW, "lane.started", "lane:1", "lane", {}))
        waiting = pool.submit(store.add, "BANNED", draft(3), **WHO)
        assert store.checkpoint() == "1"
        assert not waiting.done()
        go_on.set()
        numbers = [entry.number for entry in adding.result()]
        assert (numbers, waiting.result().number) == ([2, 3], 4)
    assert log.verify().problem is None
    opened.close()
