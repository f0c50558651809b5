"""Demotes bank entries that suddenly match far more than they used to. See `moderation.screening.quarantine`."""

import dagster as dg

from pipelines.resources import System


@dg.op(description="Demotes entries of blocking banks to review when they suddenly match far more than before.")
def demote_flooded_entries(context: dg.OpExecutionContext, system: dg.ResourceParam[System]) -> None:
    """One pass. Each demotion is an audit event and a metric too."""
    with system.quarantine() as quarantine:
        demoted = quarantine.run()
    for history in demoted:
        context.log.error(
            "demoted entry %s of bank %s: %d posts in two hours, %d in the %d hours before",
            history.entry_id,
            history.bank,
            history.recent,
            history.before,
            history.hours,
        )


@dg.job(
    description="Flood quarantine of bank entries; a person lifts a demotion with `moderation bank amend`.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
)
def quarantine_bank_entries() -> None:
    """One op."""
    demote_flooded_entries()


quarantine_often = dg.ScheduleDefinition(
    name="quarantine_bank_entries_often",
    job=quarantine_bank_entries,
    cron_schedule="*/10 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
