"""Deletes the images of posts that were rejected or withdrawn long ago; see `moderation.screening.retention`."""

import dagster as dg

from pipelines.resources import System


@dg.op(description="Deletes images that are old enough and that nothing keeps. Evidence is never touched.")
def delete_old_images(context: dg.OpExecutionContext, system: dg.ResourceParam[System]) -> None:
    """One pass; fails when it had to stop, so that somebody hears of it."""
    with system.retention() as retention:
        report = retention.run()
    context.log.info("deleted %d images, kept %d that were needed after all", report.deleted, report.kept)
    if not report.complete:
        raise dg.Failure("The pass stopped early; the log says why. The next one goes on.")


@dg.job(
    description="Retention of images. Does nothing unless MODERATION_RETENTION_DAYS is set.",
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
