from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipelines.defs.screening.plan import LaneRun, Launch, Limits, Plan, plan_lanes

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(stale=10.0, starting=60.0, max_age=3600.0)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def a_run(run_id: str, slot: int = 0, *, age: float = 300.0) -> LaneRun:
    return LaneRun(run_id, slot, ago(age))


def failed(run_id: str, *, age: float, ended: float, slot: int = 0) -> LaneRun:
    return LaneRun(run_id, slot, ago(age), ago(ended), failed=True)


def plan(
    runs: list[LaneRun],
    beats: dict[str, datetime] | None = None,
    *,
    wanted: int = 1,
    suspects: frozenset[str] = frozenset(),
) -> Plan:
    return plan_lanes(runs, beats or {}, wanted=wanted, suspects=suspects, limits=LIMITS, now=NOW)


def test_every_wanted_slot_gets_a_lane() -> None:
    assert plan([], wanted=3).launches == (Launch(0, ""), Launch(1, ""), Launch(2, ""))


def test_a_beating_lane_holds_its_slot() -> None:
    found = plan([a_run("a"), a_run("b", 1)], {"a": ago(1), "b": ago(9)}, wanted=2)
    assert found == Plan()


def test_a_run_that_has_not_beaten_yet_is_starting() -> None:
    assert plan([a_run("a", age=59)]) == Plan()


def test_a_silent_run_is_first_a_suspect_and_then_dead() -> None:
    runs, beats = [a_run("a")], {"a": ago(11)}
    first = plan(runs, beats)
    assert (first.launches, first.dead, first.suspects) == ((), (), frozenset({"a"}))
    second = plan(runs, beats, suspects=first.suspects)
    assert (second.launches, second.dead, second.suspects) == ((Launch(0, "a"),), ("a",), frozenset())


def test_a_suspect_that_beats_again_is_no_longer_one() -> None:
    assert plan([a_run("a")], {"a": ago(1)}, suspects=frozenset({"a"})) == Plan()


def test_a_dead_run_without_a_slot_is_given_up_but_not_replaced() -> None:
    found = plan([a_run("by hand", -1), a_run("a")], {"a": ago(0)}, suspects=frozenset({"by hand"}))
    assert (found.dead, found.launches) == (("by hand",), ())


def test_an_ageing_lane_gets_its_successor_before_it_ends() -> None:
    old = a_run("old", age=3571)
    assert plan([old], {"old": ago(0)}).launches == (Launch(0, "old"),)
    assert plan([old, a_run("new", age=1)], {"old": ago(0)}).launches == ()


def test_lanes_that_are_no_longer_wanted_are_left_to_end() -> None:
    assert plan([a_run("a"), a_run("b", 1)], {"a": ago(0), "b": ago(0)}, wanted=1) == Plan()


def test_a_lane_that_ended_well_is_replaced_at_once() -> None:
    ended = LaneRun("a", 0, ago(5), ago(1))
    assert plan([ended]).launches == (Launch(0, "a"),)


def test_a_lane_that_failed_after_a_long_life_is_replaced_at_once() -> None:
    runs = [failed("a", age=1000, ended=900), failed("b", age=800, ended=1)]
    assert plan(runs).launches == (Launch(0, "b"),)


def test_lanes_that_keep_failing_at_the_start_are_tried_with_growing_pauses() -> None:
    one = [failed("a", age=3, ended=1)]
    two = [*one, failed("b", age=10, ended=8)]
    three = [*two, failed("c", age=20, ended=18)]
    assert plan(one).launches == (Launch(0, "a"),)
    assert plan(two).waiting == {0: 4.0}
    assert plan(three).waiting == {0: 9.0}
    assert plan(three).launches == ()


def test_the_pause_ends() -> None:
    runs = [failed(f"{n}", age=70 + 10 * n, ended=61 + 10 * n) for n in range(8)]
    assert plan(runs).launches == (Launch(0, "0"),)


def test_asking_twice_names_the_same_launch() -> None:
    assert Launch(1, "a").key("s") == Launch(1, "a").key("s")
    launches = [Launch(0, "a"), Launch(1, "a"), Launch(0, "b"), Launch(0, "")]
    assert len({launch.key("s") for launch in launches}) == 4


def test_a_new_supervisor_starts_afresh() -> None:
    assert Launch(0, "").key("1-aa") != Launch(0, "").key("1-bb")


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[LaneRun], dict[str, datetime], frozenset[str], int]:
    runs, beats = [], {}
    for number in range(draw(st.integers(0, 8))):
        age = draw(st.floats(0, 8000))
        ended = draw(st.none() | st.floats(0, 1))
        run_id = f"run-{number}"
        runs.append(
            LaneRun(
                run_id,
                draw(st.integers(-1, 3)),
                ago(age),
                None if ended is None else ago(age * ended),
                failed=ended is not None and draw(st.booleans()),
            )
        )
        if draw(st.booleans()):
            beats[run_id] = ago(draw(st.floats(0, 100)))
    suspects = draw(st.frozensets(st.sampled_from([run.run_id for run in runs] or ["none"])))
    return runs, beats, suspects, draw(st.integers(1, 4))


@given(situations())
def test_invariants(situation: tuple[list[LaneRun], dict[str, datetime], frozenset[str], int]) -> None:
    runs, beats, suspects, wanted = situation
    found = plan(runs, beats, wanted=wanted, suspects=suspects)
    slots = [launch.slot for launch in found.launches]
    assert len(set(slots)) == len(slots), "one launch per slot"
    assert set(slots) <= set(range(wanted)), "nothing is launched that is not wanted"
    assert not set(slots) & set(found.waiting)
    in_progress = {run.run_id for run in runs if run.ended_at is None}
    assert set(found.dead) <= in_progress & suspects, "only what was suspected before is given up"
    assert found.suspects <= in_progress
    for run in runs:
        if run.ended_at is None and run.run_id in beats and NOW - beats[run.run_id] <= timedelta(seconds=10):
            assert run.run_id not in found.dead, "what beats is never given up"
    young = [run for run in runs if run.ended_at is None and NOW - run.created_at < timedelta(seconds=60)]
    fresh = {run.slot for run in young if run.run_id not in found.dead}
    assert not fresh & set(slots), "a lane that is just starting is not started again"
