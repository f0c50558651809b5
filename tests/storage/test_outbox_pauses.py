import pytest

from moderation.domain.outbox import Delivery, Endpoint
from moderation.storage.audit import AuditStore
from moderation.storage.deliveries import MAX_SILENCE
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from tests.factories import NOW, accept, after, judge_all
from tests.storage.tampering import scalar

MESSAGES = 6
SILENCE = MAX_SILENCE.total_seconds()


@pytest.fixture
def outbox(database: Database) -> OutboxStore:
    """Two endpoints, and messages for both, of the first seconds."""
    store, posts = OutboxStore(database), PostStore(database)
    for name in ("healthy", "quiet"):
        store.add_endpoint(name, f"https://{name}.example/", "whsec_x", NOW)
    for number in range(MESSAGES):
        accept(posts, now=after(number))
        judge_all(posts, now=after(number))
    return store


def take(
    outbox: OutboxStore, seconds: float, *, endpoint: str = "quiet", limit: int = 100, busy: tuple[str, ...] = ()
) -> list[Delivery]:
    """What this endpoint gets; the other's is taken by another worker, and comes back when its lease ends."""
    taken = outbox.claim(worker="w", limit=limit, busy=busy, lease_seconds=30, now=after(seconds))
    return [delivery for delivery in taken if delivery.endpoint.name == endpoint]


def no_answer(outbox: OutboxStore, delivery: Delivery, seconds: float, *, pause: float, retry: float = 5) -> None:
    outbox.failed(
        delivery,
        error="no answer",
        retry_at=after(seconds + retry),
        paused_until=after(seconds + pause),
        now=after(seconds),
    )


def endpoint(outbox: OutboxStore, name: str = "quiet") -> Endpoint:
    return next(found for found in outbox.endpoints() if found.name == name)


def test_every_endpoint_has_its_own_share(outbox: OutboxStore) -> None:
    taken = outbox.claim(worker="w", limit=2, lease_seconds=30, now=after(60))
    assert [delivery.endpoint.name for delivery in taken] == ["healthy", "quiet"] * 2
    busy = ["quiet", "healthy", "quiet"]
    taken = outbox.claim(worker="w", limit=2, busy=busy, lease_seconds=30, now=after(60))
    assert [delivery.endpoint.name for delivery in taken] == ["healthy"]


def test_what_an_endpoint_was_tried_with_does_not_keep_later_messages_waiting(outbox: OutboxStore) -> None:
    first, *_ = take(outbox, 60, limit=1)
    outbox.failed(first, error="HTTP 500", retry_at=after(61), now=after(60))
    assert [delivery.attempt for delivery in take(outbox, 62, limit=MESSAGES - 1)] == [1] * (MESSAGES - 1)
    assert [delivery.message for delivery in take(outbox, 62)] == [first.message]


def test_a_paused_endpoint_gets_nothing_and_others_do(outbox: OutboxStore) -> None:
    (delivery,) = take(outbox, 60, limit=1)
    no_answer(outbox, delivery, 61, pause=10)
    assert (endpoint(outbox).silent_since, endpoint(outbox).paused_until) == (after(61), after(71))
    assert endpoint(outbox, "healthy").paused_until is None
    taken = outbox.claim(worker="w", limit=100, lease_seconds=30, now=after(70))
    assert [delivery.endpoint.name for delivery in taken] == ["healthy"] * (MESSAGES - 1)


def test_after_a_pause_a_silent_endpoint_is_tried_with_one(outbox: OutboxStore) -> None:
    (delivery,) = take(outbox, 60, limit=1)
    no_answer(outbox, delivery, 61, pause=10)
    (probe,) = take(outbox, 71)
    assert probe.attempt == 1
    assert (probe.endpoint.silent_since, probe.endpoint.paused_until) == (after(61), after(71))
    assert take(outbox, 71, busy=("quiet",)) == []


def test_a_pause_costs_no_attempt_and_loses_nothing(outbox: OutboxStore) -> None:
    (delivery,) = take(outbox, 60, limit=1)
    no_answer(outbox, delivery, 61, pause=10)
    for seconds in range(62, 70):
        assert take(outbox, seconds) == []
    (probe,) = take(outbox, 71)
    outbox.delivered(probe, status=200, now=after(71))
    assert sorted(delivery.attempt for delivery in take(outbox, 72)) == [1] * (MESSAGES - 2) + [2]
    assert outbox.dead() == []


def test_tries_that_ran_at_the_same_time_pause_once(outbox: OutboxStore) -> None:
    first, second, *_ = take(outbox, 60)
    no_answer(outbox, first, 75, pause=5)
    no_answer(outbox, second, 76, pause=500)
    assert (endpoint(outbox).silent_since, endpoint(outbox).paused_until) == (after(75), after(80))


def test_a_silence_goes_on_from_pause_to_pause(outbox: OutboxStore) -> None:
    for seconds in (60, 70, 80):
        (delivery,) = take(outbox, seconds, limit=1)
        no_answer(outbox, delivery, seconds, pause=10)
        assert (endpoint(outbox).silent_since, endpoint(outbox).paused_until) == (after(60), after(seconds + 10))


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_ends_a_pause(outbox: OutboxStore, status: int) -> None:
    first, second, *_ = take(outbox, 60, limit=2)
    no_answer(outbox, first, 61, pause=1000)
    if status == 200:
        outbox.delivered(second, status=status, now=after(62))
    else:
        outbox.failed(second, error="HTTP 500", retry_at=after(5000), now=after(62))
    assert (endpoint(outbox).silent_since, endpoint(outbox).paused_until) == (None, None)
    assert len(take(outbox, 63)) == MESSAGES - 2


def test_what_waits_for_a_silent_endpoint_is_a_dead_letter_in_the_end(outbox: OutboxStore, database: Database) -> None:
    (delivery,) = take(outbox, 60, limit=1)
    no_answer(outbox, delivery, 60, pause=10)
    (probe,) = take(outbox, 50 + SILENCE)
    no_answer(outbox, probe, 50 + SILENCE, pause=10)
    assert outbox.dead() == [], "not silent for long enough"
    (probe,) = take(outbox, 60 + SILENCE)
    no_answer(outbox, probe, 60 + SILENCE, pause=10)
    assert {letter.endpoint.name for letter in outbox.dead()} == {"quiet"}
    assert len(outbox.dead()) == MESSAGES
    assert outbox.backlog() == {"healthy": MESSAGES}
    query = "SELECT COUNT(*) FROM deliveries WHERE last_error = 'the endpoint gave no answer to any message'"
    assert scalar(database, query) == MESSAGES
    assert outbox.redeliver(message_id=None, endpoint=None, dead_only=True, actor="cli", now=after(70 + SILENCE)) > 0
    (again, *_) = take(outbox, 70 + SILENCE)
    no_answer(outbox, again, 71 + SILENCE, pause=10)
    assert outbox.dead() == [], "it waits anew"


def test_what_waited_while_nobody_delivered_is_not_given_up(outbox: OutboxStore) -> None:
    taken = take(outbox, 100 + 2 * SILENCE)
    no_answer(outbox, taken[0], 101 + 2 * SILENCE, pause=10)
    assert outbox.dead() == []


def test_redelivery_ends_a_pause_and_is_audited(outbox: OutboxStore, database: Database) -> None:
    first, second, *_ = take(outbox, 60, limit=2)
    outbox.failed(first, error="HTTP 410", retry_at=None, now=after(61))
    no_answer(outbox, second, 62, pause=1000)
    assert outbox.redeliver(message_id=None, endpoint="quiet", dead_only=True, actor="cli", now=after(70)) == 1
    assert endpoint(outbox).paused_until is None
    assert first.message in [delivery.message for delivery in take(outbox, 70)]
    audit = AuditStore(database)
    (event,) = [event for event in audit.events() if event.kind == "webhook.redelivered"]
    assert (event.actor, event.subject, event.payload["count"]) == ("cli", "webhook:quiet", 1)
    assert audit.verify().problem is None
    assert outbox.redeliver(message_id=None, endpoint="quiet", dead_only=True, actor="cli", now=after(70)) == 0
    assert audit.head()[0] == event.number, "nothing was redelivered"


def test_an_endpoint_that_comes_back_under_its_name_is_not_paused(outbox: OutboxStore) -> None:
    (delivery,) = take(outbox, 60, limit=1)
    no_answer(outbox, delivery, 61, pause=1000)
    outbox.remove_endpoint("quiet", after(62))
    outbox.add_endpoint("quiet", "https://repaired.example/", "whsec_y", after(63))
    assert endpoint(outbox) == Endpoint("quiet", "https://repaired.example/", "whsec_y")
