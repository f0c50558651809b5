import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from pipelines.definitions import defs
from pipelines.defs.screening.lane_job import ASSET


def test_the_definitions_hold_together() -> None:
    dg.Definitions.validate_loadable(defs)
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"screening_lane", "check_screening"}
    keys = defs.resolve_asset_graph().asset_check_keys
    assert {key.name for key in keys if key.asset_key == ASSET} == {
        "nothing_published_without_a_verdict",
        "no_post_overdue",
        "audit_chain_intact",
        "signal_failure_rate",
    }


def test_sensor_and_schedule_run_without_being_switched_on() -> None:
    sensor = defs.resolve_sensor_def("keep_lanes_alive")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    schedule = defs.resolve_schedule_def("check_screening_every_ten_minutes")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_importing_them_loads_no_model_runtime() -> None:
    heavy = ("torch", "transformers", "onnxruntime", "cv2", "PIL", "polars", "numba")
    code = f"import sys, pipelines.definitions; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_checks_run_as_one_job(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_HOME", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE_URL", sqlite_url)
    with dg.instance_for_test() as instance:
        result = defs.resolve_job_def("check_screening").execute_in_process(instance=instance)
        evaluations = result.get_asset_check_evaluations()
    assert {evaluation.check_name: evaluation.passed for evaluation in evaluations} == {
        "nothing_published_without_a_verdict": True,
        "no_post_overdue": True,
        "audit_chain_intact": True,
        "signal_failure_rate": True,
    }
