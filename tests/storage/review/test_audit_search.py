import pytest

from moderation.domain.audit import AuditDraft
from moderation.domain.errors import InvalidInputError
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.review.audit_search import AuditQuery, AuditSearch
from tests.factories import after


def numbers(database: Database, query: AuditQuery) -> list[int]:
    return [event.number for event in AuditSearch(database).page(query, cursor=None, limit=50).events]


def test_events_are_found_by_every_part_newest_first(database: Database) -> None:
    store = AuditStore(database)
    for number, (kind, subject, actor) in enumerate(
        [("a", "post:1", "account:x"), ("b", "post:1", "account:y"), ("a", "post:2", "account:x")]
    ):
        store.record(AuditDraft(after(number), kind, subject, actor, {}))
    assert numbers(database, AuditQuery()) == [3, 2, 1]
    assert numbers(database, AuditQuery(subject="post:1")) == [2, 1]
    assert numbers(database, AuditQuery(actor="account:x", kind="a")) == [3, 1]
    assert numbers(database, AuditQuery(upto=2, kind="a")) == [1]
    assert numbers(database, AuditQuery(subject="post:3")) == []


def test_pages_follow_each_other(database: Database) -> None:
    store = AuditStore(database)
    for number in range(5):
        store.record(AuditDraft(after(number), "a", "post:1", "x", {}))
    search = AuditSearch(database)
    first = search.page(AuditQuery(), cursor=None, limit=2)
    second = search.page(AuditQuery(), cursor=first.next_cursor, limit=2)
    last = search.page(AuditQuery(), cursor=second.next_cursor, limit=2)
    assert [event.number for page in (first, second, last) for event in page.events] == [5, 4, 3, 2, 1]
    assert last.next_cursor is None
    with pytest.raises(InvalidInputError):
        search.page(AuditQuery(), cursor="x", limit=2)
