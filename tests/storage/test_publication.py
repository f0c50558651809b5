import base64

import pytest

from moderation.domain.errors import InvalidInputError
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from tests.factories import NOW, accept, after, judge_all
from tests.storage.tampering import run


@pytest.fixture
def store(database: Database) -> PostStore:
    return PostStore(database)


def published(store: PostStore, posts: int) -> list[str]:
    """So many published posts, newest first."""
    ids: list[str] = []
    for number in range(posts):
        accept(store, now=after(number))
        judge_all(store, now=after(number))
        ids += store.publish_approved(limit=10, now=after(number))
    return ids[::-1]


def test_only_approved_posts_are_published(store: PostStore) -> None:
    for verdict in Verdict:
        accept(store)
        judge_all(store, verdict)
    accept(store)
    assert len(store.publish_approved(limit=10, now=after(1))) == 1
    assert store.counts() == {
        **dict.fromkeys(PostState, 0),
        PostState.PUBLISHED: 1,
        PostState.HELD: 1,
        PostState.REJECTED: 1,
        PostState.RECEIVED: 1,
    }


def test_a_publication_is_told_once(store: PostStore, database: Database) -> None:
    (post_id,) = published(store, 1)
    assert store.publish_approved(limit=10, now=after(9)) == []
    messages = [message for message in OutboxStore(database).messages() if message.type == "post.published"]
    assert [message.post_id for message in messages] == [post_id]
    kinds = [event.kind for event in AuditStore(database).about(f"post:{post_id}")]
    assert kinds == ["post.received", "post.verdict", "post.published"]


def test_the_oldest_are_published_first_and_no_more_than_wanted(store: PostStore) -> None:
    posts = [accept(store, now=after(number)).id for number in range(3)]
    judge_all(store, now=after(5))
    assert store.publish_approved(limit=2, now=after(6)) == posts[:2]
    assert store.publish_approved(limit=2, now=after(6)) == posts[2:]


def test_a_post_approved_by_no_verdict_is_never_published(store: PostStore, database: Database) -> None:
    post = accept(store)
    run(database, "UPDATE posts SET state = 'approved', verdict_at = received_at WHERE id = :id", id=post.id)
    assert store.publish_approved(limit=10, now=after(1)) == []
    assert store.counts()[PostState.APPROVED] == 1


def test_a_post_published_behind_the_systems_back_is_found(store: PostStore, database: Database) -> None:
    published(store, 1)
    assert store.published_without_verdict() == []
    post = accept(store)
    run(
        database,
        "UPDATE posts SET state = 'published', publication = 99999, verdict_at = received_at WHERE id = :id",
        id=post.id,
    )
    assert store.published_without_verdict() == [post.id]


def test_the_feed_shows_published_posts_newest_first(store: PostStore) -> None:
    ids = published(store, 3)
    accept(store)
    page = store.feed(cursor=None, limit=10)
    assert [item.post.id for item in page.items] == ids
    assert [item.published_at for item in page.items] == [after(2), after(1), NOW]
    assert all(item.post.state is PostState.PUBLISHED for item in page.items)
    assert page.next_cursor is None


def test_pages_are_complete_without_overlap_although_posts_arrive_meanwhile(store: PostStore) -> None:
    ids = published(store, 5)
    seen, cursor = [], None
    while True:
        page = store.feed(cursor=cursor, limit=2)
        seen += [item.post.id for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        published(store, 1)
    assert seen == ids


def test_a_full_last_page_has_no_cursor(store: PostStore) -> None:
    published(store, 2)
    assert store.feed(cursor=None, limit=2).next_cursor is None


def test_an_empty_feed_is_an_empty_page(store: PostStore) -> None:
    assert store.feed(cursor=None, limit=2).items == ()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%%%",
        "ÿ",
        "A" * 5,
        base64.urlsafe_b64encode(b"feed:-1").decode(),
        base64.urlsafe_b64encode(b"feed:1e3").decode(),
        base64.urlsafe_b64encode("feed:\N{ARABIC-INDIC DIGIT ONE}".encode()).decode(),
        base64.urlsafe_b64encode(b"feed:" + b"9" * 30).decode(),
        base64.urlsafe_b64encode(b"other:1").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_cursor_that_no_page_gave_out_is_refused(store: PostStore, cursor: str) -> None:
    with pytest.raises(InvalidInputError):
        store.feed(cursor=cursor, limit=2)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_a_bounded_size(store: PostStore, limit: int) -> None:
    with pytest.raises(InvalidInputError):
        store.feed(cursor=None, limit=limit)
