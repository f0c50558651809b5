"""Results of our reviews: what they do here at once, and what is queued to be told, on both databases."""

from collections.abc import Mapping

import pytest

from moderation.domain.bank import Bank, BankEffect, EntryAmendment, EntryDraft, Opinion
from moderation.domain.exchange import (
    CREDENTIAL_PREFIX,
    Exchange,
    ExchangeKind,
    Feedback,
    Item,
    Outcome,
    OwnerOpinion,
    Page,
)
from moderation.domain.ids import EntryId
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchange_feedback import LEASE_SECONDS, RETRY_SECONDS, FeedbackStore
from moderation.storage.exchanges import ExchangeStore
from tests.factories import NOW, after
from tests.matching.exchanges.opened import pdq

TOLD: Mapping[ExchangeKind, frozenset[Outcome]] = {ExchangeKind.STOPNCII: frozenset(Outcome)}


@pytest.fixture
def feedback(database: Database) -> FeedbackStore:
    BankStore(database).create(Bank("NCII", BankEffect.BLOCK), actor="test", now=NOW)
    credentials = {"fetch_key": f"{CREDENTIAL_PREFIX}X"}
    for name, write_back in (("loud", True), ("mute", False)):
        exchange = Exchange(
            name, ExchangeKind.STOPNCII, "NCII", "https://a.example", {}, credentials, write_back=write_back
        )
        ExchangeStore(database).add(exchange, actor="test", now=NOW)
    put(database, "loud", 1, Opinion.POSITIVE)
    return FeedbackStore(database)


def put(database: Database, name: str, number: int, opinion: Opinion, *, deleted: bool = False) -> None:
    store = ExchangeStore(database)
    item = Item(f"item-{number}", pdq(number), 100, (OwnerOpinion("a", opinion),), feedback={"to": str(number)})
    item = Item(f"item-{number}", deleted=True) if deleted else item
    store.apply(name, Page((item,), {}), revision=store.state(name).revision, now=NOW)
    store.sweep(name, now=NOW)


def entry_of(database: Database, number: int = 1) -> EntryId:
    (entry,) = BankStore(database).find(pdq(number))
    return entry.id


def opinion_of(database: Database, number: int = 1) -> Opinion:
    (entry,) = BankStore(database).find(pdq(number))
    return entry.opinion


def review(feedback: FeedbackStore, database: Database, outcome: Outcome, number: int = 1) -> int:
    entry = entry_of(database, number)
    return feedback.review(entry, outcome, told=TOLD, actor="ann", now=NOW)


def claimed(feedback: FeedbackStore, seconds: float = 1) -> list[Feedback]:
    return feedback.claim(limit=10, now=after(seconds))


def test_what_we_dispute_never_acts_again_whatever_others_say(feedback: FeedbackStore, database: Database) -> None:
    assert review(feedback, database, Outcome.DISPUTED) == 1
    assert opinion_of(database) == Opinion.DISPUTED
    put(database, "mute", 1, Opinion.POSITIVE)
    put(database, "loud", 1, Opinion.SEED)
    assert opinion_of(database) == Opinion.DISPUTED
    (told,) = claimed(feedback)
    assert (told.exchange, told.outcome, told.item.pdq, told.item.feedback) == (
        "loud",
        Outcome.DISPUTED,
        pdq(1),
        {"to": "1"},
    )


def test_what_we_confirm_counts_for_a_seed(feedback: FeedbackStore, database: Database) -> None:
    put(database, "mute", 2, Opinion.SEED)
    assert opinion_of(database, 2) == Opinion.SEED
    assert review(feedback, database, Outcome.CONFIRMED, 2) == 0, "this one may not be told"
    assert opinion_of(database, 2) == Opinion.POSITIVE
    assert review(feedback, database, Outcome.DISPUTED, 2) == 0
    assert opinion_of(database, 2) == Opinion.DISPUTED


def test_seen_changes_no_opinion_and_is_told_once(feedback: FeedbackStore, database: Database) -> None:
    assert [review(feedback, database, Outcome.SEEN) for _ in range(3)] == [1, 0, 0]
    assert opinion_of(database) == Opinion.POSITIVE


def test_the_newest_result_replaces_one_that_waits(feedback: FeedbackStore, database: Database) -> None:
    outcomes = (Outcome.SEEN, Outcome.CONFIRMED, Outcome.CONFIRMED, Outcome.DISPUTED, Outcome.CONFIRMED, Outcome.SEEN)
    assert [review(feedback, database, outcome) for outcome in outcomes] == [1, 1, 0, 1, 1, 0]
    assert [told.outcome for told in claimed(feedback)] == [Outcome.CONFIRMED]
    assert feedback.counts() == {"loud": {"pending": 1, "dropped": 2}}


def test_a_result_that_was_told_is_told_again_only_after_another(feedback: FeedbackStore, database: Database) -> None:
    review(feedback, database, Outcome.CONFIRMED)
    (told,) = claimed(feedback)
    feedback.sent(told, now=after(2))
    assert review(feedback, database, Outcome.CONFIRMED) == 0
    assert review(feedback, database, Outcome.DISPUTED) == 1
    assert review(feedback, database, Outcome.CONFIRMED) == 1


def test_a_lease_keeps_others_away_until_it_ends_and_the_late_one_settles_nothing(
    feedback: FeedbackStore, database: Database
) -> None:
    review(feedback, database, Outcome.CONFIRMED)
    (first,) = claimed(feedback)
    assert claimed(feedback, 2) == []
    (second,) = claimed(feedback, LEASE_SECONDS + 2)
    assert second.attempt == first.attempt + 1
    feedback.failed(first, "late", again=False, now=after(LEASE_SECONDS + 3))
    feedback.sent(second, now=after(LEASE_SECONDS + 4))
    assert feedback.counts() == {"loud": {"sent": 1}}


def test_failures_are_tried_again_ever_later_and_then_given_up(feedback: FeedbackStore, database: Database) -> None:
    review(feedback, database, Outcome.CONFIRMED)
    at = 1.0
    for wait in RETRY_SECONDS:
        (told,) = claimed(feedback, at)
        feedback.failed(told, "no answer", again=True, now=after(at))
        assert claimed(feedback, at + wait - 1) == []
        at += wait
    (told,) = claimed(feedback, at)
    feedback.failed(told, "no answer", again=True, now=after(at))
    assert feedback.counts() == {"loud": {"dead": 1}}


def test_a_refusal_is_final(feedback: FeedbackStore, database: Database) -> None:
    review(feedback, database, Outcome.CONFIRMED)
    (told,) = claimed(feedback)
    feedback.failed(told, "refused", again=False, now=after(2))
    assert feedback.counts() == {"loud": {"dead": 1}}


@pytest.mark.parametrize("how", ["disabled", "gone"])
def test_what_cannot_be_told_any_more_is_dropped(feedback: FeedbackStore, database: Database, how: str) -> None:
    review(feedback, database, Outcome.CONFIRMED)
    if how == "disabled":
        ExchangeStore(database).set_enabled("loud", False, actor="test", now=NOW)
    else:
        put(database, "loud", 1, Opinion.POSITIVE, deleted=True)
    assert claimed(feedback) == []
    assert feedback.counts() == {"loud": {"dropped": 1}}


def test_an_entry_that_no_exchange_brought_has_nobody_to_be_told(feedback: FeedbackStore, database: Database) -> None:
    entry = BankStore(database).add("NCII", EntryDraft(pdq(5), 90), actor="ann", now=NOW)
    assert feedback.review(entry.id, Outcome.DISPUTED, told=TOLD, actor="ann", now=NOW) == 0
    assert opinion_of(database, 5) == Opinion.POSITIVE


def test_what_is_only_told_changes_no_entry_that_a_person_amended(feedback: FeedbackStore, database: Database) -> None:
    entry = entry_of(database)
    BankStore(database).amend(entry, EntryAmendment(opinion=Opinion.NEGATIVE), actor="ann", now=NOW)
    assert review(feedback, database, Outcome.SEEN) == 1
    assert feedback.review(entry, Outcome.CONFIRMED, told=TOLD, actor="x", now=NOW, counts=False) == 1
    assert opinion_of(database) == Opinion.NEGATIVE
    review(feedback, database, Outcome.CONFIRMED)
    assert opinion_of(database) == Opinion.POSITIVE, "that was said of the entry itself"


@pytest.mark.parametrize("detour", ["deleted", "another hash"])
def test_our_dispute_outlives_an_item_that_is_taken_back_and_told_again(
    feedback: FeedbackStore, database: Database, detour: str
) -> None:
    store = ExchangeStore(database)
    review(feedback, database, Outcome.DISPUTED)
    if detour == "deleted":
        put(database, "loud", 1, Opinion.POSITIVE, deleted=True)
        assert (store.state("loud").items, store.state("loud").removals_due) == (0, 0)
    else:
        moved = Item("item-1", pdq(9), 100, (OwnerOpinion("a", Opinion.POSITIVE),))
        store.apply("loud", Page((moved,), {}), revision=store.state("loud").revision, now=NOW)
        assert opinion_of(database, 9) == Opinion.POSITIVE
    assert BankStore(database).find(pdq(1)) == [], "nobody but us says anything of it"
    put(database, "loud", 1, Opinion.POSITIVE)
    assert opinion_of(database) == Opinion.DISPUTED
    put(database, "loud", 1, Opinion.POSITIVE, deleted=True)
    put(database, "loud", 1, Opinion.SEED)
    review(feedback, database, Outcome.CONFIRMED)
    assert opinion_of(database) == Opinion.POSITIVE, "the newest that we say counts"
    put(database, "loud", 1, Opinion.POSITIVE, deleted=True)
    store.remove("loud", actor="test", now=NOW)
