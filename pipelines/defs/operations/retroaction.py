"""Sweeps over posts that were judged before, by the day on which they were received; see `moderation.screening`.

What a new bank entry would do is counted by itself, and raised as an alarm; nothing is touched before somebody makes a
sweep of it. A run that was killed is followed by one that goes on: each post is dealt with once.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import dagster as dg
import structlog

from moderation import logs
from moderation.domain.errors import SweepTooLargeError
from moderation.domain.ids import Digest
from moderation.domain.retroaction import Cause, CauseKind, Sweep, SweepState, SweepTerms
from moderation.matching.entries.published_facts import mark_of
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.retroaction import SweepStore
from pipelines.resources import System
from pipelines.runs import IN_PROGRESS, QUIET

if TYPE_CHECKING:
    from moderation.screening.retroaction import Retroaction

log = structlog.get_logger(__name__)

TAG = "moderation/sweep"
FIRST_DAY = "2020-01-01"
ASSET = dg.AssetKey("swept_posts")
CHECKED_SWEEPS = 20
AGAIN_MINUTES = 5
"""How often days are run again whose posts had no verdict or an unsettled decision, or whose run was killed."""

days_received = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, timezone="UTC", end_offset=1)


@dataclass(frozen=True, slots=True)
class Sweeping:
    """Everything that runs sweeps, and the policy in force by its digest."""

    retroaction: "Retroaction"
    sweeps: SweepStore
    policy: Digest


@dataclass(frozen=True, slots=True)
class SweepStores:
    """What sensors and checks read."""

    sweeps: SweepStore
    banks: BankStore


@contextmanager
def stores(system: System) -> Iterator[SweepStores]:
    """On connections of their own. Raises `UnavailableError` when the database does not answer."""
    database = Database.open(system.settings().database, pool_size=2)
    try:
        yield SweepStores(SweepStore(database), BankStore(database))
    finally:
        database.close()


@contextmanager
def sweeping(system: System) -> Iterator[Sweeping]:
    """By the policy in force, and the plan. Raises `UnavailableError`, `PolicyError`."""
    from moderation.assembly import compile_file, retroaction  # noqa: PLC0415 - brings the lanes' libraries

    settings = system.settings()
    logs.configure(json=settings.log_json)
    text = settings.policy.read_text(encoding="utf-8")
    database = Database.open(settings.database)
    try:
        digest = compile_file(settings, text).digest
        yield Sweeping(retroaction(settings, database, text=text), SweepStore(database), digest)
    finally:
        database.close()


class SweepConfig(dg.Config):
    """Which sweep; every open one if left out."""

    sweep: str = ""


class NewEntriesConfig(dg.Config):
    """Changes to the banks, from the one after `after` to `until`."""

    after: int
    until: int


@dg.asset(
    key=ASSET,
    partitions_def=days_received,
    description="What open sweeps made of the posts that were received on a day.",
)
def swept_posts(
    context: dg.AssetExecutionContext, config: SweepConfig, system: dg.ResourceParam[System]
) -> dg.MaterializeResult[None]:
    """Every day of the run, for each open sweep that has it. Fails when a sweep reached its cap: a person raises it."""
    wanted = {date.fromisoformat(key) for key in context.partition_keys}
    counts: Counter[str] = Counter()
    stopped: list[str] = []
    with sweeping(system) as opened:
        sweeps = opened.sweeps
        found = [sweeps.get(config.sweep)] if config.sweep else sweeps.newest(1_000, states=[SweepState.OPEN])
        for sweep in found:
            try:
                for day in [one.day for one in sweeps.days(sweep.id) if one.done_at is None and one.day in wanted]:
                    done = opened.retroaction.run_day(sweep.id, day)
                    counts["scanned"] += done.scanned
                    counts["found"] += done.found
                    counts["later"] += done.later
                    counts.update({result.value: posts for result, posts in done.results.items()})
            except SweepTooLargeError as error:
                stopped.append(f"{error.message} {error.hint}")
    if stopped:
        raise dg.Failure(" ".join(stopped), allow_retries=False)
    return dg.MaterializeResult(metadata={name: dg.MetadataValue.int(posts) for name, posts in counts.items()})


@dg.asset_check(asset=ASSET, description="Every post that a sweep found has exactly one result, within the cap.")
def swept_counts_add_up(system: dg.ResourceParam[System]) -> dg.AssetCheckResult:
    """Of the newest sweeps: the days' results add up, a sweep that is done has no open day, none went past its cap."""
    wrong: list[str] = []
    with stores(system) as opened:
        for sweep in opened.sweeps.newest(CHECKED_SWEEPS):
            days = opened.sweeps.days(sweep.id)
            wrong += [f"{sweep.id} {day.day}" for day in days if day.done_at is not None and not day.adds_up]
            wrong += [f"{sweep.id} is done with open days"] if _is_done_too_early(sweep) else []
            wrong += [f"{sweep.id} is past its cap"] if sweep.touched > sweep.terms.cap else []
    return dg.AssetCheckResult(passed=not wrong, metadata={"wrong": dg.MetadataValue.text(", ".join(wrong) or "none")})


@dg.op(
    description="Counts what new bank entries would do to posts that were judged before. Touches none.",
    retry_policy=dg.RetryPolicy(max_retries=7, delay=1, backoff=dg.Backoff.EXPONENTIAL),
)
def count_new_matches(
    context: dg.OpExecutionContext, config: NewEntriesConfig, system: dg.ResourceParam[System]
) -> None:
    """An alarm, if there are any: a failed run that says how many, a line in the log, and the metric of `/metrics`."""
    with sweeping(system) as opened:
        cause = Cause(CauseKind.BANK, opened.policy, after=config.after, until=config.until)
        found = opened.retroaction.preview(cause, SweepTerms(withdraw=True), examples=0)
        opened.sweeps.note_due(found.by_result(), now=datetime.now(UTC))
    results = {result.value: posts for result, posts in found.by_result().items()}
    context.add_output_metadata({name: dg.MetadataValue.int(posts) for name, posts in results.items()})
    if found.touched:
        log.error("retroaction_due", posts=found.touched, after=config.after, until=config.until)
        hint = f"Look: moderation retroaction preview --since {config.after} --withdraw"
        raise dg.Failure(
            f"{found.touched} posts match bank entries that were added since change {config.after}. {hint}",
            metadata={name: dg.MetadataValue.int(posts) for name, posts in results.items()},
            allow_retries=False,
        )


@dg.job(
    description="An alarm when newly banked pictures are in the feed or waiting; nothing is touched.",
    executor_def=dg.in_process_executor,
)
def preview_new_entries() -> None:
    """One op."""
    count_new_matches()


sweep_posts = dg.define_asset_job(
    "sweep_posts",
    selection=dg.AssetSelection.assets(swept_posts),
    executor_def=dg.in_process_executor,
    description="Open sweeps, by the day on which posts were received.",
    config=QUIET,
)


@dg.sensor(
    job=sweep_posts,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs the days of open sweeps that are not done, one run at a time for each sweep.",
)
def open_sweeps(context: dg.SensorEvaluationContext, system: dg.ResourceParam[System]) -> dg.SensorResult:
    """From the first day that is not done to the last. What was left for later is tried again every few minutes."""
    requests = []
    with stores(system) as opened:
        for sweep in opened.sweeps.newest(100, states=[SweepState.OPEN]):
            left = [day for day in opened.sweeps.days(sweep.id) if day.done_at is None]
            if left and not _running(context.instance, sweep.id):
                requests.append(_request(sweep, left[0].day, left[-1].day))
    return dg.SensorResult(run_requests=requests)


@dg.sensor(
    job_name="preview_new_entries",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Counts what new bank entries would do, whenever there are any.",
)
def new_bank_entries(context: dg.SensorEvaluationContext, system: dg.ResourceParam[System]) -> dg.SensorResult:
    """The cursor is the change up to which entries were counted, with its mark; entries from before the first look are
    not. Where the banks have another change under its number, or end before, the database was restored: then all
    entries are counted, for posts that were withdrawn since the backup are back.
    """
    with stores(system) as opened:
        newest = int(opened.banks.checkpoint())
        cursor = _cursor(opened.banks, newest)
        said = context.cursor or cursor
        number, _, mark = said.partition(":")
        counted = int(number)
        restored = counted > newest or (mark != "" and _cursor(opened.banks, counted) != said)
    seen = 0 if restored else counted
    if seen >= newest:
        return dg.SensorResult(cursor=cursor)
    if restored:
        log.error("banks_restored", counted=counted, newest=newest)
    config = {"ops": {"count_new_matches": {"config": {"after": seen, "until": newest}}}}
    request = dg.RunRequest(run_key=f"{seen}-{cursor}", run_config=config)
    return dg.SensorResult(run_requests=[request], cursor=cursor)


def _cursor(banks: BankStore, number: int) -> str:
    """A change and its mark, which tells it from another that a restored database has under the same number."""
    last = banks.changes(number - 1, limit=1) if number else []
    return f"{number}:{mark_of(last[0] if last else None)}"


def _request(sweep: Sweep, first: date, last: date) -> dg.RunRequest:
    slot = int(datetime.now(UTC).timestamp() // (60 * AGAIN_MINUTES))
    key = f"{sweep.id}:{sweep.days_done}:{sweep.terms.cap}:{slot}"
    return dg.RunRequest(
        run_key=key,
        run_config={"ops": {"swept_posts": {"config": {"sweep": sweep.id}}}},
        tags={
            TAG: sweep.id,
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )


def _running(instance: dg.DagsterInstance, sweep_id: str) -> bool:
    return bool(instance.get_runs(dg.RunsFilter(tags={TAG: sweep_id}, statuses=IN_PROGRESS), limit=1))


def _is_done_too_early(sweep: Sweep) -> bool:
    return sweep.state is SweepState.DONE and sweep.days_done < sweep.days
