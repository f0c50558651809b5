from moderation.domain.audit import AuditDraft
from moderation.domain.ids import PostId
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.review.seen import SeenStore
from tests.factories import after

ONE, TWO, THREE = PostId("one"), PostId("two"), PostId("three")


def test_only_ones_own_recent_looks_count(database: Database) -> None:
    audit = AuditStore(database)
    for at, post, actor, kind in (
        (0, ONE, "account:ada", "media.viewed"),
        (10, TWO, "account:ada", "media.viewed"),
        (11, TWO, "account:ada", "media.viewed"),
        (12, THREE, "account:bo", "media.viewed"),
        (13, THREE, "account:ada", "post.decided"),
    ):
        audit.record(AuditDraft(after(at), kind, f"post:{post}", actor, {}))
    store = SeenStore(database)
    assert store.among([ONE, TWO, THREE], actor="account:ada", since=after(5)) == {TWO}
    assert store.among([ONE, TWO, THREE], actor="account:ada", since=after(0)) == {ONE, TWO}
    assert store.among([TWO], actor="account:bo", since=after(0)) == frozenset()
    assert store.among([], actor="account:ada", since=after(0)) == frozenset()
