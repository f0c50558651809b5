"""A candidate in a process of its own: what becomes of the process stays there."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.signals.apart import MOST_DEATHS, Apart
from moderation.signals.shadows import Candidate, Shadows
from tests.signals import apart_stubs
from tests.signals.apart_stubs import SPEC
from tests.signals.test_runtime import subjects
from tests.signals.test_shadows import Desk, ask

pytestmark = pytest.mark.timeout(120)
Make = Callable[..., Apart]


@pytest.fixture
def reasons() -> list[str]:
    """Why candidates were given up."""
    return []


@pytest.fixture
def make(reasons: list[str]) -> Iterator[Make]:
    made: list[Apart] = []

    def start(load: Callable[[], apart_stubs.Obedient] = apart_stubs.load) -> Apart:
        apart = Apart(SPEC, load, given_up=reasons.append)
        made.append(apart)
        return apart

    yield start
    for apart in made:
        apart.close()


def one(apart: Apart, caption: str) -> object:
    (result,) = apart.measure(subjects(caption))
    return result


def failure(apart: Apart, caption: str) -> SignalFailure:
    result = one(apart, caption)
    assert isinstance(result, SignalFailure), result
    return result


def child_of(apart: Apart) -> int:
    return int(failure(apart, "pid").detail.split("pid ")[1].split(",")[0])


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1][:3]
    except OSError:
        return False


def test_it_measures_elsewhere_what_it_would_measure_here(make: Make) -> None:
    apart = make()
    assert apart.prepare()
    assert apart.measure(subjects("four", "letters")) == apart_stubs.load().measure(subjects("four", "letters"))
    told = failure(apart, "pid").detail
    assert str(os.getpid()) not in told
    assert "nice 15" in told or "nice 19" in told
    assert "MODERATION" not in told, "the child has no use for settings and secrets"


def test_what_it_raises_is_a_failure_of_that_post_and_no_death(make: Make, reasons: list[str]) -> None:
    apart = make()
    assert apart.prepare()
    for _ in range(MOST_DEATHS + 1):
        first, second = apart.measure(subjects("raise", "four"))
        assert isinstance(first, SignalFailure)
        assert isinstance(second, Score)
    assert not reasons


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("crash", "by signal 11"),
        ("leave", "with exit status 7"),
        ("hang", "did not answer within 2 s"),
        ("half", "did not answer within 2 s"),
    ],
)
def test_what_ends_its_process_fails_its_posts_and_is_started_again_a_few_times(
    make: Make, reasons: list[str], deed: str, how: str
) -> None:
    apart = make()
    for death in range(MOST_DEATHS):
        assert apart.prepare()
        assert isinstance(one(apart, "four"), Score)
        assert not reasons, f"after {death} deaths it is tried again"
        found = failure(apart, deed)
        assert (found.reason, how in found.detail) == (FailureReason.ERROR, True), found
    assert [how in reason for reason in reasons] == [True]
    assert not apart.prepare()
    assert failure(apart, "four").reason is FailureReason.UNAVAILABLE


def test_what_dies_while_it_is_loaded_is_given_up_too(make: Make, reasons: list[str]) -> None:
    apart = make(apart_stubs.load_crashing)
    for _ in range(MOST_DEATHS):
        assert not apart.prepare()
    assert ["while it was loaded: by signal 11" in reason for reason in reasons] == [True]


def test_one_that_takes_nothing_in_is_ended_after_its_time_limit_too(make: Make) -> None:
    apart = make()
    assert apart.prepare()
    pid = child_of(apart)
    os.kill(pid, signal.SIGSTOP)
    assert "did not answer within 2 s" in failure(apart, "more than any pipe holds " * 100_000).detail
    assert not alive(pid)


def test_an_answer_of_foreign_classes_stays_where_it_is(make: Make) -> None:
    apart = make(apart_stubs.load_foreign)
    assert apart.prepare()
    assert failure(apart, "four").reason is FailureReason.WRONG_SHAPE


def test_an_answer_that_would_change_the_lane_is_nonsense(make: Make, reasons: list[str]) -> None:
    apart = make(apart_stubs.load_overwriting)
    for _ in range(MOST_DEATHS):
        assert not apart.prepare()
    assert not hasattr(FailureReason, "taken")
    assert ["nonsense" in reason for reason in reasons] == [True]


def test_what_it_says_of_its_end_is_fit_to_be_put_down(make: Make, reasons: list[str]) -> None:
    apart = make(apart_stubs.load_rude)
    for _ in range(MOST_DEATHS):
        assert not apart.prepare()
    (reason,) = reasons
    assert reason.isprintable()
    assert len(reason) < 500


def test_what_cannot_be_told_changes_no_answer_and_is_told_again() -> None:
    told: list[str] = []
    away = [RuntimeError("away"), RuntimeError("still away")]

    def tell(reason: str) -> None:
        if away:
            raise away.pop()
        told.append(reason)

    apart = Apart(SPEC, apart_stubs.load, given_up=tell)
    for _ in range(MOST_DEATHS):
        assert apart.prepare()
        assert "by signal 11" in failure(apart, "crash").detail
    for heard in (0, 1, 1):
        assert not apart.prepare()
        assert len(told) == heard


def test_closing_ends_the_process_and_starts_none(make: Make, reasons: list[str]) -> None:
    apart = make()
    assert apart.prepare()
    pid = child_of(apart)
    apart.close()
    apart.close()
    assert not alive(pid)
    assert not apart.prepare()
    assert failure(apart, "four").reason is FailureReason.UNAVAILABLE
    assert not reasons


def test_closing_does_not_wait_for_a_model_that_is_being_loaded(make: Make, reasons: list[str]) -> None:
    apart = make(apart_stubs.load_hanging)
    ready: list[bool] = []
    loading = threading.Thread(target=lambda: ready.append(apart.prepare()))
    loading.start()
    loading.join(0.5)
    apart.close()
    loading.join(10)
    assert ready == [False]
    assert not reasons


LANE = """
import sys, threading, time
from tests.signals import apart_stubs
from moderation.signals.apart import Apart
apart = Apart(apart_stubs.SPEC, apart_stubs.load_telling, given_up=print)
threading.Thread(target=apart.prepare, daemon=True).start()
time.sleep(600)
"""


def test_a_model_that_is_being_loaded_does_not_outlive_its_lane() -> None:
    command = [sys.executable, "-c", LANE]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as lane:
        assert lane.stderr is not None
        pid = int(lane.stderr.readline())
        assert alive(pid)
        lane.kill()
        end = time.monotonic() + 30
        while alive(pid) and time.monotonic() < end:
            time.sleep(0.05)
        left = alive(pid)
        if left:
            os.kill(pid, signal.SIGKILL)
    assert not left


def test_shadows_ask_it_skip_what_it_dies_of_and_end_it(make: Make, reasons: list[str]) -> None:
    desk, pin = Desk(), ModelPin("second", Digest("2" * 64))
    apart = make()
    shadows = Shadows(desk)
    shadows.use([Candidate("letters", pin, lambda: apart)])
    ask(shadows, subjects("four"))
    desk.until(1)
    assert isinstance(desk.found[0].result, Score)
    pid = child_of(apart)
    for death in range(MOST_DEATHS):
        ask(shadows, subjects("crash"))
        desk.until(2 + death)
    ask(shadows, subjects("four"))
    shadows.close(seconds=5)
    assert desk.skipped == {("letters", pin): 1}
    assert len(reasons) == 1
    assert not alive(pid)
