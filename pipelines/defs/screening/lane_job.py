"""The lane job: one run is one lane, and its only op is the whole lane."""

import math
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

import dagster as dg

from moderation.screening.report import LaneReport
from moderation.settings import Settings
from pipelines.defs.screening.supervisor import stop_with_supervisor
from pipelines.resources import System

JOB = "screening_lane"
ASSET = dg.AssetKey("screened_posts")
SLOT_TAG = "moderation/lane"
"""Which of the wanted lanes a run is: "0" to the wanted number - 1. A run that a person launches has none."""
SUPERVISOR_TAG = "moderation/supervisor"
"""The supervisor under which the run was started, if any. Its lanes end with it."""

MAX_STAGES = 12

screened_posts = dg.AssetSpec(
    ASSET,
    description="Posts with a verdict. Every lane reports what it did every few seconds, in which it did something.",
    group_name="screening",
    kinds={"python"},
)


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT (how Dagster cancels a run) and SIGTERM set `stop` instead of raising in the middle of a batch."""

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dg.op(
    description="Claims, screens and publishes posts until it is told to stop, has nothing to do, or is old.",
    tags={"dagster/compute_kind": "lane"},
)
def lane(context: dg.OpExecutionContext, system: dg.ResourceParam[System]) -> None:
    """Run a lane. A cancelled lane finishes what it has claimed, and then says that it was cancelled."""
    slot = context.run.tags.get(SLOT_TAG, "")
    name = f"lane-{slot or 'x'}-{context.run_id[:8]}"
    stop = threading.Event()

    def report(done: LaneReport) -> None:
        context.log_event(dg.AssetMaterialization(ASSET, metadata=describe(name, done)))

    with stop_on_signals(stop), stop_with_supervisor(stop):
        total = system.work_lane(
            lane_settings(system.settings(), slot), name=name, run_id=context.run_id, stop=stop, report=report
        )
    context.log.info("%s screened %d posts: %s", name, total.posts, dict(total.verdicts))
    run = context.instance.get_run_by_id(context.run_id)
    if run is not None and run.status == dg.DagsterRunStatus.CANCELING:
        raise dg.DagsterExecutionInterruptedError


def lane_settings(settings: Settings, slot: str) -> Settings:
    """The first lane stays warm while nothing comes; the others end after being idle."""
    return settings.model_copy(update={"lane_idle_seconds": math.inf}) if slot == "0" else settings


def describe(name: str, report: LaneReport) -> Mapping[str, dg.MetadataValue]:
    """A report as flat metadata, so that Dagster draws a curve of each number."""
    numbers: dict[str, float] = {
        "posts": report.posts,
        "batches": report.batches,
        "lost leases": report.lost,
        "latency p50 (s)": report.latency_p50_s,
        "latency p95 (s)": report.latency_p95_s,
        "latency p99 (s)": report.latency_p99_s,
    }
    numbers |= {f"verdict {verdict}": count for verdict, count in sorted(report.verdicts.items())}
    numbers |= {f"failed {name}": count for name, count in sorted(report.failures.items())}
    stages = sorted(report.stage_seconds.items())[:MAX_STAGES]
    numbers |= {f"seconds in {stage}": seconds for stage, seconds in stages}
    values = {key: _number(value) for key, value in numbers.items()}
    return {"lane": dg.MetadataValue.text(name), **values}


def _number(value: float) -> dg.MetadataValue:
    return dg.MetadataValue.int(value) if isinstance(value, int) else dg.MetadataValue.float(round(value, 4))


@dg.job(
    name=JOB,
    description="A lane. The sensor keep_lanes_alive starts as many as are wanted; cancel one to drain it.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
)
def screening_lane() -> None:
    """One op in the run's own process: decoder, models and policy stay loaded for as long as the lane lives."""
    lane()
