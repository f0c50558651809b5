"""A lane beats while it loads, so that it is not taken for dead; and what was given up stops."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from moderation.domain.errors import UnavailableError
from moderation.screening import life
from moderation.screening.life import LaneLife
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneBeat, LaneStore


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "STARTING_BEAT_SECONDS", 0.02)


def a_life(lanes: LaneStore, stop: threading.Event) -> LaneLife:
    return LaneLife(lanes, name="lane", run_id="run", stop=stop, clock=now)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


@pytest.mark.usefixtures("often")
def test_it_beats_again_and_again_while_it_loads(sqlite_database: Database) -> None:
    lanes, stop = LaneStore(sqlite_database), threading.Event()
    lane = a_life(lanes, stop)

    def beat() -> LaneBeat:
        (found,) = lanes.alive(within_seconds=60, now=now())
        return found

    with lane.starting():
        first = beat()
        assert first.state == "starting"
        until(lambda: beat().beat_at > first.beat_at)
    last = beat()
    time.sleep(0.1)
    assert beat() == last, "nobody beats for it any more"
    lane.heartbeat(posts=3, draining=False)
    assert (beat().state, beat().posts, beat().started_at) == ("working", 3, first.started_at)
    lane.end()
    assert lanes.alive(within_seconds=60, now=now()) == []
    assert not stop.is_set()


@pytest.mark.usefixtures("often")
def test_one_that_was_given_up_while_it_loaded_stops(sqlite_database: Database) -> None:
    lanes, stop = LaneStore(sqlite_database), threading.Event()
    lane = a_life(lanes, stop)
    with lane.starting():
        lanes.remove("lane")
        assert stop.wait(20)


@pytest.mark.usefixtures("often")
def test_a_database_that_is_away_for_a_moment_ends_nothing(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes, stop = LaneStore(sqlite_database), threading.Event()
    lane = a_life(lanes, stop)
    plain, missed = lanes.beat, threading.Event()

    def away(beat: LaneBeat) -> bool:
        missed.set()
        raise UnavailableError("away")

    with lane.starting():
        monkeypatch.setattr(lanes, "beat", away)
        assert missed.wait(20)
        monkeypatch.setattr(lanes, "beat", plain)
    lane.heartbeat(posts=0, draining=False)
    assert not stop.is_set()


def test_the_thread_ends_when_loading_fails(sqlite_database: Database) -> None:
    lane = a_life(LaneStore(sqlite_database), threading.Event())
    with pytest.raises(ValueError, match="no model"), lane.starting():
        raise ValueError("no model")
    assert not [thread for thread in threading.enumerate() if thread.name == "lane-starts"]
