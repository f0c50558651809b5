"""Asset checks: what must always hold of the posts that were screened, looked at again and again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from pipelines.defs.screening.lane_job import ASSET
from pipelines.resources import System

OVERDUE_GRACE_SECONDS = 30.0
"""The sensor and the lanes hold overdue posts within seconds; longer means that none of them works."""

FAILURE_WINDOW_HOURS = 1.0
MAX_FAILURE_RATE = 0.2
"""Share of posts for which a signal may have failed. Pictures that cannot be decoded count: every signal of the image
fails for them, and a feed that sends many of them deserves a look too."""

MIN_MEASUREMENTS = 20
"""Fewer posts than this say nothing of a rate."""

SHOWN = 20


@dg.asset_check(
    asset=ASSET, description="Every approved or published post has a complete verdict approve.", blocking=False
)
def nothing_published_without_a_verdict(system: dg.ResourceParam[System]) -> dg.AssetCheckResult:
    """The rule that must never bend, asked of the database itself."""
    with system.stores() as stores:
        posts = stores.posts.published_without_verdict(limit=SHOWN)
    return dg.AssetCheckResult(passed=not posts, metadata={"posts": _shown(posts)})


@dg.asset_check(asset=ASSET, description="No post waits for a verdict past its deadline.")
def no_post_overdue(system: dg.ResourceParam[System]) -> dg.AssetCheckResult:
    """Overdue posts are held in the queue `stalled`; any that still wait mean that nothing looks after them."""
    before = datetime.now(UTC) - timedelta(seconds=OVERDUE_GRACE_SECONDS)
    with system.stores() as stores:
        overdue = stores.posts.overdue(before)
        oldest = stores.posts.oldest_pending_at()
    metadata: dict[str, dg.MetadataValue] = {"posts": dg.MetadataValue.int(overdue)}
    if oldest is not None:
        metadata["oldest waiting since"] = dg.MetadataValue.timestamp(oldest)
    return dg.AssetCheckResult(passed=overdue == 0, metadata=metadata)


@dg.asset_check(asset=ASSET, description="The audit log's hash chain is whole, and nothing is missing from it.")
def audit_chain_intact(system: dg.ResourceParam[System]) -> dg.AssetCheckResult:
    """Walks the whole chain, as `moderation audit verify` does."""
    with system.stores() as stores:
        report = stores.audit.verify()
    metadata: dict[str, dg.MetadataValue] = {
        "events": dg.MetadataValue.int(report.events),
        "head": dg.MetadataValue.text(report.head),
    }
    if report.problem is not None:
        metadata["problem"] = dg.MetadataValue.text(f"event {report.problem.number}: {report.problem.problem}")
    return dg.AssetCheckResult(passed=report.problem is None, metadata=metadata)


@dg.asset_check(asset=ASSET, description="Signals measure: few results of the last hour are failures.")
def signal_failure_rate(system: dg.ResourceParam[System]) -> dg.AssetCheckResult:
    """A failing signal publishes nothing, but it fills the queue of people: warn before they drown."""
    since = datetime.now(UTC) - timedelta(hours=FAILURE_WINDOW_HOURS)
    with system.stores() as stores:
        rates = stores.screenings.failure_rates(since)
    worst = {
        name: failures / total
        for name, (failures, total) in rates.items()
        if total >= MIN_MEASUREMENTS and failures / total > MAX_FAILURE_RATE
    }
    return dg.AssetCheckResult(
        passed=not worst,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            name: dg.MetadataValue.float(round(failures / total, 4))
            for name, (failures, total) in rates.items()
            if total
        },
    )


def _shown(posts: Sequence[str]) -> dg.MetadataValue:
    return dg.MetadataValue.text(", ".join(posts) or "none")


checks = [nothing_published_without_a_verdict, no_post_overdue, audit_chain_intact, signal_failure_rate]

check_screening = dg.define_asset_job(
    "check_screening",
    selection=dg.AssetSelection.checks(*checks),
    executor_def=dg.in_process_executor,
    description="All asset checks of the screened posts.",
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
)

every_ten_minutes = dg.ScheduleDefinition(
    name="check_screening_every_ten_minutes",
    job=check_screening,
    cron_schedule="*/10 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
