import pytest
from sqlalchemy import event, insert

from moderation.domain.ids import PostId
from moderation.domain.verdict import Verdict
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from moderation.storage.review import post_records
from moderation.storage.review.post_records import PostRecordStore
from moderation.storage.tables import evidence_holds, exposures, gold_items, shifts
from tests.factories import NOW, accept, after, judge_all


def a_record_of(database: Database) -> PostId:
    """A held post that two people looked at."""
    OutboxStore(database).add_endpoint("feed", "https://feed.example/hook", "whsec_" + "A" * 32, now=NOW)
    post = accept(PostStore(database))
    judge_all(PostStore(database), Verdict.HOLD, now=after(2))
    return post.id


def look(database: Database, post_id: PostId, account: str, *, at: float) -> None:
    row = {
        "id": f"{account}-{at}",
        "account_id": account,
        "job_id": None,
        "post_id": post_id,
        "category": "adult",
        "started_at": after(at),
        "seconds": 2.5,
        "view": f"{account}-{at}",
        "shift_id": f"{account}-{at}",
    }
    shift = {
        "id": row["shift_id"],
        "account_id": account,
        "started_at": after(at),
        "seen_at": after(at),
        "working_since": after(at),
    }
    with database.write() as connection:
        connection.execute(insert(shifts), [shift])
        connection.execute(insert(exposures), [row])


def test_a_post_that_nobody_sent_has_no_record(database: Database) -> None:
    assert PostRecordStore(database).get(PostId("nothing")) is None


def test_everything_that_happened_is_told_oldest_first(database: Database) -> None:
    post_id = a_record_of(database)
    for account, at in (("ada", 5), ("ada", 6), ("bo", 7)):
        look(database, post_id, account, at=at)
    record = PostRecordStore(database).get(post_id)
    assert record is not None
    assert [verdict.verdict for verdict in record.verdicts] == [Verdict.HOLD]
    assert [job.queue for job in record.jobs] == ["adult"]
    assert [message.type for message in record.messages] == ["post.held"]
    assert [way.endpoint for way in record.messages[0].deliveries] == ["feed"]
    assert [(viewer.account, viewer.times, viewer.seconds) for viewer in record.viewers] == [
        ("ada", 2, 5.0),
        ("bo", 1, 2.5),
    ]
    assert record.viewers[0].last_at == after(6)
    assert record.standing.queues == {"adult"}
    assert (record.client, record.gold, record.hold, record.cut) == ("client-1", (), None, frozenset())


def test_gold_items_and_holds_are_told(database: Database) -> None:
    post_id = a_record_of(database)
    gold = {"id": "g", "post_id": post_id, "queue": "adult", "action": "approve", "category": "", "note": ""}
    hold = {"post_id": post_id, "image": "a" * 64, "reason": "asked for", "placed_by": "account:ada", "placed_at": NOW}
    with database.write() as connection:
        connection.execute(insert(gold_items).values(**gold, added_by="ada", added_at=NOW))
        connection.execute(insert(evidence_holds).values(**hold))
    record = PostRecordStore(database).get(post_id)
    assert record is not None
    assert [mark.action for mark in record.gold] == ["approve"]
    assert record.hold is not None
    assert record.hold.reason == "asked for"


def test_long_lists_keep_the_newest_and_say_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_records, "MAX_LISTED", 2)
    post_id = a_record_of(database)
    for number in range(4):
        look(database, post_id, f"person-{number}", at=number)
    record = PostRecordStore(database).get(post_id)
    assert record is not None
    assert [viewer.account for viewer in record.viewers] == ["person-2", "person-3"]
    assert record.cut == {"views"}


def test_its_statements_do_not_grow(database: Database) -> None:
    post_id = a_record_of(database)
    look(database, post_id, "ada", at=1)
    before = statements_of(database, post_id)
    for number in range(20):
        look(database, post_id, f"person-{number}", at=number)
    assert statements_of(database, post_id) == before > 1


def statements_of(database: Database, post_id: PostId) -> int:
    seen: list[object] = []

    def count(*arguments: object) -> None:
        seen.append(arguments[2])

    event.listen(database._engine, "before_cursor_execute", count)
    try:
        assert PostRecordStore(database).get(post_id) is not None
    finally:
        event.remove(database._engine, "before_cursor_execute", count)
    return len(seen)
