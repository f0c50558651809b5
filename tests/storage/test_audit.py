from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from moderation.domain.audit import GENESIS, AuditDraft, AuditEvent, link, verify_chain
from moderation.domain.ids import Digest
from moderation.domain.verdict import Verdict
from moderation.storage import audit
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from tests.factories import NOW, a_new_post, accept, after, judge_all
from tests.storage.tampering import run, scalar, unprotect


@pytest.fixture
def store(database: Database) -> AuditStore:
    return AuditStore(database)


def a_draft(kind: str = "test.happened", **payload: str | float) -> AuditDraft:
    return AuditDraft(NOW, kind, "test:1", "tester", payload)


def test_an_empty_log_is_intact(store: AuditStore) -> None:
    report = store.verify()
    assert (report.events, report.head, report.problem) == (0, GENESIS, None)
    assert store.head() == (0, GENESIS)
    assert store.events() == []


def test_events_are_numbered_and_bound_to_each_other(store: AuditStore) -> None:
    first, second = store.record(a_draft(text="é\x00", number=1.5)), store.record(a_draft())
    assert (first.number, first.previous) == (1, GENESIS)
    assert (second.number, second.previous) == (2, first.digest)
    assert store.events() == [first, second]
    assert store.head() == (2, second.digest)
    assert verify_chain(store.events()) == second


def test_events_are_read_in_pages(store: AuditStore) -> None:
    events = [store.record(a_draft(number=number)) for number in range(5)]
    assert store.events(after=2, limit=2) == events[2:4]
    assert store.about("test:1", limit=3) == events[:3]
    assert store.about("test:2") == []


def test_numbers_have_no_gaps_when_many_write_at_once_and_some_give_up(store: AuditStore, database: Database) -> None:
    def write(number: int) -> None:
        with database.write() as connection:
            audit.append(connection, [a_draft(number=number)] * 2)
            if number % 3 == 0:
                raise KeyError(number)

    def try_to(number: int) -> None:
        with suppress(KeyError):
            write(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(try_to, range(24)))
    assert [event.number for event in store.events()] == list(range(1, 33))
    assert store.verify().problem is None


def test_verification_tells_how_far_it_is(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE", 2)
    for number in range(5):
        store.record(a_draft(number=number))
    seen: list[int] = []
    assert store.verify(seen.append).events == 5
    assert seen == [2, 4, 5]


@pytest.fixture
def chain(store: AuditStore, database: Database, monkeypatch: pytest.MonkeyPatch) -> list[AuditEvent]:
    """Six posts' events, verified in small pages, with the triggers gone."""
    monkeypatch.setattr(audit, "PAGE", 4)
    posts = PostStore(database)
    for number in range(6):
        accept(posts, a_new_post(caption=str(number)), now=after(number))
        judge_all(posts, list(Verdict)[number % 3], now=after(number))
    posts.publish_approved(limit=10, now=after(10))
    assert store.verify().problem is None
    for table in ("audit_events", "verdicts"):
        unprotect(database, table)
    return store.events(limit=1000)


EDITS = {
    "at": "'2020-01-01 00:00:00'",
    "kind": "'post.other'",
    "subject": "'post:other'",
    "actor": "'someone else'",
    "payload": "'{}'",
    "previous": f"'{'a' * 64}'",
    "digest": f"'{'b' * 64}'",
}


@pytest.mark.parametrize("column", EDITS)
@pytest.mark.parametrize("number", [5])
def test_any_edit_is_found_where_it_is(
    store: AuditStore, database: Database, chain: list[AuditEvent], column: str, number: int
) -> None:
    run(database, f"UPDATE audit_events SET {column} = {EDITS[column]} WHERE number = :number", number=number)
    problem = store.verify().problem
    assert problem is not None
    assert problem.number == number


@pytest.mark.parametrize("number", [1, 4, 5, 13])
def test_a_deletion_is_found_where_it_is(
    store: AuditStore, database: Database, chain: list[AuditEvent], number: int
) -> None:
    run(database, "DELETE FROM audit_events WHERE number = :number", number=number)
    report = store.verify()
    assert report.problem is not None
    assert (report.problem.number, report.events) == (number, number - 1)


def test_two_events_in_each_others_place_are_found(
    store: AuditStore, database: Database, chain: list[AuditEvent]
) -> None:
    for old, new in ((5, 100), (6, 5), (100, 6)):
        run(database, "UPDATE audit_events SET number = :new WHERE number = :old", old=old, new=new)
    problem = store.verify().problem
    assert problem is not None
    assert problem.number == 5


@pytest.mark.parametrize("number", [0, -1, -(2**62)])
def test_an_event_put_before_the_first_is_found(
    store: AuditStore, database: Database, chain: list[AuditEvent], number: int
) -> None:
    run(database, "UPDATE audit_events SET number = :number WHERE number = 1", number=number)
    problem = store.verify().problem
    assert problem is not None
    assert problem.number == 1


@pytest.mark.parametrize("number", [1, 9, 14])
def test_a_tail_that_was_cut_off_is_found(
    store: AuditStore, database: Database, chain: list[AuditEvent], number: int
) -> None:
    run(database, "DELETE FROM audit_events WHERE number >= :number", number=number)
    report = store.verify()
    assert report.problem is not None
    assert (report.problem.number, report.events) == (number, number - 1)


def test_a_head_that_was_lost_or_changed_is_found(
    store: AuditStore, database: Database, chain: list[AuditEvent]
) -> None:
    run(database, "UPDATE audit_head SET digest = :digest", digest="c" * 64)
    assert store.verify().problem is not None
    run(database, "DELETE FROM audit_head")
    assert store.verify().problem is not None


def test_a_chain_rewritten_from_an_event_on_does_not_contain_the_old_head(
    store: AuditStore, database: Database, chain: list[AuditEvent]
) -> None:
    """Only a head kept elsewhere betrays a forger who rewrites everything; it always does."""
    kept = store.head()
    previous = chain[12].digest
    forged = link(
        AuditDraft(chain[13].at, chain[13].kind, chain[13].subject, "forger", chain[13].payload), 14, previous
    )
    values = {"actor": forged.actor, "digest": forged.digest}
    run(database, "UPDATE audit_events SET actor = :actor, digest = :digest WHERE number = 14", **values)
    run(database, "UPDATE audit_head SET digest = :digest", digest=forged.digest)
    assert store.verify().problem is None
    assert store.head() != kept
    assert Digest(kept[1]) not in {event.digest for event in store.events(limit=1000)}


def test_a_changed_verdict_is_found(store: AuditStore, database: Database, chain: list[AuditEvent]) -> None:
    run(database, "UPDATE verdicts SET verdict = 'hold' WHERE number = 6")
    problem = store.verify().problem
    assert problem is not None
    assert (problem.number, "not the one that was audited" in problem.problem) == (6, True)


def test_a_verdict_moved_to_another_post_is_found(
    store: AuditStore, database: Database, chain: list[AuditEvent]
) -> None:
    other = scalar(database, "SELECT post_id FROM verdicts WHERE number = 4")
    run(database, "UPDATE verdicts SET post_id = :other WHERE number = 6", other=other)
    problem = store.verify().problem
    assert problem is not None
    assert problem.number == 6


def test_a_verdict_that_is_gone_is_found(store: AuditStore, database: Database, chain: list[AuditEvent]) -> None:
    run(database, "DELETE FROM verdicts WHERE number = 4")
    problem = store.verify().problem
    assert problem is not None
    assert (problem.number, "is gone" in problem.problem) == (4, True)


@pytest.mark.parametrize("state", ["published", "approved"])
def test_a_post_moved_behind_the_systems_back_is_found(
    store: AuditStore, database: Database, chain: list[AuditEvent], state: str
) -> None:
    post = accept(PostStore(database), now=after(60))
    run(
        database,
        "UPDATE posts SET state = :state, publication = 99999, verdict_at = received_at WHERE id = :id",
        id=post.id,
        state=state,
    )
    problem = store.verify().problem
    assert problem is not None
    assert post.id in problem.problem
    assert problem.number == store.head()[0] + 1


def test_a_post_that_was_slipped_in_is_found(store: AuditStore, database: Database, chain: list[AuditEvent]) -> None:
    run(
        database,
        "INSERT INTO posts (id, client, image, image_bytes, caption, prompt, author_id, state, received_at,"
        " deadline_at, attempts) SELECT 'slipped', client, image, image_bytes, caption, prompt, author_id,"
        " 'received', received_at, deadline_at, 0 FROM posts LIMIT 1",
    )
    problem = store.verify().problem
    assert problem is not None
    assert "slipped" in problem.problem
