"""The commit of verdicts: all or nothing, once, and only on full evidence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.post import Claim, PostState
from moderation.domain.verdict import Judgement, Screening, SystemQueue, Verdict
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.jobs import JobStore
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore
from tests.factories import (
    NOW,
    a_claim,
    a_digest,
    a_failure,
    a_hit,
    a_hold,
    a_rejection,
    a_screening,
    accept,
    after,
    an_approval,
    claim_all,
    judge_all,
    judgement_of,
)
from tests.storage.tampering import count

HISTORY = ("screenings", "signal_results", "verdicts", "jobs", "outbox_messages", "deliveries")


@pytest.fixture
def store(database: Database) -> PostStore:
    return PostStore(database)


def claimed(store: PostStore, posts: int = 1) -> list[Claim]:
    for number in range(posts):
        accept(store, now=after(number / 1000))
    return claim_all(store, now=after(1))


def sizes(database: Database) -> dict[str, int]:
    return {table: count(database, table) for table in (*HISTORY, "audit_events")}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_moves_the_post_and_tells_of_it(store: PostStore, database: Database, verdict: Verdict) -> None:
    (claim,) = claimed(store)
    screening = a_screening(claim, judgement_of(verdict))
    committed = store.commit([(claim, screening)], now=after(2))
    assert (committed.stored, committed.lost) == ((claim.post.id,), ())
    assert store.counts()[verdict.state] == 1
    (message,) = OutboxStore(database).messages()
    assert (message.type, message.post_id) == (f"post.{verdict.state}", claim.post.id)
    audited = AuditStore(database).events()[-1]
    assert (audited.kind, audited.subject) == ("post.verdict", f"post:{claim.post.id}")
    assert audited.actor == f"lane:{claim.lane}"
    assert audited.payload["verdict"] == verdict
    assert audited.payload["screening"] == screening.id
    assert audited.payload["rules"] == [hit.rule for hit in screening.judgement.hits]
    pins = audited.payload["pins"]
    assert isinstance(pins, dict)
    assert (pins["policy"], pins["bank_checkpoint"]) == (screening.pins.policy, "7")


def test_only_a_held_post_becomes_a_job(store: PostStore, database: Database) -> None:
    claims = claimed(store, 3)
    judgements = (an_approval(), a_hold("spam"), a_rejection())
    store.commit(
        [(claim, a_screening(claim, one)) for claim, one in zip(claims, judgements, strict=True)], now=after(2)
    )
    (job,) = JobStore(database).open(None, 10)
    assert (job.post_id, job.queue, job.category, job.opened_at) == (claims[1].post.id, "spam", "adult", after(2))


def test_a_shadow_rule_is_recorded_beside_the_live_ones(store: PostStore, database: Database) -> None:
    (claim,) = claimed(store)
    shadow = a_hit("new-rule", status=type(a_hit().status)("shadow"))
    store.commit([(claim, a_screening(claim, replace(an_approval(), hits=(shadow,))))], now=after(2))
    payload = AuditStore(database).events()[-1].payload
    assert (payload["rules"], payload["shadow_rules"]) == ([], ["new-rule"])
    assert ScreeningStore(database).outcome_counts(None)[0].rule == ""


@pytest.mark.parametrize("verdict", list(Verdict))
def test_committing_twice_stores_one_verdict(store: PostStore, database: Database, verdict: Verdict) -> None:
    (claim,) = claimed(store)
    store.commit([(claim, a_screening(claim, judgement_of(verdict)))], now=after(2))
    before = sizes(database)
    again = store.commit([(claim, a_screening(claim, judgement_of(verdict)))], now=after(3))
    assert (again.stored, again.lost) == ((), (claim.post.id,))
    assert sizes(database) == before


def test_one_post_twice_in_a_batch_stores_one_verdict(store: PostStore, database: Database) -> None:
    (claim,) = claimed(store)
    pairs = [(claim, a_screening(claim)), (claim, a_screening(claim, a_rejection()))]
    assert store.commit(pairs, now=after(2)).stored == (claim.post.id,)
    assert count(database, "verdicts") == 1


def test_a_lost_lease_stores_nothing(store: PostStore, database: Database) -> None:
    (lost,) = claimed(store)
    (held,) = claim_all(store, lane="lane-2", now=after(60))
    before = sizes(database)
    assert store.commit([(lost, a_screening(lost))], now=after(61)).lost == (lost.post.id,)
    assert sizes(database) == before
    assert store.commit([(held, a_screening(held, a_rejection()))], now=after(62)).stored == (held.post.id,)
    assert store.counts()[PostState.REJECTED] == 1


def test_a_lease_that_ended_but_was_not_taken_still_counts(store: PostStore) -> None:
    (claim,) = claimed(store)
    assert store.commit([(claim, a_screening(claim))], now=after(1000)).stored == (claim.post.id,)


def test_a_released_or_forged_claim_stores_nothing(store: PostStore, database: Database) -> None:
    (claim,) = claimed(store)
    forged = replace(claim, token="guessed")
    assert store.commit([(forged, a_screening(forged))], now=after(2)).stored == ()
    store.release([claim], now=after(2))
    assert store.commit([(claim, a_screening(claim))], now=after(2)).stored == ()
    assert count(database, "verdicts") == 0


def test_a_post_held_as_overdue_cannot_be_approved_by_its_lane(store: PostStore, database: Database) -> None:
    (claim,) = claimed(store)
    assert store.hold_overdue(now=after(500), limit=10) == [claim.post.id]
    assert store.commit([(claim, a_screening(claim))], now=after(501)).lost == (claim.post.id,)
    assert store.counts()[PostState.HELD] == 1
    assert count(database, "verdicts") == 1


def test_an_overdue_post_waits_in_the_stalled_queue_and_is_audited(store: PostStore, database: Database) -> None:
    post = accept(store)
    store.hold_overdue(now=after(500), limit=10)
    (job,) = JobStore(database).open(SystemQueue.STALLED, 10)
    assert job.post_id == post.id
    audited = AuditStore(database).events()[-1]
    assert (audited.kind, audited.payload["queue"]) == ("post.held", "stalled")
    assert [message.type for message in OutboxStore(database).messages()] == ["post.held"]
    assert ScreeningStore(database).verdict_at(post.id) == after(500)
    assert ScreeningStore(database).latest(post.id) is None


def test_the_rest_of_a_batch_is_stored_when_one_lease_is_lost(store: PostStore) -> None:
    claims = claimed(store, 3)
    forged = replace(claims[1], token="another's")
    committed = store.commit([(claim, a_screening(claim)) for claim in (claims[0], forged, claims[2])], now=after(2))
    assert committed.stored == (claims[0].post.id, claims[2].post.id)
    assert committed.lost == (claims[1].post.id,)


def test_nothing_to_commit_is_nothing(store: PostStore, database: Database) -> None:
    assert store.commit([], now=NOW).stored == ()
    assert sizes(database) == dict.fromkeys((*HISTORY, "audit_events"), 0)


UNFOUNDED: dict[str, Callable[[Screening], Screening]] = {
    "incomplete": lambda it: replace(it, judgement=replace(it.judgement, complete=False)),
    "failures": lambda it: replace(it, judgement=replace(it.judgement, failures=("image_nsfw",))),
    "a failed signal": lambda it: replace(it, results=(a_failure(),)),
    "no signals": lambda it: replace(it, results=()),
    "no picture": lambda it: replace(it, image=Refusal(RefusalReason.CORRUPT)),
    "another picture": lambda it: replace(it, pins=replace(it.pins, image=a_digest("another"))),
    "another post": lambda it: replace(it, post_id=a_claim().post.id),
}


@pytest.mark.parametrize("name", UNFOUNDED)
def test_an_unfounded_approval_is_refused_with_its_whole_batch(store: PostStore, database: Database, name: str) -> None:
    good, bad = claimed(store, 2)
    with pytest.raises(ValueError, match=r"screening|approved"):
        store.commit([(good, a_screening(good)), (bad, UNFOUNDED[name](a_screening(bad)))], now=after(2))
    assert count(database, "screenings") == 0
    assert store.counts()[PostState.SCREENING] == 2


def test_a_post_is_not_held_in_no_queue(store: PostStore) -> None:
    (claim,) = claimed(store)
    with pytest.raises(ValueError, match="no queue"):
        store.commit([(claim, a_screening(claim, a_hold("")))], now=after(2))


def test_an_incomplete_hold_is_stored(store: PostStore) -> None:
    (claim,) = claimed(store)
    judgement = Judgement(Verdict.HOLD, False, "signal-failure", "", "A signal failed.", (), ("image_nsfw",))
    screening = a_screening(claim, judgement, results=[a_failure()], image=Refusal(RefusalReason.TIMEOUT))
    assert store.commit([(claim, screening)], now=after(2)).stored == (claim.post.id,)


class _CutError(Exception):
    """The process dies here."""


def cut_at(database: Database, statement: int, act: Callable[[], object]) -> bool:
    """Run `act`, ended just after its n-th statement; False when it has fewer."""
    seen = 0

    def end(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise _CutError

    event.listen(database._engine, "after_cursor_execute", end)
    try:
        act()
    except _CutError:
        return True
    finally:
        event.remove(database._engine, "after_cursor_execute", end)
    return False


def test_a_commit_cut_off_after_any_statement_leaves_nothing(store: PostStore, database: Database) -> None:
    OutboxStore(database).add_endpoint("one", "https://one.example/", "whsec_x", NOW)
    claims = claimed(store, 3)
    pairs = [(claim, a_screening(claim, judgement_of(one))) for claim, one in zip(claims, Verdict, strict=True)]
    before, statement = sizes(database), 1
    while cut_at(database, statement, lambda: store.commit(pairs, now=after(2))):
        assert sizes(database) == before
        assert store.counts()[PostState.SCREENING] == 3
        statement += 1
    assert statement > 8
    assert count(database, "verdicts") == 3
    assert AuditStore(database).verify().problem is None


def test_an_acceptance_or_publication_cut_off_leaves_nothing(store: PostStore, database: Database) -> None:
    statement = 1
    while cut_at(database, statement, lambda: accept(store, key="key")):
        assert sum(store.counts().values()) == count(database, "idempotency_keys") == 0
        statement += 1
    judge_all(store)
    before, statement = sizes(database), 1
    while cut_at(database, statement, lambda: store.publish_approved(limit=10, now=after(3))):
        assert sizes(database) == before
        assert store.counts()[PostState.APPROVED] == 1
        statement += 1
    assert store.counts()[PostState.PUBLISHED] == 1
