from moderation.storage.engine import Database
from moderation.storage.lanes import LaneStore
from tests.factories import NOW, a_beat, after
from tests.storage.tampering import count

DAY = 86_400


def test_a_heartbeat_comes_back_as_it_was(database: Database) -> None:
    store = LaneStore(database)
    store.beat(a_beat(posts=2**40, state="draining"))
    assert store.alive(within_seconds=1, now=NOW) == [a_beat(posts=2**40, state="draining")]


def test_the_newest_heartbeat_of_each_lane_counts(database: Database) -> None:
    store = LaneStore(database)
    for name, seconds in (("b", 0), ("a", 0), ("b", 5)):
        store.beat(a_beat(name, beat_at=after(seconds)))
    assert [(beat.name, beat.beat_at) for beat in store.alive(within_seconds=10, now=after(5))] == [
        ("a", NOW),
        ("b", after(5)),
    ]


def test_a_silent_lane_is_dead(database: Database) -> None:
    store = LaneStore(database)
    store.beat(a_beat())
    assert len(store.alive(within_seconds=10, now=after(10))) == 1
    assert store.alive(within_seconds=10, now=after(10.001)) == []


def test_a_lane_that_ended_is_forgotten(database: Database) -> None:
    store = LaneStore(database)
    store.beat(a_beat())
    store.remove("lane-1")
    store.remove("lane-1")
    assert store.alive(within_seconds=10, now=NOW) == []


def test_long_silent_lanes_leave_no_rows(database: Database) -> None:
    store = LaneStore(database)
    store.beat(a_beat("old"))
    store.beat(a_beat("new", beat_at=after(DAY)))
    assert count(database, "lanes") == 2
    store.beat(a_beat("new", beat_at=after(DAY + 1)))
    assert count(database, "lanes") == 1


def test_a_lane_learns_that_it_was_given_up(database: Database) -> None:
    store = LaneStore(database)
    assert not store.beat(a_beat())
    assert store.beat(a_beat(beat_at=after(2 * DAY)))
    store.remove("lane-1")
    assert not store.beat(a_beat(beat_at=after(2 * DAY)))
