"""Flood quarantine on the real stores: from verdicts to a demotion."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from moderation.domain.audit import AuditDraft, AuditEvent
from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryAmendment, EntryDraft
from moderation.domain.signal import BankHit, Match
from moderation.domain.verdict import Verdict
from moderation.matching.entries.flood import MIN_MATCHES
from moderation.screening.quarantine import ACTOR, Quarantine
from moderation.storage import bank_log, match_counts
from moderation.storage.audit import AuditStore, append
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.match_counts import MATCHED, MatchCountStore
from moderation.storage.posts import PostStore
from moderation.storage.review import counters
from tests.factories import NOW, a_digest, a_new_post, a_screening, accept, after, claim_all, judgement_of

LATER = timedelta(days=3)


class Killed(BaseException):
    """The process is gone: nothing of what runs then may catch it."""


def banked(database: Database, effect: BankEffect = BankEffect.BLOCK, name: str = "blocked") -> BankEntry:
    banks = BankStore(database)
    banks.create(Bank(name, effect), actor="ada", now=NOW)
    return banks.add(name, EntryDraft("ab" * 32, 90), actor="ada", now=NOW)


def matched(database: Database, entry: BankEntry, posts: int, *, effect: str = "block", at: timedelta = LATER) -> None:
    """So many posts match the entry, in two frames each."""
    store, when = PostStore(database), at.total_seconds()
    for number in range(posts):
        accept(store, a_new_post(image=a_digest(f"{at} {number}")), now=after(when))
    hits = tuple(BankHit(entry.bank, entry.id, effect, 0, 90, frame) for frame in range(2))
    while claims := claim_all(store, now=after(when + 1)):
        done = [
            (claim, a_screening(claim, judgement_of(Verdict.REJECT), results=[Match("image_match", {}, hits, "2")]))
            for claim in claims
        ]
        store.commit(done, now=after(when + 2))


def counted(database: Database, entry: BankEntry, posts: int, *, at: timedelta = LATER) -> None:
    """The same without the posts."""
    with database.write() as connection:
        counters.add(connection, NOW + at, {(MATCHED, entry.id, entry.bank): posts})


def quarantine(database: Database, *, exempt: tuple[str, ...] = (), at: timedelta = LATER) -> Quarantine:
    return Quarantine(MatchCountStore(database), BankStore(database), exempt, clock=lambda: NOW + at)


def test_an_entry_that_suddenly_blocks_many_posts_is_demoted_once_with_an_alarm(database: Database) -> None:
    entry = banked(database)
    matched(database, entry, MIN_MATCHES)
    [history] = quarantine(database).run()
    assert (history.entry_id, history.recent, history.before) == (entry.id, MIN_MATCHES, 0)
    assert BankStore(database).entry(entry.id).demoted
    events = [event for event in AuditStore(database).about("bank:blocked") if event.actor == ACTOR]
    assert [event.kind for event in events] == ["bank.flood", "bank.amend"]
    assert events[0].payload["matches"] == MIN_MATCHES
    assert MatchCountStore(database).floods(NOW) == {"blocked": 1.0}
    assert quarantine(database).run() == []


@pytest.mark.parametrize("last_words", ["bank.flood", "bank.amend"])
def test_what_is_killed_on_the_way_is_demoted_by_the_next_pass(
    database: Database, monkeypatch: pytest.MonkeyPatch, last_words: str
) -> None:
    entry = banked(database)
    counted(database, entry, MIN_MATCHES)

    def killed(connection: Connection, drafts: Sequence[AuditDraft]) -> list[AuditEvent]:
        written = append(connection, drafts)
        if drafts[0].kind == last_words:
            raise Killed
        return written

    with monkeypatch.context() as patched:
        patched.setattr(match_counts, "append", killed)
        patched.setattr(bank_log, "append", killed)
        with pytest.raises(Killed):
            quarantine(database).run()
    assert not BankStore(database).entry(entry.id).demoted
    assert MatchCountStore(database).floods(NOW) == {}
    assert [history.entry_id for history in quarantine(database).run()] == [entry.id]
    assert BankStore(database).entry(entry.id).demoted
    assert MatchCountStore(database).floods(NOW) == {"blocked": 1.0}


def test_an_entry_that_somebody_else_demoted_or_removed_first_is_no_alarm(database: Database) -> None:
    entry, counts = banked(database), MatchCountStore(database)
    assert counts.demote(entry.id, {}, actor=ACTOR, now=NOW + LATER)
    assert not counts.demote(entry.id, {}, actor=ACTOR, now=NOW + LATER)
    BankStore(database).remove(entry.id, actor="ada", now=NOW)
    assert not counts.demote(entry.id, {}, actor=ACTOR, now=NOW + LATER)
    assert counts.floods(NOW) == {"blocked": 1.0}


def test_a_demotion_that_a_person_lifted_stays_lifted_for_a_week(database: Database) -> None:
    entry = banked(database)
    counted(database, entry, MIN_MATCHES)
    quarantine(database).run()
    BankStore(database).amend(entry.id, EntryAmendment(demoted=False), actor="ada", now=NOW + LATER)
    assert quarantine(database).run() == []
    counted(database, entry, MIN_MATCHES, at=LATER * 4)
    assert len(quarantine(database, at=LATER * 4).run()) == 1


def test_fewer_matches_are_no_flood(database: Database) -> None:
    counted(database, banked(database), MIN_MATCHES - 1)
    assert quarantine(database).run() == []


def test_a_new_entry_is_not_demoted_for_what_it_was_banned_for(database: Database) -> None:
    counted(database, banked(database), MIN_MATCHES, at=timedelta(hours=20))
    assert quarantine(database, at=timedelta(hours=20)).run() == []


def test_matches_that_were_always_so_many_are_no_flood(database: Database) -> None:
    entry = banked(database)
    for day in range(1, 4):
        counted(database, entry, MIN_MATCHES * 10, at=timedelta(days=day))
    counted(database, entry, MIN_MATCHES, at=timedelta(days=4))
    assert quarantine(database, at=timedelta(days=4)).run() == []


@pytest.mark.parametrize(
    ("bank", "effect", "exempt"),
    [
        (BankEffect.REVIEW, "review", ()),
        (BankEffect.BLOCK, "review", ()),
        (BankEffect.DUPLICATE, "duplicate", ()),
        (BankEffect.BLOCK, "block", ("blocked",)),
    ],
)
def test_what_does_not_block_or_is_exempt_is_never_demoted(
    database: Database, bank: BankEffect, effect: str, exempt: tuple[str, ...]
) -> None:
    entry = banked(database, bank)
    matched(database, entry, 3, effect=effect)
    assert [row.posts for row in MatchCountStore(database).since(NOW)] == ([3] if effect == "block" else [])
    if effect == "block" or bank is BankEffect.REVIEW:
        counted(database, entry, MIN_MATCHES)
    assert quarantine(database, exempt=exempt).run() == []


def test_an_entry_that_was_removed_meanwhile_is_passed_over(database: Database) -> None:
    entry = banked(database)
    counted(database, entry, MIN_MATCHES)
    BankStore(database).remove(entry.id, actor="ada", now=NOW + LATER)
    assert quarantine(database).run() == []
