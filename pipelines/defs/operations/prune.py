"""Forgets Dagster's old runs: what happened to posts is in the audit log, and run history only grows."""

from datetime import UTC, datetime, timedelta

import dagster as dg

KEEP_DAYS = 14
BATCH = 200
MOST = 20_000
"""Runs that one pass deletes at the most, so that it ends; the next pass goes on."""

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def prune_runs(instance: dg.DagsterInstance, *, before: datetime, most: int = MOST) -> int:
    """Delete up to `most` ended runs that were created before `before`, with their events; returns how many."""
    deleted = 0
    while deleted < most:
        ended = dg.RunsFilter(statuses=ENDED, created_before=before)
        records = instance.get_run_records(ended, limit=min(BATCH, most - deleted))
        for record in records:
            instance.delete_run(record.dagster_run.run_id)
        deleted += len(records)
        if len(records) < BATCH:
            break
    return deleted


@dg.op(description=f"Deletes ended runs older than {KEEP_DAYS} days.")
def forget_old_runs(context: dg.OpExecutionContext) -> None:
    """Runs in progress are never touched, however old."""
    deleted = prune_runs(context.instance, before=datetime.now(UTC) - timedelta(days=KEEP_DAYS))
    context.log.info("deleted %d runs", deleted)


@dg.job(
    description="Keeps Dagster's own storage small. The audit log is not touched: it is append-only.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
)
def prune_dagster() -> None:
    """One op."""
    forget_old_runs()


daily = dg.ScheduleDefinition(
    name="prune_dagster_daily",
    job=prune_dagster,
    cron_schedule="17 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
