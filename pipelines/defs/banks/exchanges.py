"""Exchanges: each is a partition of one asset, fetched when it is due, and is told what our reviews found.

A page, its bank changes and the checkpoint are one transaction: a run that was killed is followed by one that goes on.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg

from moderation.domain.errors import ModerationError, UnavailableError
from moderation.domain.exchange import ExchangeState
from moderation.matching.exchanges.registry import SPECS, open_source
from moderation.screening.exchanges import Fetch, FetchReport, tell
from moderation.storage.engine import Database
from moderation.storage.exchange_feedback import FeedbackStore
from moderation.storage.exchange_results import ResultStore
from moderation.storage.exchanges import ExchangeStore
from pipelines.resources import System
from pipelines.runs import IN_PROGRESS, QUIET

TAG = "moderation/exchange"
RETRY = dg.RetryPolicy(max_retries=3, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""After this a failed fetch waits until it is due again, longer with every failure in a row."""
LATE_FETCHES = 3
LATE_SECONDS = 3_600.0
MAX_RUNTIME = {"dagster/max_runtime": str(2 * 3600)}
"""Seconds after which a run is ended: longer than a fetch takes by its own limits, so something hangs."""

exchange_names = dg.DynamicPartitionsDefinition(name="exchanges")


@dataclass(frozen=True, slots=True)
class ExchangeStores:
    """The exchanges, and what they are to be told."""

    exchanges: ExchangeStore
    feedback: FeedbackStore
    results: ResultStore


@contextmanager
def stores(system: System) -> Iterator[ExchangeStores]:
    """On connections of their own. Raises `UnavailableError` when the database does not answer."""
    database = Database.open(system.settings().database, pool_size=2)
    try:
        yield ExchangeStores(ExchangeStore(database), FeedbackStore(database), ResultStore(database))
    finally:
        database.close()


def _now() -> datetime:
    return datetime.now(UTC)


@dg.asset(
    partitions_def=exchange_names,
    retry_policy=RETRY,
    description="Entries that an exchange brought into its bank, as far as its checkpoint.",
)
def exchange_entries(context: dg.AssetExecutionContext, system: dg.ResourceParam[System]) -> dg.MaterializeResult[None]:
    """One fetch. What another try cannot mend fails at once; the checkpoint stays where the last page left it."""
    name = context.partition_key
    opening = partial(open_source, environment=os.environ, clock=_now)
    with stores(system) as opened:
        fetch = Fetch(opened.exchanges, opening, _now, on_page=lambda report: _log(context, report))
        try:
            report = fetch.run(name)
        except UnavailableError as error:
            raise dg.Failure(error.message) from None
        except ModerationError as error:
            raise dg.Failure(f"{error.message} {error.hint}".strip(), allow_retries=False) from None
    return dg.MaterializeResult(metadata=_metadata(report))


@dg.asset_check(asset=exchange_entries, description="Every enabled exchange was fetched lately, with nothing withheld.")
def exchanges_are_fetched(system: dg.ResourceParam[System]) -> dg.AssetCheckResult:
    """Names those whose last success is older than `LATE_FETCHES` of their intervals, or whose removals wait."""
    now = _now()
    with stores(system) as opened:
        states = [state for state in opened.exchanges.states() if state.exchange.enabled]
    late = [state.exchange.name for state in states if _late(state, now)]
    withheld = [state.exchange.name for state in states if state.removals_due]
    return dg.AssetCheckResult(
        passed=not late and not withheld,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "late": dg.MetadataValue.text(", ".join(late) or "none"),
            "removals withheld": dg.MetadataValue.text(", ".join(withheld) or "none"),
        },
    )


def _late(state: ExchangeState, now: datetime) -> bool:
    allowed = timedelta(seconds=max(LATE_FETCHES * state.exchange.every_seconds, LATE_SECONDS))
    return state.failures > 0 and (state.last_success_at is None or now - state.last_success_at > allowed)


check_exchanges = dg.define_asset_job(
    "check_exchanges",
    selection=dg.AssetSelection.checks(exchanges_are_fetched),
    executor_def=dg.in_process_executor,
    description="Whether the exchanges are fetched.",
    config=QUIET,
)

check_hourly = dg.ScheduleDefinition(
    name="check_exchanges_hourly",
    job=check_exchanges,
    cron_schedule="23 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


@dg.op(retry_policy=RETRY, description="Tells the exchanges what our reviews found, where they may be told.")
def tell_results(context: dg.OpExecutionContext, system: dg.ResourceParam[System]) -> None:
    """Gathers what is new and tells what is due; each result is tried again by itself, so a failure here is ours."""
    with stores(system) as opened:
        queued = opened.results.collect(told={kind: spec.outcomes for kind, spec in SPECS.items()}, now=_now())
        opening = partial(open_source, environment=os.environ, clock=_now)
        told, failed = tell(opened.feedback, lambda name: opened.exchanges.state(name).exchange, opening, _now)
    context.log.info("queued %d results, told %d, %d failed", queued, told, failed)


@dg.job(
    description="Write-back: seen, confirmed and disputed entries, for exchanges that were opted in.",
    executor_def=dg.in_process_executor,
    config=QUIET,
    tags=MAX_RUNTIME,
)
def tell_exchanges() -> None:
    """One op."""
    tell_results()


fetch_exchange = dg.define_asset_job(
    "fetch_exchange",
    selection=dg.AssetSelection.assets(exchange_entries),
    executor_def=dg.in_process_executor,
    description="One exchange's new entries.",
    config=QUIET,
    tags=MAX_RUNTIME,
)


@dg.sensor(
    job=fetch_exchange,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the fetch of each exchange when it is due, one at a time for each.",
)
def exchanges_due(context: dg.SensorEvaluationContext, system: dg.ResourceParam[System]) -> dg.SensorResult:
    """Each exchange has its own interval, and waits longer after failures.

    A new one has its partition made first, and is started by the next tick: a run needs a partition that is there.
    """
    with stores(system) as opened:
        names = {state.exchange.name for state in opened.exchanges.states()}
        due = opened.exchanges.due(_now())
    known = set(context.instance.get_dynamic_partitions("exchanges"))
    changes = [exchange_names.build_add_request(sorted(names - known))] if names - known else []
    gone = [exchange_names.build_delete_request(sorted(known - names))] if known - names else []
    requests = [
        dg.RunRequest(partition_key=name, tags={TAG: name})
        for name in due
        if name in known and not _running(context.instance, name)
    ]
    return dg.SensorResult(run_requests=requests, dynamic_partitions_requests=[*changes, *gone])


tell_often = dg.ScheduleDefinition(
    name="tell_exchanges_every_five_minutes",
    job=tell_exchanges,
    cron_schedule="*/5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def _running(instance: dg.DagsterInstance, name: str) -> bool:
    return bool(instance.get_runs(dg.RunsFilter(tags={TAG: name}, statuses=IN_PROGRESS), limit=1))


def _log(context: dg.AssetExecutionContext, report: FetchReport) -> None:
    context.log.debug("%s: page %d, %d items", report.exchange, report.pages, report.items)


def _metadata(report: FetchReport) -> dict[str, dg.MetadataValue]:
    applied = report.applied
    counts = {
        "pages": report.pages,
        "items": report.items,
        "added": applied.added,
        "amended": applied.amended,
        "removed": applied.removed,
        "malformed": report.malformed,
        "removals withheld": report.withheld,
        **{f"unsupported {kind}": count for kind, count in sorted(report.unsupported.items())},
    }
    return {name: dg.MetadataValue.int(count) for name, count in counts.items()}
