"""Deletes old images of rejected and withdrawn posts, and what models saw in pictures that passed.

See `moderation.screening.retention`.
"""

import dagster as dg

from pipelines.resources import System


@dg.op(description="Deletes images that are old enough and that nothing keeps. Evidence is never touched.")
def delete_old_images(context: dg.OpExecutionContext, system: dg.ResourceParam[System]) -> None:
    """One pass; fails when it had to stop, so that somebody hears of it."""
    with system.retention() as retention:
        report = retention.run()
    context.log.info("deleted %d images, kept %d that were needed after all", report.deleted, report.kept)
    context.log.info("deleted features of %d pictures that passed", report.features)
    if not report.complete:
        raise dg.Failure("The pass stopped early; the log says why. The next one goes on.")


@dg.job(
    description="Retention of images, if MODERATION_RETENTION_DAYS is set; features of passed pictures go in any case.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
)
def retain_images() -> None:
    """One op."""
    delete_old_images()


nightly = dg.ScheduleDefinition(
    name="retain_images_nightly",
    job=retain_images,
    cron_schedule="41 2 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
