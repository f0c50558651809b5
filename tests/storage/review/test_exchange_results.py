"""What lanes and moderators found of exchanges' entries, on both databases."""

from dataclasses import replace

import pytest

from moderation.domain.bank import Bank, BankEffect, Opinion
from moderation.domain.decision import Action
from moderation.domain.exchange import CREDENTIAL_PREFIX, Exchange, ExchangeKind, Item, Outcome, OwnerOpinion, Page
from moderation.domain.ids import EntryId, PostId
from moderation.domain.signal import BankHit, Match
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchange_feedback import FeedbackStore
from moderation.storage.exchange_results import ResultStore
from moderation.storage.exchanges import ExchangeStore
from tests.factories import NOW, a_hold, a_score, a_screening, accept, after, claim_all
from tests.matching.exchanges.opened import pdq
from tests.storage.review.office import UNDO, Office

TOLD = {ExchangeKind.STOPNCII: frozenset(Outcome)}
LOUD = Exchange(
    "loud",
    ExchangeKind.STOPNCII,
    "NCII",
    "https://a.example",
    {},
    {"fetch_key": f"{CREDENTIAL_PREFIX}X"},
    category="adult",
    write_back=True,
)


@pytest.fixture
def entry(database: Database) -> EntryId:
    BankStore(database).create(Bank("NCII", BankEffect.BLOCK), actor="test", now=NOW)
    store = ExchangeStore(database)
    store.add(LOUD, actor="test", now=NOW)
    item = Item("item-1", pdq(1), 100, (OwnerOpinion("a", Opinion.POSITIVE),))
    store.apply("loud", Page((item,), {}), revision=0, now=NOW)
    collect(database)
    (found,) = BankStore(database).find(pdq(1))
    return found.id


def collect(database: Database) -> int:
    return ResultStore(database).collect(told=TOLD, now=NOW)


def outcomes(database: Database) -> list[Outcome]:
    return [told.outcome for told in FeedbackStore(database).claim(limit=10, now=after(1))]


def matched(office: Office, entry: EntryId, *, tier: str = "automatic") -> PostId:
    post = accept(office.posts, now=NOW)
    (claim,) = claim_all(office.posts, now=NOW)
    hit = BankHit("NCII", entry, "block", 3, 100, 0, tier=tier)
    results = (a_score(), Match("image_match", {"bank_hit": 1}, (hit,), "7", ()))
    screening = a_screening(claim, replace(a_hold("spam"), category="adult"), results=results)
    office.posts.commit([(claim, screening)], now=NOW)
    return post.id


def decide(office: Office, post: PostId, action: Action, category: str = "") -> None:
    ann = office.person("ann")
    office.decide(ann, office.job(post).id, action, category=category)
    office.settle(UNDO + 1)


def test_a_sure_match_was_seen_and_is_told_once(database: Database, entry: EntryId) -> None:
    office = Office(database)
    matched(office, entry)
    matched(office, entry)
    matched(office, entry)
    assert collect(database) == 1
    assert collect(database) == 0
    assert outcomes(database) == [Outcome.SEEN]


def test_a_wide_match_may_be_of_another_picture_and_says_nothing(database: Database, entry: EntryId) -> None:
    matched(Office(database), entry, tier="review")
    assert collect(database) == 0


@pytest.mark.parametrize(
    ("action", "category", "told"),
    [
        (Action.REJECT, "adult", Outcome.CONFIRMED),
        (Action.REJECT, "spam", Outcome.SEEN),
        (Action.APPROVE, "", Outcome.DISPUTED),
    ],
)
def test_settled_decisions_confirm_or_dispute(
    database: Database, entry: EntryId, action: Action, category: str, told: Outcome
) -> None:
    office = Office(database)
    decide(office, matched(office, entry), action, category)
    assert collect(database) > 0
    assert outcomes(database) == [told]
    (banked,) = BankStore(database).find(pdq(1))
    assert banked.opinion == Opinion.POSITIVE, "one moderator's decision makes no entry weaker"


def test_a_decision_that_can_still_be_undone_is_not_told(database: Database, entry: EntryId) -> None:
    office = Office(database)
    post = matched(office, entry)
    office.decide(office.person("ann"), office.job(post).id, Action.APPROVE)
    collect(database)
    assert outcomes(database) == [Outcome.SEEN]


def test_nothing_is_told_of_a_time_when_nobody_was(database: Database, entry: EntryId) -> None:
    store = ExchangeStore(database)
    store.update(replace(LOUD, write_back=False), actor="test", now=NOW)
    office = Office(database)
    matched(office, entry)
    assert collect(database) == 0
    store.update(LOUD, actor="test", now=NOW)
    assert collect(database) == 0
    matched(office, entry)
    assert collect(database) == 1


def test_long_logs_are_looked_at_in_steps(database: Database, entry: EntryId, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation.storage.exchange_results.WINDOW", 1)
    office = Office(database)
    decide(office, matched(office, entry), Action.REJECT, "adult")
    collect(database)
    assert outcomes(database) == [Outcome.CONFIRMED]
