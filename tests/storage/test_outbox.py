import pytest

from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.ids import MessageId
from moderation.domain.outbox import Delivery, Endpoint
from moderation.storage.audit import AuditStore
from moderation.storage.deliveries import MAX_ERROR_CHARS
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from tests.factories import NOW, accept, after, judge_all
from tests.storage.tampering import scalar

ONE = Endpoint("one", "https://one.example/hook", "whsec_one")


@pytest.fixture
def outbox(database: Database) -> OutboxStore:
    store = OutboxStore(database)
    assert store.add_endpoint(ONE.name, ONE.url, ONE.secret, NOW) == ONE
    return store


@pytest.fixture
def posts(database: Database) -> PostStore:
    return PostStore(database)


def tell(posts: PostStore, times: int = 1) -> None:
    """So many messages, each about a verdict."""
    for number in range(times):
        accept(posts, now=after(number))
        judge_all(posts, now=after(number))


def take(outbox: OutboxStore, seconds: float = 60, *, worker: str = "w", limit: int = 10) -> list[Delivery]:
    return outbox.claim(worker=worker, limit=limit, lease_seconds=30, now=after(seconds))


def test_a_secret_does_not_show_in_logs_or_audit(outbox: OutboxStore, database: Database) -> None:
    assert ONE.secret not in repr(outbox.endpoints())
    assert ONE.secret not in str(AuditStore(database).events())


def test_endpoints_are_known_by_name(outbox: OutboxStore) -> None:
    outbox.add_endpoint("another", "https://b.example/", "whsec_b", NOW)
    assert [endpoint.name for endpoint in outbox.endpoints()] == ["another", "one"]
    with pytest.raises(ConflictError):
        outbox.add_endpoint("one", "https://c.example/", "whsec_c", NOW)
    assert ONE in outbox.endpoints()


def test_a_removed_endpoint_gets_nothing_more_and_may_come_back(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts)
    outbox.remove_endpoint("one", after(5))
    assert outbox.endpoints() == []
    assert take(outbox) == []
    assert outbox.backlog() == {}
    tell(posts)
    outbox.add_endpoint("one", "https://new.example/", "whsec_new", after(6))
    assert take(outbox) == []
    tell(posts)
    assert [delivery.endpoint.url for delivery in take(outbox)] == ["https://new.example/"]


def test_an_endpoint_that_is_not_there_cannot_be_removed(outbox: OutboxStore) -> None:
    with pytest.raises(NotFoundError):
        outbox.remove_endpoint("none", NOW)
    outbox.remove_endpoint("one", NOW)
    with pytest.raises(NotFoundError):
        outbox.remove_endpoint("one", NOW)


def test_every_endpoint_gets_every_message_oldest_first(outbox: OutboxStore, posts: PostStore) -> None:
    outbox.add_endpoint("two", "https://two.example/", "whsec_two", NOW)
    tell(posts, 2)
    messages = outbox.messages()
    assert [(delivery.message, delivery.endpoint.name) for delivery in take(outbox)] == [
        (message, name) for message in messages for name in ("one", "two")
    ]


def test_messages_without_endpoints_are_kept(database: Database, posts: PostStore) -> None:
    tell(posts)
    assert len(OutboxStore(database).messages()) == 1
    assert take(OutboxStore(database)) == []


def test_a_taken_delivery_is_not_given_again_before_its_lease_ends(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts)
    assert [delivery.attempt for delivery in take(outbox, 60)] == [1]
    assert take(outbox, 89) == []
    assert [delivery.attempt for delivery in take(outbox, 90)] == [2]


def test_a_delivered_message_is_done(outbox: OutboxStore, posts: PostStore, database: Database) -> None:
    tell(posts)
    (delivery,) = take(outbox)
    assert outbox.backlog() == {"one": 1}
    outbox.delivered(delivery, status=204, now=after(61))
    assert take(outbox, 10_000) == []
    assert outbox.backlog() == {}
    assert scalar(database, "SELECT last_status FROM deliveries") == 204


def test_a_failed_delivery_comes_again_at_its_time(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts)
    (delivery,) = take(outbox)
    outbox.failed(delivery, error="HTTP 500", retry_at=after(100), now=after(61))
    assert take(outbox, 99) == []
    (again,) = take(outbox, 100)
    assert (again.message, again.attempt) == (delivery.message, 2)


def test_a_given_up_delivery_is_a_dead_letter_until_redelivered(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts)
    (delivery,) = take(outbox)
    outbox.failed(delivery, error="HTTP 410", retry_at=None, now=after(61))
    assert take(outbox, 10_000) == []
    assert outbox.dead() == [delivery]
    assert outbox.redeliver(message_id=None, endpoint=None, dead_only=True, actor="cli", now=after(70)) == 1
    assert outbox.dead() == []
    (again,) = take(outbox, 70)
    assert (again.message, again.attempt) == (delivery.message, 1)


def test_a_result_that_comes_after_the_lease_was_lost_changes_nothing(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts)
    (late,) = take(outbox, 60)
    (present,) = take(outbox, 90)
    outbox.failed(late, error="too late", retry_at=None, now=after(91))
    assert outbox.dead() == []
    outbox.delivered(present, status=200, now=after(92))
    outbox.failed(present, error="after all", retry_at=None, now=after(93))
    assert outbox.dead() == []
    assert take(outbox, 10_000) == []


@pytest.mark.parametrize("error", ["\x00", "\ud800", "x" * 10_000])
def test_any_error_text_can_be_kept(outbox: OutboxStore, posts: PostStore, database: Database, error: str) -> None:
    tell(posts)
    (delivery,) = take(outbox)
    outbox.failed(delivery, error=error, retry_at=None, now=after(61))
    kept = scalar(database, "SELECT last_error FROM deliveries")
    assert isinstance(kept, str)
    assert 0 < len(kept) <= MAX_ERROR_CHARS


def test_one_message_is_redelivered_to_late_endpoints_too(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts, 2)
    for delivery in take(outbox):
        outbox.delivered(delivery, status=200, now=after(61))
    outbox.add_endpoint("late", "https://late.example/", "whsec_late", after(62))
    message = outbox.messages()[0]
    assert outbox.redeliver(message_id=message.id, endpoint=None, dead_only=False, actor="cli", now=after(63)) == 2
    again = take(outbox, 63)
    assert [(delivery.message.id, delivery.endpoint.name) for delivery in again] == [
        (message.id, "late"),
        (message.id, "one"),
    ]


def test_redelivery_can_be_limited_to_an_endpoint(outbox: OutboxStore, posts: PostStore) -> None:
    outbox.add_endpoint("two", "https://two.example/", "whsec_two", NOW)
    tell(posts)
    for delivery in take(outbox):
        outbox.failed(delivery, error="", retry_at=None, now=after(61))
    assert outbox.redeliver(message_id=None, endpoint="two", dead_only=True, actor="cli", now=after(62)) == 1
    assert [delivery.endpoint.name for delivery in take(outbox, 62)] == ["two"]


def test_what_waits_already_is_not_made_to_wait_twice(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts)
    message = outbox.messages()[0]
    assert outbox.redeliver(message_id=message.id, endpoint=None, dead_only=False, actor="cli", now=after(62)) == 0


def test_redelivery_of_what_is_not_there_is_refused(outbox: OutboxStore) -> None:
    for message_id, endpoint in (("none", None), (None, "none")):
        with pytest.raises(NotFoundError):
            outbox.redeliver(message_id=message_id, endpoint=endpoint, dead_only=False, actor="cli", now=NOW)


def test_messages_are_read_in_pages(outbox: OutboxStore, posts: PostStore) -> None:
    tell(posts, 3)
    messages = outbox.messages()
    assert outbox.messages(limit=2) == messages[:2]
    assert outbox.messages(after=messages[1].id) == messages[2:]
    assert outbox.messages(after=messages[2].id) == []
    with pytest.raises(NotFoundError):
        outbox.messages(after=MessageId("none"))


def test_messages_come_in_the_order_of_the_audit_log(outbox: OutboxStore, posts: PostStore, database: Database) -> None:
    tell(posts, 2)
    posts.publish_approved(limit=10, now=after(5))
    types = [message.type for message in outbox.messages()]
    assert types == ["post.approved", "post.approved", "post.published", "post.published"]
    told = [event for event in AuditStore(database).events() if event.kind in {"post.verdict", "post.published"}]
    assert [f"post:{message.post_id}" for message in outbox.messages()] == [event.subject for event in told]
