"""What exchanges say and what the bank holds, on both databases."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from moderation.domain.bank import KEEP, Bank, BankEffect, BankEntry, EntryAmendment, EntryDraft, Opinion
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.exchange import (
    FREE_REMOVALS,
    Applied,
    Exchange,
    ExchangeKind,
    Item,
    OwnerOpinion,
    Page,
    Skipped,
    free_removals,
)
from moderation.storage.audit import AuditStore
from moderation.storage.bank_rows import entry_of
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchanges import ExchangeStore
from tests.factories import NOW, after
from tests.matching.exchanges.opened import pdq
from tests.storage.tampering import count

FILES = Exchange("shared", ExchangeKind.FILES, "SHARED", "/data/shared.csv", category="gore")


@pytest.fixture
def store(database: Database) -> ExchangeStore:
    BankStore(database).create(Bank("SHARED", BankEffect.BLOCK), actor="test", now=NOW)
    made = ExchangeStore(database)
    made.add(FILES, actor="test", now=NOW)
    return made


@pytest.fixture
def banks(database: Database) -> BankStore:
    return BankStore(database)


def an_item(number: int, opinion: Opinion = Opinion.POSITIVE, *, key: str = "", deleted: bool = False) -> Item:
    if deleted:
        return Item(key or f"item-{number}", deleted=True)
    return Item(key or f"item-{number}", pdq(number), 90, (OwnerOpinion("ann", opinion, ("tag",)),), note="said")


def apply(
    store: ExchangeStore,
    *items: Item,
    name: str = "shared",
    complete: bool = False,
    full: bool = False,
    begins: bool = False,
) -> Applied:
    told = Page(items, {"after": len(items)}, complete, full, begins)
    applied = store.apply(name, told, revision=store.state(name).revision, now=after(1))[1]
    return applied + store.sweep(name, now=after(1)).applied if any(item.deleted for item in items) else applied


def held(banks: BankStore, bank: str = "SHARED") -> dict[str, BankEntry]:
    return {entry.pdq: entry for entry in banks.entries(bank, 10_000)}


def opinions(banks: BankStore) -> dict[str, Opinion]:
    return {key: entry.opinion for key, entry in held(banks).items()}


def test_items_become_entries_with_their_provenance(store: ExchangeStore, banks: BankStore) -> None:
    assert apply(store, an_item(1), an_item(2, Opinion.NEGATIVE)) == Applied(added=2)
    entry = held(banks)[pdq(1)]
    assert (entry.quality, entry.category, entry.note, entry.source) == (90, "gore", "said", "exchange")
    assert entry.provenance == {"exchange": "shared", "id": "item-1"}
    assert opinions(banks) == {pdq(1): Opinion.POSITIVE, pdq(2): Opinion.NEGATIVE}
    state = store.state("shared")
    assert (state.position, state.revision, state.items) == ({"after": 2}, 1, 2)


def test_the_same_again_changes_nothing(store: ExchangeStore, banks: BankStore, database: Database) -> None:
    apply(store, an_item(1), an_item(2))
    checkpoint, events = banks.checkpoint(), count(database, "audit_events")
    assert apply(store, an_item(1), an_item(2)) == Applied(unchanged=2)
    assert (banks.checkpoint(), count(database, "audit_events")) == (checkpoint, events)


def test_opinions_of_all_items_of_a_hash_are_one(store: ExchangeStore, banks: BankStore) -> None:
    apply(store, an_item(1, key="a"))
    assert apply(store, an_item(1, Opinion.NEGATIVE, key="b")) == Applied(amended=1)
    assert opinions(banks) == {pdq(1): Opinion.DISPUTED}
    assert apply(store, an_item(1, key="b", deleted=True)) == Applied(amended=1)
    assert opinions(banks) == {pdq(1): Opinion.POSITIVE}
    assert apply(store, an_item(1, key="a", deleted=True)) == Applied(removed=1)
    assert opinions(banks) == {}


def test_exchanges_that_fill_one_bank_stand_for_an_entry_together(store: ExchangeStore, banks: BankStore) -> None:
    store.add(replace(FILES, name="other"), actor="test", now=NOW)
    apply(store, an_item(1))
    assert apply(store, an_item(1, Opinion.NEGATIVE), name="other") == Applied(amended=1)
    assert opinions(banks) == {pdq(1): Opinion.DISPUTED}
    assert apply(store, an_item(1, deleted=True)) == Applied(amended=1)
    assert opinions(banks) == {pdq(1): Opinion.NEGATIVE}
    assert store.remove("other", actor="test", now=after(2)) == 1
    assert held(banks) == {}


def test_an_item_whose_hash_changes_leaves_its_old_entry(store: ExchangeStore, banks: BankStore) -> None:
    apply(store, an_item(1, key="a"))
    assert apply(store, an_item(2, key="a")) == Applied(added=1, removed=1)
    assert set(held(banks)) == {pdq(2)}


def test_an_entry_that_a_person_made_is_left_as_it_is(store: ExchangeStore, banks: BankStore) -> None:
    mine = banks.add("SHARED", EntryDraft(pdq(1), 80, source="cli", note="mine"), actor="ann", now=NOW)
    apply(store, an_item(1, Opinion.SEED))
    assert held(banks)[pdq(1)] == mine
    apply(store, an_item(1, deleted=True))
    assert held(banks)[pdq(1)] == mine


def test_an_entry_that_a_person_stands_for_too_stays_when_the_exchange_takes_it_back(
    store: ExchangeStore, banks: BankStore
) -> None:
    apply(store, an_item(1))
    banks.add("SHARED", EntryDraft(pdq(1), 80, provenance={"decision": "d-1"}), actor="ann", now=NOW)
    assert apply(store, an_item(1, deleted=True)) == Applied()
    assert pdq(1) in held(banks)


def test_an_item_that_comes_again_with_a_better_quality_lets_its_entry_act(
    store: ExchangeStore, banks: BankStore
) -> None:
    apply(store, replace(an_item(1), quality=20), an_item(2))
    banks.amend(held(banks)[pdq(1)].id, EntryAmendment(note="ours", expires_at=after(999)), actor="ann", now=after(2))
    before = held(banks)
    assert apply(store, replace(an_item(1), quality=90), an_item(2)) == Applied(amended=1, unchanged=1)
    assert held(banks) == {**before, pdq(1): replace(before[pdq(1)], quality=90)}
    assert apply(store, replace(an_item(1), quality=30)) == Applied()
    assert held(banks)[pdq(1)].quality == 90


def test_a_person_who_banks_what_an_exchange_brought_is_remembered_and_keeps_it(
    store: ExchangeStore, banks: BankStore
) -> None:
    apply(store, an_item(1), an_item(2), an_item(3))
    assert [entry.banked_by for entry in held(banks).values()] == [(), (), ()]
    for actor in ("ann", "bob", "ann"):
        banks.add("SHARED", EntryDraft(pdq(1), 80, opinion=KEEP), actor=actor, now=NOW)
    banks.add("SHARED", EntryDraft(pdq(2), 80, source="exchange", opinion=KEEP), actor="cli", now=NOW)
    assert [held(banks)[pdq(number)].banked_by for number in (1, 2, 3)] == [("ann", "bob"), ("cli",), ()]
    assert store.standing_for(held(banks)[pdq(1)]) == ["shared"]
    apply(store, an_item(1, Opinion.NEGATIVE))
    assert held(banks)[pdq(1)].banked_by == ("ann", "bob"), "what an exchange says anew changes nothing of it"
    assert apply(store, an_item(1, deleted=True)) == Applied()
    assert store.standing_for(held(banks)[pdq(1)]) == []
    assert store.remove("shared", actor="test", now=after(2)) == 1
    assert set(held(banks)) == {pdq(1), pdq(2)}


def test_who_banked_entries_of_before_that_was_told_is_read_from_their_source_and_provenance() -> None:
    def banked_by(source: str, **provenance: str) -> tuple[str, ...]:
        payload = {"quality": 80, "source": source, "note": "", "category": "", "provenance": provenance}
        row: Any = SimpleNamespace(entry_id="e", bank="B", pdq=pdq(1), number=1, at=NOW, actor="ann")
        return entry_of(row, json.dumps(payload)).banked_by

    assert banked_by("cli") == ("ann",)
    assert banked_by("exchange", exchange="shared", id="1") == ()
    assert banked_by("exchange", exchange="shared", id="1", decision="d") == ("unknown",)


def test_an_entry_that_a_person_took_out_stays_out(store: ExchangeStore, banks: BankStore) -> None:
    apply(store, an_item(1))
    banks.remove(held(banks)[pdq(1)].id, actor="ann", now=after(2))
    assert apply(store, an_item(1, Opinion.NEGATIVE)) == Applied(kept_out=1)
    assert apply(store, an_item(1, key="another")) == Applied(kept_out=1)
    assert held(banks) == {}
    apply(store, an_item(1, deleted=True))
    assert apply(store, an_item(1, key="another", deleted=True)) == Applied()
    assert apply(store, an_item(1)) == Applied(added=1), "told again after it was taken back everywhere"


def test_what_a_person_amended_stays_until_the_exchange_says_something_else(
    store: ExchangeStore, banks: BankStore
) -> None:
    apply(store, an_item(1))
    banks.amend(held(banks)[pdq(1)].id, EntryAmendment(disable_until=after(999)), actor="ann", now=after(2))
    apply(store, an_item(1, Opinion.NEGATIVE))
    entry = held(banks)[pdq(1)]
    assert (entry.opinion, entry.disable_until) == (Opinion.NEGATIVE, after(999))


def test_a_page_is_applied_with_its_position_or_not_at_all(
    store: ExchangeStore, banks: BankStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(store, an_item(1))
    before, checkpoint = store.state("shared"), banks.checkpoint()
    too_long = replace(an_item(3), category="x" * 1_000)
    with pytest.raises(InvalidInputError):
        apply(store, an_item(2), an_item(1, deleted=True), too_long)
    assert (store.state("shared"), banks.checkpoint()) == (before, checkpoint)
    assert set(held(banks)) == {pdq(1)}


def test_two_fetches_of_one_exchange_do_not_mix(store: ExchangeStore) -> None:
    page = Page((an_item(1),), {"after": 1})
    store.apply("shared", page, revision=0, now=NOW)
    with pytest.raises(ConflictError):
        store.apply("shared", page, revision=0, now=NOW)
    store.set_enabled("shared", False, actor="test", now=NOW)
    with pytest.raises(ConflictError):
        store.apply("shared", page, revision=1, now=NOW)


def full_pass(store: ExchangeStore, items: Sequence[Item], *, malformed: int = 0) -> None:
    page = Page(tuple(items), {"done": True}, True, True, True, Skipped({}, malformed))
    store.apply("shared", page, revision=store.state("shared").revision, now=after(1))


def test_what_a_full_pass_did_not_tell_is_removed(store: ExchangeStore, banks: BankStore) -> None:
    full_pass(store, [an_item(number) for number in range(4)])
    assert store.sweep("shared", now=after(1)).left == 0
    full_pass(store, [an_item(0), an_item(9)])
    assert store.state("shared").removals_due == 3
    swept = store.sweep("shared", now=after(2))
    assert (swept.applied, swept.left, swept.withheld) == (Applied(removed=3), 0, False)
    assert set(held(banks)) == {pdq(0), pdq(9)}
    assert store.sweep("shared", now=after(3)).applied == Applied()


def test_a_pass_that_is_not_complete_removes_nothing(store: ExchangeStore, banks: BankStore) -> None:
    full_pass(store, [an_item(number) for number in range(4)])
    apply(store, an_item(0), full=True, begins=True)
    assert store.sweep("shared", now=after(2)).left == 0
    assert len(held(banks)) == 4
    apply(store, an_item(1), full=True, complete=True)
    assert store.sweep("shared", now=after(2)).applied == Applied(removed=2)


def test_removals_are_withheld_when_the_pass_had_malformed_items(store: ExchangeStore, banks: BankStore) -> None:
    full_pass(store, [an_item(number) for number in range(4)])
    full_pass(store, [an_item(0)], malformed=1)
    swept = store.sweep("shared", now=after(2))
    assert (swept.withheld, swept.left, len(held(banks))) == (True, 3, 4)
    apply(store)
    assert store.sweep("shared", now=after(3)).withheld, "a later page without items does not release them"
    assert store.sweep("shared", now=after(3), allow=True).applied == Applied(removed=3)


def test_many_removals_are_withheld_until_somebody_allows_them(
    store: ExchangeStore, banks: BankStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [an_item(number) for number in range(FREE_REMOVALS + 50)]
    full_pass(store, many)
    full_pass(store, many[:10])
    swept = store.sweep("shared", now=after(2))
    assert (swept.withheld, swept.left) == (True, FREE_REMOVALS + 40)
    assert len(held(banks)) == FREE_REMOVALS + 50
    monkeypatch.setattr("moderation.storage.exchanges.SWEEP_ITEMS", 60)
    steps = [store.sweep("shared", now=after(3), allow=True) for _ in range(3)]
    assert [step.left for step in steps] == [80, 20, 0]
    assert len(held(banks)) == 10


@pytest.mark.parametrize(
    ("items", "options", "free"),
    [(0, {}, 5), (40, {}, 5), (70, {}, 7), (900, {}, 90), (9_000, {}, 100), (9_000, {"max_removals": "0"}, 0)],
)
def test_a_tenth_may_go_at_most_a_hundred_and_at_least_a_few(items: int, options: dict[str, str], free: int) -> None:
    assert free_removals(replace(FILES, options=options), items) == free


def test_what_a_fetch_may_remove_unasked_is_the_exchanges_own(store: ExchangeStore, banks: BankStore) -> None:
    many = [an_item(number) for number in range(60)]
    full_pass(store, many)
    full_pass(store, many[:53])
    assert store.sweep("shared", now=after(2)).withheld, "seven of sixty are more than a tenth"
    store.update(replace(FILES, options={"max_removals": "7"}), actor="test", now=NOW)
    assert store.sweep("shared", now=after(2)).applied == Applied(removed=7)
    store.update(replace(FILES, options={"max_removals": "0"}), actor="test", now=NOW)
    full_pass(store, many[:52])
    assert store.sweep("shared", now=after(2)).withheld
    assert len(held(banks)) == 53


def test_a_configuration_is_kept_and_audited_without_a_secret(store: ExchangeStore, database: Database) -> None:
    made = replace(
        FILES,
        name="remote",
        kind=ExchangeKind.NCMEC,
        address="https://example.org",
        options={"members": "1"},
        credentials={"user": "EXCHANGE_USER", "password": "EXCHANGE_PASSWORD"},
        write_back=True,
        every_seconds=90.5,
    )
    assert store.add(made, actor="ann", now=NOW).exchange == made
    assert [state.exchange.name for state in store.states()] == ["remote", "shared"]
    assert store.due(NOW) == ["remote", "shared"]
    changed = replace(made, write_back=False, every_seconds=100)
    assert store.update(changed, actor="ann", now=NOW).exchange == changed
    with pytest.raises(InvalidInputError, match="keeps its kind"):
        store.update(replace(made, bank="OTHER"), actor="ann", now=NOW)
    store.remove("remote", actor="ann", now=NOW)
    assert AuditStore(database).verify().problem is None


@pytest.mark.parametrize(
    "wrong",
    [
        replace(FILES, name="bad name"),
        replace(FILES, name=""),
        replace(FILES, every_seconds=1),
        replace(FILES, every_seconds=float("nan")),
        replace(FILES, credentials={"token": "MODERATION_DATABASE_URL"}),
        replace(FILES, credentials={"token": "the secret itself"}),
    ],
)
def test_wrong_configurations_are_refused(store: ExchangeStore, wrong: Exchange) -> None:
    with pytest.raises(InvalidInputError):
        store.add(wrong, actor="test", now=NOW)


def test_names_and_banks_are_checked(store: ExchangeStore, banks: BankStore) -> None:
    with pytest.raises(ConflictError):
        store.add(FILES, actor="test", now=NOW)
    with pytest.raises(NotFoundError):
        store.add(replace(FILES, name="x", bank="NOWHERE"), actor="test", now=NOW)
    remote = replace(FILES, name="x", bank="GOOD", kind=ExchangeKind.STOPNCII)
    with pytest.raises(InvalidInputError, match="allows"):
        store.add(remote, actor="test", now=NOW, new_bank=BankEffect.ALLOW)
    assert [bank.name for bank, _ in banks.banks()] == ["SHARED"]
    store.add(replace(FILES, name="x", bank="NEW"), actor="test", now=NOW, new_bank=BankEffect.REVIEW)
    assert banks.bank("NEW").effect == BankEffect.REVIEW
    with pytest.raises(NotFoundError):
        store.state("none")
    with pytest.raises(NotFoundError):
        store.sweep("none", now=NOW)
    with pytest.raises(NotFoundError):
        store.failed("none", "", now=NOW)


def test_failures_put_off_the_next_fetch_ever_longer_and_a_success_ends_that(store: ExchangeStore) -> None:
    waits = [(store.failed("shared", f"no {number}", now=NOW) - NOW).total_seconds() for number in range(12)]
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == 6 * 3600
    assert (store.state("shared").failures, store.state("shared").last_error) == (12, "no 11")
    assert store.due(after(100)) == []
    store.succeeded("shared", Applied(added=1), now=after(200))
    state = store.state("shared")
    assert (state.failures, state.last_error, state.last_success_at, state.due_at) == (0, "", after(200), after(3800))
    store.succeeded("shared", Applied(), complete=False, now=after(300))
    assert store.due(after(300)) == ["shared"]


def test_an_exchange_is_removed_with_what_it_alone_stands_for(
    store: ExchangeStore, banks: BankStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.storage.exchanges.SWEEP_ITEMS", 2)
    banks.add("SHARED", EntryDraft(pdq(0), 80, source="cli"), actor="ann", now=NOW)
    apply(store, *(an_item(number) for number in range(5)))
    assert store.remove("shared", actor="test", now=after(5)) == 4
    assert set(held(banks)) == {pdq(0)}
    with pytest.raises(NotFoundError):
        store.state("shared")


def test_entries_can_stay_when_an_exchange_is_removed(store: ExchangeStore, banks: BankStore) -> None:
    apply(store, an_item(1))
    assert store.remove("shared", actor="test", now=after(5), keep_entries=True) == 0
    assert set(held(banks)) == {pdq(1)}


def test_no_hash_is_in_the_audit_log(store: ExchangeStore, database: Database) -> None:
    apply(store, an_item(1))
    apply(store, an_item(1, deleted=True))
    with database.read() as connection:
        payloads = connection.exec_driver_sql("SELECT payload FROM audit_events").scalars().all()
    assert not any(pdq(1) in payload for payload in payloads)


def test_exchanges_of_one_bank_that_are_fetched_at_once_lose_nothing(
    store: ExchangeStore, banks: BankStore, database: Database
) -> None:
    store.add(replace(FILES, name="other"), actor="test", now=NOW)

    def tell(name: str) -> None:
        for turn in range(12):
            apply(store, *(an_item(number, deleted=bool((turn + number) % 2)) for number in range(4)), name=name)
            apply(store, *(an_item(number) for number in range(2)), name=name)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tell, ["shared", "other"]))
    live = {number for number in range(4) if number < 2 or (11 + number) % 2 == 0}
    assert set(held(banks)) == {pdq(number) for number in live}
    assert AuditStore(database).verify().problem is None


def test_an_exchange_that_takes_nearly_everything_back_is_not_believed_until_somebody_is_asked(
    store: ExchangeStore, banks: BankStore
) -> None:
    many = [an_item(number) for number in range(FREE_REMOVALS + 50)]
    apply(store, *many)
    for start in range(0, len(many), 30):
        page = [replace(item, deleted=True) for item in many[start : start + 30]]
        told = Page(tuple(page), {})
        store.apply("shared", told, revision=store.state("shared").revision, now=after(1))
    swept = store.sweep("shared", now=after(2))
    assert (swept.withheld, swept.left, len(held(banks))) == (True, len(many), len(many))
    assert store.state("shared").removals_due == len(many)
    apply(store, *many[:60])
    assert store.state("shared").removals_due == len(many) - 60, "what is told again was not taken back"
    assert store.sweep("shared", now=after(3), allow=True).applied == Applied(removed=len(many) - 60)
    assert len(held(banks)) == 60


def test_what_was_taken_back_goes_also_when_other_items_were_malformed(store: ExchangeStore, banks: BankStore) -> None:
    full_pass(store, [an_item(number) for number in range(4)])
    full_pass(store, [an_item(0), an_item(1, deleted=True)], malformed=1)
    assert store.sweep("shared", now=after(2)).applied == Applied(removed=1)
    assert store.sweep("shared", now=after(2)).withheld
    assert set(held(banks)) == {pdq(0), pdq(2), pdq(3)}


def test_a_persons_opinion_stays_when_an_exchange_says_the_same_in_other_words(
    store: ExchangeStore, banks: BankStore
) -> None:
    apply(store, an_item(1))
    banks.amend(held(banks)[pdq(1)].id, EntryAmendment(opinion=Opinion.DISPUTED), actor="ann", now=after(2))
    apply(store, replace(an_item(1), note="another note"))
    apply(store, an_item(1, key="another"))
    apply(store, an_item(1, key="another", deleted=True))
    apply(store, replace(an_item(1), category="other"))
    assert (opinions(banks), held(banks)[pdq(1)].category) == ({pdq(1): Opinion.DISPUTED}, "other")
    apply(store, an_item(1, Opinion.SEED))
    assert opinions(banks) == {pdq(1): Opinion.SEED}


def test_an_entry_that_a_person_let_expire_stays_expired(store: ExchangeStore, banks: BankStore) -> None:
    apply(store, an_item(1, Opinion.SEED))
    banks.amend(held(banks)[pdq(1)].id, EntryAmendment(expires_at=NOW), actor="ann", now=NOW)
    apply(store, an_item(1))
    entry = held(banks)[pdq(1)]
    assert (entry.opinion, entry.expires_at) == (Opinion.POSITIVE, NOW)


def test_an_exchange_that_fills_without_end_is_stopped(
    store: ExchangeStore, banks: BankStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.storage.exchanges.MAX_ITEMS", 10)
    monkeypatch.setattr("moderation.storage.exchanges.COUNT_EVERY", 2)
    for page in range(4):
        apply(store, *(an_item(page * 5 + number) for number in range(5)))
    with pytest.raises(InvalidInputError, match="over 10 items"):
        apply(store, an_item(99))
    store.update(replace(FILES, options={"max_items": "30"}), actor="test", now=NOW)
    assert apply(store, an_item(99)) == Applied(added=1)


def test_strangers_do_not_fill_a_bank_that_was_made_one_that_allows(store: ExchangeStore, banks: BankStore) -> None:
    remote = replace(FILES, name="remote", kind=ExchangeKind.STOPNCII, address="https://a.example")
    store.add(remote, actor="test", now=NOW)
    banks.update(Bank("SHARED", BankEffect.ALLOW), actor="ann", now=NOW)
    with pytest.raises(InvalidInputError, match="allows"):
        apply(store, an_item(1), name="remote")
    assert apply(store, an_item(1)) == Applied(added=1), "a file of one's own"
