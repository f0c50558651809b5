"""The index of all banked hashes: built from the database when enough has changed, and published for every lane.

Lanes follow the changes themselves, within a second; the index only spares them reading everything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import SystemRandom

import dagster as dg

from moderation.domain.errors import ModerationError
from moderation.matching.entries.publishing import due, inspect, publish_banks
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from pipelines.resources import System
from pipelines.runs import IN_PROGRESS

KEY = dg.AssetKey("bank_index")
JOB = "build_bank_index"
RETRY = dg.RetryPolicy(max_retries=3, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
SECONDS_BETWEEN_LOOKS = 60


@contextmanager
def bank_store(system: System) -> Iterator[BankStore]:
    """The banks, on connections of their own. Raises `UnavailableError` when the database does not answer."""
    database = Database.open(system.settings().database, pool_size=2)
    try:
        yield BankStore(database)
    finally:
        database.close()


@dg.asset(
    key=KEY,
    group_name="banks",
    kinds={"python"},
    retry_policy=RETRY,
    description="The index file of all banked hashes as of one checkpoint, which lanes map into memory.",
)
def bank_index(system: dg.ResourceParam[System]) -> dg.MaterializeResult[None]:
    """Build it, and put it in the place of the one before in one step."""
    folder = system.settings().home / "index"
    with bank_store(system) as banks:
        try:
            found = publish_banks(banks, folder, now=datetime.now(UTC))
        except ModerationError as error:
            raise dg.Failure(f"{error.message} {error.hint}".strip()) from None
    return dg.MaterializeResult(
        metadata={
            "entries": len(found),
            "distinct hashes": len(found.arrays.codes),
            "checkpoint": found.checkpoint,
            "megabytes": dg.MetadataValue.float(found.path.stat().st_size / 1e6),
            "sha256": found.digest,
            "file": dg.MetadataValue.path(str(found.path.resolve())),
        }
    )


@dg.asset_check(asset=KEY, description="The published file is whole, has as many entries as the banks, and finds them.")
def index_holds_the_banks(system: dg.ResourceParam[System]) -> dg.AssetCheckResult:
    """The digest, the size, and a random sample that is searched."""
    with bank_store(system) as banks:
        seen = inspect(banks, system.settings().home / "index", random=SystemRandom())
    return dg.AssetCheckResult(
        passed=not seen.problems,
        metadata={
            "entries": seen.entries,
            "checkpoint": seen.checkpoint,
            "sampled": seen.sampled,
            "problems": "\n".join(seen.problems) or "none",
        },
    )


build_bank_index = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(KEY),
    executor_def=dg.in_process_executor,
    description="Builds, publishes and checks the index of banked hashes.",
    config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
)


@dg.sensor(
    job_name=JOB,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the index anew when enough has changed, when it is a day behind, or when it cannot be read.",
)
def bank_index_due(context: dg.SensorEvaluationContext, system: dg.ResourceParam[System]) -> dg.SensorResult:
    """One build at a time; one that failed is tried again at the next look."""
    if context.instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=IN_PROGRESS), limit=1):
        return dg.SensorResult(skip_reason="an index is being built")
    try:
        with bank_store(system) as banks:
            reason = due(banks, system.settings().home / "index", now=datetime.now(UTC))
    except ModerationError as error:
        return dg.SensorResult(skip_reason=f"{error.code}: {error.message}")
    if not reason:
        return dg.SensorResult(skip_reason="the index is new enough")
    return dg.SensorResult(run_requests=[dg.RunRequest(tags={"moderation/reason": reason})])
