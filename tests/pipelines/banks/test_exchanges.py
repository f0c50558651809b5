"""Exchanges in Dagster: started when due, one at a time, and tried again only where that can help."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from moderation.domain.bank import BankEffect
from moderation.domain.exchange import ExchangeKind, Outcome
from moderation.matching.exchanges.registry import SPECS
from moderation.screening.exchanges import MAX_SECONDS
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchange_feedback import FeedbackStore
from moderation.storage.exchanges import ExchangeStore
from pipelines.definitions import defs
from pipelines.defs.banks.exchanges import TAG, exchange_entries, exchanges_due, fetch_exchange, tell_exchanges
from pipelines.resources import System
from tests.matching.exchanges.opened import ENVIRONMENT, an_exchange, pdq
from tests.matching.exchanges.server import ExchangeServer, Fault, record, running, update


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def server() -> Iterator[ExchangeServer]:
    with running() as service:
        yield service


@pytest.fixture
def database(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("MODERATION_HOME", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE_URL", sqlite_url)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    opened = Database.open(sqlite_url)
    yield opened
    opened.close()


def add(database: Database, kind: ExchangeKind, url: str, *, name: str = "shared") -> ExchangeStore:
    store = ExchangeStore(database)
    exchange = an_exchange(kind, url, name=name, write_back=True)
    store.add(exchange, actor="test", now=datetime.now(UTC), new_bank=BankEffect.BLOCK)
    return store


def sensor_context(instance: dg.DagsterInstance) -> dg.SensorEvaluationContext:
    return dg.build_sensor_context(instance=instance, resources={"system": System()}, definitions=defs)


def look(instance: dg.DagsterInstance) -> dg.SensorResult:
    found = exchanges_due(sensor_context(instance))
    assert isinstance(found, dg.SensorResult)
    return found


def fetch(instance: dg.DagsterInstance, name: str = "shared") -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions("exchanges", [name])
    job = defs.resolve_job_def("fetch_exchange")
    return job.execute_in_process(instance=instance, partition_key=name, raise_on_error=False)


def test_a_due_exchange_is_started_and_its_partition_made_and_unmade(
    instance: dg.DagsterInstance, database: Database
) -> None:
    store = add(database, ExchangeKind.THREATEXCHANGE, "http://127.0.0.1:9")
    found = look(instance)
    assert [list(request.partition_keys) for request in found.dynamic_partitions_requests or []] == [["shared"]]
    assert not found.run_requests, "a run needs a partition that is there"
    instance.add_dynamic_partitions("exchanges", ["shared"])
    with partition_loading_context(dynamic_partitions_store=instance):
        tick = exchanges_due.evaluate_tick(sensor_context(instance))
    assert [request.partition_key for request in tick.run_requests or []] == ["shared"], "as the daemon does it"
    assert [(request.partition_key, request.tags[TAG]) for request in look(instance).run_requests or []] == [
        ("shared", "shared")
    ]
    instance.create_run_for_job(fetch_exchange_job(), tags={TAG: "shared"}, status=dg.DagsterRunStatus.STARTED)
    assert not look(instance).run_requests, "it is being fetched"
    store.remove("shared", actor="test", now=datetime.now(UTC))
    gone = look(instance)
    assert [list(request.partition_keys) for request in gone.dynamic_partitions_requests or []] == [["shared"]]


def fetch_exchange_job() -> dg.JobDefinition:
    return defs.resolve_job_def(fetch_exchange.name)


def test_a_run_brings_the_entries_and_says_what_it_did(
    instance: dg.DagsterInstance, database: Database, server: ExchangeServer
) -> None:
    server.updates = [update(number, pdq(number), number) for number in range(1, 6)]
    server.updates.append(update(9, "abc", 9, kind="HASH_MD5"))
    add(database, ExchangeKind.THREATEXCHANGE, server.url)
    result = fetch(instance)
    assert result.success
    (event,) = result.asset_materializations_for_node("exchange_entries")
    told = {name: value.value for name, value in event.metadata.items()}
    assert (told["added"], told["pages"], told["unsupported HASH_MD5"]) == (5, 3, 1)
    assert len(BankStore(database).entries("SHARED")) == 5
    assert not look(instance).run_requests, "the next is due in an hour"


def test_a_server_that_is_away_is_asked_again_and_one_that_refuses_is_not(
    instance: dg.DagsterInstance, database: Database, server: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = add(database, ExchangeKind.THREATEXCHANGE, server.url)
    server.fault = Fault(status=401)
    result = fetch(instance)
    assert not result.success
    assert not [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert len(server.asked) == 1
    assert store.state("shared").failures == 1
    assert exchange_entries.op.retry_policy is not None
    assert exchange_entries.op.retry_policy.max_retries == 3


def test_results_are_told_by_a_job_on_a_schedule(
    instance: dg.DagsterInstance, database: Database, server: ExchangeServer
) -> None:
    server.records = [record(pdq(1), 20)]
    add(database, ExchangeKind.STOPNCII, server.url)
    assert fetch(instance).success
    (entry,) = BankStore(database).find(pdq(1))
    told = {kind: spec.outcomes for kind, spec in SPECS.items()}
    FeedbackStore(database).review(entry.id, Outcome.CONFIRMED, told=told, actor="ann", now=datetime.now(UTC))
    assert tell_exchanges.execute_in_process(instance=instance, resources={"system": System()}).success
    assert [said["feedbackValue"] for said in server.told.feedbacks] == ["Blocked"]


def test_a_run_that_hangs_is_ended() -> None:
    for name in ("fetch_exchange", "tell_exchanges"):
        assert float(defs.resolve_job_def(name).run_tags["dagster/max_runtime"]) > MAX_SECONDS


def test_sensor_and_schedule_run_without_being_switched_on() -> None:
    assert defs.resolve_sensor_def("exchanges_due").default_status == dg.DefaultSensorStatus.RUNNING
    schedule = defs.resolve_schedule_def("tell_exchanges_every_five_minutes")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_an_exchange_that_fails_for_long_or_waits_for_somebody_is_told_of(
    instance: dg.DagsterInstance, database: Database
) -> None:
    def passed() -> bool:
        result = defs.resolve_job_def("check_exchanges").execute_in_process(instance=instance)
        (evaluation,) = result.get_asset_check_evaluations()
        return evaluation.passed

    store = add(database, ExchangeKind.THREATEXCHANGE, "http://127.0.0.1:9")
    assert passed(), "it was never fetched, but did not fail either"
    store.failed("shared", "no answer", now=datetime.now(UTC))
    assert not passed()
    store.set_enabled("shared", False, actor="test", now=datetime.now(UTC))
    assert passed()
