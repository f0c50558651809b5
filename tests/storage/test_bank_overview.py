"""Sums over banks and entries, and which posts matched an entry."""

from dataclasses import replace
from datetime import timedelta

import pytest

from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryAmendment, EntryDraft
from moderation.domain.ids import EntryId, PostId
from moderation.domain.signal import BankHit, Match
from moderation.storage.bank_overview import BankOverviewStore, BankSummary
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.entry_matches import EntryMatchStore
from moderation.storage.match_counts import FLOODED, MATCHED
from moderation.storage.posts import PostStore
from moderation.storage.review import counters
from tests.factories import NOW, a_hold, a_screening, accept, after, claim_all
from tests.storage.review.picture_rows import a_pdq

HOUR = NOW.replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def banks(database: Database) -> BankStore:
    store = BankStore(database)
    for name in ("A", "B"):
        store.create(Bank(name, BankEffect.BLOCK), actor="ada", now=NOW)
    return store


def add(banks: BankStore, seed: int, bank: str = "A", *, note: str = "") -> BankEntry:
    draft = EntryDraft(a_pdq(seed), 90, phash="12" * 8, dhash="34" * 8, note=note)
    return banks.add(bank, draft, actor="bo", now=after(seed))


def test_summaries_count_what_is_there_now(database: Database, banks: BankStore) -> None:
    first, second, third = add(banks, 1), add(banks, 2), add(banks, 3, note='he said "demoted":true')
    for entry in (first, second):
        banks.amend(entry.id, EntryAmendment(demoted=True), actor="flood", now=after(10))
    banks.amend(third.id, EntryAmendment(category='"demoted":true'), actor="cy", now=after(11))
    banks.remove(second.id, actor="di", now=after(12))
    store = BankOverviewStore(database)
    found = store.summaries(HOUR)
    assert found["A"] == BankSummary(2, 1, 0, 0, after(12), "di")
    assert found["B"] == BankSummary(0, 0, 0, 0, NOW, "ada")
    banks.amend(first.id, EntryAmendment(demoted=False), actor="cy", now=after(13))
    assert store.summaries(HOUR)["A"].demoted == 0
    banks.delete_bank("A", actor="di", now=after(14))
    assert store.summaries(HOUR)["A"].entries == 0


def test_posts_and_floods_are_counted_since_a_time(database: Database, banks: BankStore) -> None:
    entry, other = add(banks, 1), add(banks, 2, "B")
    with database.write() as connection:
        old: dict[counters.Key, float] = {(MATCHED, entry.id, "A"): 100.0, (FLOODED, entry.id, "A"): 1.0}
        counters.add(connection, NOW - timedelta(days=2), old)
        new: dict[counters.Key, float] = {
            (MATCHED, entry.id, "A"): 3.0,
            (MATCHED, other.id, "B"): 4.0,
            (FLOODED, entry.id, "A"): 1.0,
        }
        counters.add(connection, NOW, new)
    store = BankOverviewStore(database)
    found = store.summaries(HOUR)
    assert [(found[bank].refused, found[bank].floods) for bank in "AB"] == [(3, 1), (4, 0)]
    assert store.refused([entry.id, other.id, EntryId("none")], HOUR) == {entry.id: 3, other.id: 4}
    assert store.refused([entry.id], HOUR - timedelta(days=3)) == {entry.id: 103}
    assert store.refused([], HOUR) == {}


def test_an_entrys_history_holds_no_hash(database: Database, banks: BankStore) -> None:
    entry = add(banks, 1, note="first")
    banks.amend(entry.id, EntryAmendment(note="second"), actor="cy", now=after(5))
    banks.amend(add(banks, 2).id, EntryAmendment(note="another's"), actor="cy", now=after(6))
    history = BankOverviewStore(database).history(entry.id)
    assert [(one.operation, one.actor, one.at, one.state["note"]) for one in history] == [
        ("add", "bo", after(1), "first"),
        ("amend", "cy", after(5), "second"),
    ]
    assert not {"pdq", "phash", "dhash"} & {name for one in history for name in one.state}
    assert not [one for one in history if entry.pdq in str(one) or entry.phash in str(one)]
    assert BankOverviewStore(database).history(EntryId("none")) == []


def screened(database: Database, *hits: BankHit, at: float = 0) -> PostId:
    posts = PostStore(database)
    post = accept(posts, now=after(at))
    (claim,) = claim_all(posts, now=after(at))
    results = (Match("image_match", {}, hits, "1"),)
    posts.commit([(claim, a_screening(claim, replace(a_hold(), complete=True), results=results))], now=after(at))
    return post.id


def test_posts_that_matched_an_entry(database: Database) -> None:
    hit = BankHit("A", "entry-1", "block", 6, 90, 0)
    worse = replace(hit, distance_bits=40, tier="review", frame=1)
    other = replace(hit, entry_id="entry-10", note="not entry-1 but like entry-1")
    one, two, three = screened(database, hit, worse), screened(database, other, at=1), screened(database, at=2)
    store = EntryMatchStore(database)
    assert store.among([one, two, three], EntryId("entry-1")) == {one: hit}
    assert store.among([one, two, three], EntryId("entry-10")) == {two: other}
    assert store.among([two, three], EntryId("entry-1")) == {}
    assert store.among([one], EntryId("%")) == {}
    assert store.among([one], EntryId("\0")) == {}
    assert store.among([], EntryId("entry-1")) == {}
