from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from pipelines.defs.operations.prune import prune_dagster, prune_runs


@dg.job
def nothing() -> None:
    """A job without ops."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def runs(instance: dg.DagsterInstance) -> set[str]:
    return {record.dagster_run.run_id for record in instance.get_run_records()}


def test_ended_runs_from_before_are_deleted(instance: dg.DagsterInstance) -> None:
    for _ in range(3):
        nothing.execute_in_process(instance=instance)
    assert prune_runs(instance, before=datetime.now(UTC) - timedelta(days=1)) == 0
    assert len(runs(instance)) == 3
    assert prune_runs(instance, before=datetime.now(UTC) + timedelta(minutes=1)) == 3
    assert runs(instance) == set()


def test_a_run_in_progress_is_kept_however_old(instance: dg.DagsterInstance) -> None:
    running = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)
    assert prune_runs(instance, before=datetime.now(UTC) + timedelta(minutes=1)) == 0
    assert runs(instance) == {running.run_id}


def test_a_pass_ends_although_more_could_be_deleted(instance: dg.DagsterInstance) -> None:
    for _ in range(3):
        nothing.execute_in_process(instance=instance)
    assert prune_runs(instance, before=datetime.now(UTC) + timedelta(minutes=1), most=2) == 2
    assert len(runs(instance)) == 1


def test_the_job_runs_and_keeps_what_is_recent(instance: dg.DagsterInstance) -> None:
    nothing.execute_in_process(instance=instance)
    assert prune_dagster.execute_in_process(instance=instance).success
    assert len(runs(instance)) == 2
