"""The sensor that keeps the wanted number of lanes alive, and holds posts that no lane has judged in time."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import RunRecord

from moderation.domain.errors import ModerationError
from moderation.settings import Settings
from moderation.storage.lanes import LaneBeat
from pipelines.defs.screening.lane_job import JOB, SLOT_TAG, SUPERVISOR_TAG
from pipelines.defs.screening.plan import LaneRun, Launch, Limits, Plan, plan_lanes
from pipelines.defs.screening.supervisor import supervisor
from pipelines.resources import Stores, System
from pipelines.runs import IN_PROGRESS
from pipelines.templates import START_SECONDS

MINIMUM_INTERVAL_SECONDS = 2
"""Dagster's sensor loop itself comes round every 5 seconds."""

REMEMBERED_RUNS = 8
"""Runs looked at for each wanted lane: the one that holds the slot, and enough failed ones for the backoff."""

FORGET_BEATS_SECONDS = 3600.0
LOADING_SECONDS = 600.0
"""A lane's first start with new models exports them, 20 s or more for each on a quiet core."""
OVERDUE_LIMIT = 500


@dg.sensor(
    job_name=JOB,
    minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts lanes that are missing, gives up runs whose lane is dead, holds posts past their deadline.",
)
def keep_lanes_alive(context: dg.SensorEvaluationContext, system: dg.ResourceParam[System]) -> dg.SensorResult:
    """Judge lanes by their heartbeats; what Dagster says of a run is only believed when the run has ended."""
    now = datetime.now(UTC)
    settings = system.settings()
    suspects = frozenset(json.loads(context.cursor or "[]"))
    try:
        with system.stores() as stores:
            overdue = stores.posts.hold_overdue(now=now, limit=OVERDUE_LIMIT)
            beats = stores.lanes.alive(within_seconds=FORGET_BEATS_SECONDS, now=now)
            plan = plan_lanes(
                lane_runs(context.instance, settings.lanes),
                signs_of_life(beats, stale=settings.lane_stale_seconds, now=now),
                wanted=_wanted(settings, stores, now),
                suspects=suspects,
                limits=_limits(settings),
                now=now,
            )
            give_up(context.instance, stores, plan.dead, beats)
    except ModerationError as error:
        return dg.SensorResult(skip_reason=f"{error.code}: {error.message}", cursor=json.dumps(sorted(suspects)))
    if overdue:
        context.log.warning("%d posts had no verdict by their deadline and are held", len(overdue))
    return _result(plan)


def signs_of_life(beats: Sequence[LaneBeat], *, stale: float, now: datetime) -> dict[str, datetime]:
    """The last beat of every run that can be judged by it.

    A lane that loads models beats from a thread of its own, which says nothing of the loading: for `LOADING_SECONDS`
    it is believed, then only its age counts. So does it while it is silent, for native code may hold up that thread.
    """

    def counts(beat: LaneBeat) -> bool:
        if beat.state != "starting":
            return True
        fresh = now - beat.beat_at <= timedelta(seconds=stale)
        return fresh and now - beat.started_at <= timedelta(seconds=LOADING_SECONDS)

    return {beat.run_id: beat.beat_at for beat in beats if counts(beat)}


def lane_runs(instance: dg.DagsterInstance, lanes: int) -> list[LaneRun]:
    """The lane runs that matter: every one in progress, and the newest others."""
    open_records = instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=IN_PROGRESS))
    newest = instance.get_run_records(dg.RunsFilter(job_name=JOB), limit=REMEMBERED_RUNS * lanes)
    records = {record.dagster_run.run_id: record for record in (*newest, *open_records)}
    return [_lane_run(record) for record in records.values()]


def give_up(instance: dg.DagsterInstance, stores: Stores, dead: Sequence[str], beats: Sequence[LaneBeat]) -> None:
    """Tell Dagster that these runs are over: nothing of them is alive. Their posts' leases run out by themselves."""
    for run_id in dead:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, "The lane's heartbeat has stopped; its posts go to other lanes.")
        for beat in beats:
            if beat.run_id == run_id:
                stores.lanes.remove(beat.name)


def _lane_run(record: RunRecord) -> LaneRun:
    run = record.dagster_run
    slot = run.tags.get(SLOT_TAG, "")
    if run.tags.get(SUPERVISOR_TAG, "") != supervisor():
        slot = ""  # a lane of an earlier start: it ends by itself, if it has not been killed
    created_at = record.create_timestamp
    if created_at.tzinfo is None:
        created_at = created_at.replace(tzinfo=UTC)
    ended_at = None
    if run.is_finished:
        ended_at = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else created_at
    return LaneRun(
        run_id=run.run_id,
        slot=int(slot) if slot.isdecimal() else -1,
        created_at=created_at,
        ended_at=ended_at,
        failed=run.status == dg.DagsterRunStatus.FAILURE,
    )


def _wanted(settings: Settings, stores: Stores, now: datetime) -> int:
    """One lane is always kept warm; the others too, while posts wait or came not long ago."""
    if stores.posts.oldest_pending_at() is not None:
        return settings.lanes
    lately = now - timedelta(seconds=settings.lane_idle_seconds)
    return settings.lanes if stores.screenings.latencies(lately, 1) else 1


def _limits(settings: Settings) -> Limits:
    return Limits(
        stale=settings.lane_stale_seconds, starting=float(START_SECONDS), max_age=settings.lane_max_age_seconds
    )


def _result(plan: Plan) -> dg.SensorResult:
    cursor = json.dumps(sorted(plan.suspects))
    if not plan.launches:
        waiting = ", ".join(f"lane {slot} again in {seconds:.0f} s" for slot, seconds in plan.waiting.items())
        return dg.SensorResult(skip_reason=waiting or "every wanted lane is alive", cursor=cursor)
    return dg.SensorResult(run_requests=[_request(launch, supervisor()) for launch in plan.launches], cursor=cursor)


def _request(launch: Launch, of: str) -> dg.RunRequest:
    tags = {SLOT_TAG: str(launch.slot), **({SUPERVISOR_TAG: of} if of else {})}
    return dg.RunRequest(run_key=launch.key(of), tags=tags)
