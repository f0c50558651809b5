import math
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.defs.screening.lane_job import ASSET, SLOT_TAG, describe, screening_lane, stop_on_signals
from tests.pipelines.fakes import FakeSystem, a_report


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as opened:
        yield opened


def run(system: FakeSystem, instance: dg.DagsterInstance, slot: str = "0") -> dg.ExecuteInProcessResult:
    return screening_lane.execute_in_process(
        resources={"system": system}, instance=instance, tags={SLOT_TAG: slot}, raise_on_error=False
    )


def test_a_lane_reports_materializations(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    assert run(FakeSystem(tmp_path), instance).success
    found = instance.fetch_materializations(ASSET, limit=10).records
    assert len(found) == 1
    materialization = found[0].asset_materialization
    assert materialization is not None
    values = {name: value.value for name, value in materialization.metadata.items()}
    assert values["posts"] == 3
    assert values["verdict hold"] == 1
    assert values["failed image_nsfw"] == 1
    assert values["seconds in decode"] == 0.25
    assert values["latency p99 (s)"] == 0.3
    assert str(values["lane"]).startswith("lane-0-")


def test_only_the_first_lane_stays_when_nothing_comes(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    system = FakeSystem(tmp_path)
    run(system, instance, "0")
    run(system, instance, "1")
    assert [settings.lane_idle_seconds for settings in system.seen] == [math.inf, 900.0]


def test_a_signal_drains_the_lane_instead_of_breaking_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):

        def interrupted(stop: threading.Event, number: signal.Signals = number) -> None:
            os.kill(os.getpid(), number)
            assert stop.wait(10)

        result = run(FakeSystem(tmp_path, interrupted), instance)
        assert result.success, number


def test_a_cancelled_lane_drains_and_is_then_cancelled(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    drained = threading.Event()

    def cancelled(stop: threading.Event) -> None:
        open_run = instance.get_runs()[0]
        instance.report_run_canceling(open_run)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(10)
        drained.set()

    assert not run(FakeSystem(tmp_path, cancelled), instance).success
    assert drained.is_set()
    assert instance.get_runs()[0].status == dg.DagsterRunStatus.CANCELED


def test_a_lane_that_fails_is_a_failed_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    def broken(_stop: threading.Event) -> None:
        raise RuntimeError("stuck")

    assert not run(FakeSystem(tmp_path, broken), instance).success
    assert instance.get_runs()[0].status == dg.DagsterRunStatus.FAILURE


def test_handlers_are_put_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with stop_on_signals(threading.Event()):
        assert signal.getsignal(signal.SIGINT) is not before[signal.SIGINT]
    assert {number: signal.getsignal(number) for number in before} == before


def test_every_number_of_a_report_is_described() -> None:
    described = describe("lane-0-x", a_report())
    assert set(described) == {
        "lane",
        "posts",
        "batches",
        "lost leases",
        "latency p50 (s)",
        "latency p95 (s)",
        "latency p99 (s)",
        "verdict approve",
        "verdict hold",
        "failed image_nsfw",
        "seconds in decode",
    }
