import subprocess
import sys

import dagster as dg

from pipelines.definitions import defs


def test_the_definitions_hold_together() -> None:
    dg.Definitions.validate_loadable(defs)
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"screening_lane", "check_screening"}
    names = {key.name for key in defs.resolve_asset_graph().asset_check_keys}
    assert names == {
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
    heavy = ("torch", "transformers", "onnxruntime", "cv2", "PIL", "polars")
    code = f"import sys, pipelines.definitions; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
