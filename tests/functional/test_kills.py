"""Lanes are killed at random points of a batch; nothing may be lost, told twice or published wrongly."""

import random
from pathlib import Path

import pytest

from moderation.storage.lanes import LaneStore
from tests.functional.world import kill, world

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.long])])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'world.db'}"
    return str(request.getfixturevalue("postgres_url"))


def murder(folder: Path, url: str, *, posts: int, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    with world(folder, url) as place:
        ids = place.accept(posts)
        for number in range(kills):
            with place.lane(f"victim-{number}") as lane:
                place.until_working(f"victim-{number}")
                place.some_progress(rng)
                kill(lane)
        with place.lane("survivor"):
            place.until_judged(ids)
        states = place.check_promises(ids)
    assert states["published"] > 0
    assert states["rejected"] > 0


def test_a_killed_lane_loses_nothing_and_publishes_nothing_wrongly(tmp_path: Path, url: str) -> None:
    murder(tmp_path, url, posts=120, kills=3, seed=1)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 5))
def test_a_lane_killed_again_and_again_loses_nothing(tmp_path: Path, url: str, seed: int) -> None:
    murder(tmp_path, url, posts=300, kills=8, seed=seed)


@pytest.mark.postgres
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.long)])
def test_lanes_share_one_postgresql_and_one_dies(tmp_path: Path, postgres_url: str, count: int) -> None:
    with world(tmp_path, postgres_url, threads=1) as place:
        ids = place.accept(160)
        names = [f"lane-{number}" for number in range(count)]
        lanes = [place.lane(name) for name in names]
        processes = [lane.__enter__() for lane in lanes]
        try:
            place.until_working(*names)
            kill(processes[0])
            place.until_judged(ids)
        finally:
            for lane in lanes:
                lane.__exit__(None, None, None)
        place.check_promises(ids)


def test_a_lane_that_is_told_to_stop_gives_nothing_up(tmp_path: Path, url: str) -> None:
    with world(tmp_path, url) as place:
        ids = place.accept(120)
        with place.lane("polite") as lane:
            place.until_working("polite")
            lane.terminate()
            assert lane.wait(timeout=30) == 0
        assert "screening" not in {post.state.value for post in place.posts.many(ids).values()}
        with place.lane("next"):
            place.until_judged(ids)
        place.check_promises(ids)


def test_a_lane_that_was_given_up_ends_although_it_lives(tmp_path: Path) -> None:
    with world(tmp_path, f"sqlite:///{tmp_path / 'world.db'}") as place, place.lane("slow") as lane:
        place.until_working("slow")
        LaneStore(place.database).remove("slow")
        assert lane.wait(timeout=60) == 0
