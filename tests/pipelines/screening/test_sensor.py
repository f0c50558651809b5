from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from moderation.domain.post import PostState
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneStore
from moderation.storage.posts import PostStore
from pipelines.defs.screening.lane_job import SLOT_TAG, SUPERVISOR_TAG, screening_lane
from pipelines.defs.screening.sensor import LOADING_SECONDS, keep_lanes_alive, signs_of_life
from pipelines.defs.screening.supervisor import SUPERVISOR_VARIABLE
from tests.factories import a_beat, accept, judge_all
from tests.pipelines.fakes import FakeSystem


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SUPERVISOR_VARIABLE, raising=False)


class Ticks:
    """Evaluates the sensor as the daemon does, keeping its cursor."""

    def __init__(self, system: FakeSystem, instance: dg.DagsterInstance) -> None:
        self._system = system
        self._instance = instance
        self._cursor: str | None = None

    def tick(self) -> dg.SensorResult:
        with dg.build_sensor_context(
            instance=self._instance, cursor=self._cursor, resources={"system": self._system}
        ) as context:
            result = keep_lanes_alive(context)
        assert isinstance(result, dg.SensorResult)
        self._cursor = result.cursor
        return result

    def slots(self) -> list[str]:
        return [request.tags[SLOT_TAG] for request in self.tick().run_requests or []]


def a_started_run(instance: dg.DagsterInstance, slot: str = "0", supervisor: str = "") -> str:
    tags = {SLOT_TAG: slot, **({SUPERVISOR_TAG: supervisor} if supervisor else {})}
    run = instance.create_run_for_job(
        screening_lane, run_id=str(uuid4()), tags=tags, status=dg.DagsterRunStatus.STARTED
    )
    return run.run_id


def lives(database: Database, run_id: str, *, seconds_ago: float = 0.0) -> None:
    beat = replace(a_beat(f"lane-{run_id}"), run_id=run_id, beat_at=datetime.now(UTC) - timedelta(seconds=seconds_ago))
    LaneStore(database).beat(beat)


def test_one_lane_is_kept_warm_and_the_others_come_with_the_posts(
    tmp_path: Path, sqlite_url: str, sqlite_database: Database, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(FakeSystem(tmp_path, lanes=3, database_url=sqlite_url), instance)
    assert ticks.slots() == ["0"]
    accept(PostStore(sqlite_database), now=datetime.now(UTC))
    assert ticks.slots() == ["0", "1", "2"]


@pytest.mark.parametrize(("seconds_ago", "slots"), [(60, ["0", "1"]), (1000, ["0"])])
def test_lanes_stay_warm_for_a_while_after_the_last_post(
    tmp_path: Path,
    sqlite_url: str,
    sqlite_database: Database,
    instance: dg.DagsterInstance,
    seconds_ago: float,
    slots: list[str],
) -> None:
    store, then = PostStore(sqlite_database), datetime.now(UTC) - timedelta(seconds=seconds_ago)
    accept(store, now=then)
    judge_all(store, now=then)
    assert Ticks(FakeSystem(tmp_path, lanes=2, database_url=sqlite_url), instance).slots() == slots


def test_what_lives_or_starts_is_not_started_again(
    tmp_path: Path, sqlite_url: str, sqlite_database: Database, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(FakeSystem(tmp_path, database_url=sqlite_url), instance)
    run_id = a_started_run(instance)
    assert ticks.slots() == []
    lives(sqlite_database, run_id)
    assert ticks.slots() == []


def test_a_run_whose_lane_is_silent_is_failed_and_replaced(
    tmp_path: Path, sqlite_url: str, sqlite_database: Database, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(FakeSystem(tmp_path, database_url=sqlite_url), instance)
    run_id = a_started_run(instance)
    lives(sqlite_database, run_id, seconds_ago=30)
    assert ticks.slots() == []
    assert ticks.slots() == ["0"]
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert LaneStore(sqlite_database).alive(within_seconds=3600, now=datetime.now(UTC)) == []


def test_a_lane_that_still_loads_its_models_is_not_silent(
    tmp_path: Path, sqlite_url: str, sqlite_database: Database, instance: dg.DagsterInstance
) -> None:
    ticks = Ticks(FakeSystem(tmp_path, database_url=sqlite_url), instance)
    run_id, begun = a_started_run(instance), datetime.now(UTC) - timedelta(seconds=30)
    LaneStore(sqlite_database).beat(replace(a_beat(), run_id=run_id, beat_at=begun, state="starting"))
    assert [ticks.slots() for _ in range(3)] == [[], [], []]


def test_a_lane_that_beats_while_it_exports_is_alive_for_as_long_as_that_may_take() -> None:
    now = datetime.now(UTC)
    beat = replace(a_beat(), run_id="run", state="starting", beat_at=now)
    for age, silent, believed in ((30, 0, True), (400, 1, True), (400, 30, False), (LOADING_SECONDS + 1, 0, False)):
        one = replace(beat, started_at=now - timedelta(seconds=age), beat_at=now - timedelta(seconds=silent))
        assert ("run" in signs_of_life([one], stale=10, now=now)) is believed
        working = replace(one, state="working")
        assert signs_of_life([working], stale=10, now=now) == {"run": working.beat_at}


def test_lanes_of_an_earlier_supervisor_hold_no_slot(
    tmp_path: Path, sqlite_url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SUPERVISOR_VARIABLE, "1-new")
    ticks = Ticks(FakeSystem(tmp_path, database_url=sqlite_url), instance)
    a_started_run(instance, supervisor="1-old")
    (request,) = ticks.tick().run_requests or []
    assert request.tags == {SLOT_TAG: "0", SUPERVISOR_TAG: "1-new"}
    a_started_run(instance, supervisor="1-new")
    assert ticks.slots() == []


def test_the_same_launch_has_the_same_key(tmp_path: Path, sqlite_url: str, instance: dg.DagsterInstance) -> None:
    ticks = Ticks(FakeSystem(tmp_path, database_url=sqlite_url), instance)
    keys = [request.run_key for _ in range(2) for request in ticks.tick().run_requests or []]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_overdue_posts_are_held_even_without_a_lane(
    tmp_path: Path, sqlite_url: str, sqlite_database: Database, instance: dg.DagsterInstance
) -> None:
    store = PostStore(sqlite_database)
    post = accept(store, now=datetime.now(UTC) - timedelta(seconds=600))
    Ticks(FakeSystem(tmp_path, database_url=sqlite_url), instance).tick()
    held = store.get(post.id)
    assert held is not None
    assert held.state is PostState.HELD


def test_a_database_that_is_away_is_said_and_starts_nothing(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    (tmp_path / "folder").mkdir()
    result = Ticks(FakeSystem(tmp_path, database_url=f"sqlite:///{tmp_path}/folder"), instance).tick()
    assert not result.run_requests
    assert result.skip_reason is not None
    assert "unavailable" in str(result.skip_reason.skip_message)
