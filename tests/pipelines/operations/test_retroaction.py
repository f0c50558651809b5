"""Sweeps as Dagster runs them: one run for a range of days, the check of its counts, the sensors, the alarm."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from moderation.domain.bank import Bank, BankEffect, EntryDraft
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import PostState
from moderation.domain.retroaction import Cause, CauseKind, Result, Sweep, SweepState, SweepTerms
from moderation.domain.signal import PictureHash
from moderation.matching.hits import Matched
from moderation.screening.rematching import match_result
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.policies import PolicyStore
from moderation.storage.posts import PostStore
from moderation.storage.retroaction import SweepStore
from pipelines.definitions import defs
from pipelines.defs.operations import retroaction as module
from pipelines.defs.operations.retroaction import (
    new_bank_entries,
    open_sweeps,
    preview_new_entries,
    swept_counts_add_up,
    swept_posts,
)
from pipelines.resources import System
from tests.factories import a_score, a_screening, accept, claim_all
from tests.screening.sweeping import POLICY
from tests.storage.review.picture_rows import a_pdq

SINCE = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def opened(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    monkeypatch.setenv("MODERATION_HOME", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("MODERATION_POLICY", str(policy))
    database = Database.open(sqlite_url)
    BankStore(database).create(Bank("BANNED", BankEffect.BLOCK), actor="test", now=SINCE)
    yield database
    database.close()


def published(database: Database, at: datetime) -> PostId:
    posts = PostStore(database)
    accept(posts, now=at)
    (claim,) = claim_all(posts, now=at)
    nothing = match_result(Matched((), "1"), [PictureHash(0, a_pdq(1), 90)])
    posts.commit([(claim, a_screening(claim, results=[a_score(), nothing], started_at=at))], now=at)
    (post,) = posts.publish_approved(limit=1, now=at)
    return post


def banked(database: Database) -> None:
    draft = EntryDraft(pdq=a_pdq(1), quality=90)
    BankStore(database).add("BANNED", draft, actor="test", now=datetime.now(UTC))


def swept(database: Database, *, cap: int = 10) -> Sweep:
    with module.sweeping(System()) as sweeping:
        PolicyStore(database).remember(sweeping.policy, POLICY, now=SINCE)
        until = int(BankStore(database).checkpoint())
        cause = Cause(CauseKind.BANK, sweeping.policy, until=until)
        return sweeping.sweeps.create(cause, SweepTerms(cap, withdraw=True), by="test", now=datetime.now(UTC))


def requested(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(instance=instance, resources={"system": System()})
    result = open_sweeps(context)
    assert isinstance(result, dg.SensorResult)
    return list(result.run_requests or ())


def test_one_run_sweeps_every_open_day(instance: dg.DagsterInstance, opened: Database) -> None:
    posts = [published(opened, SINCE), published(opened, SINCE + timedelta(days=1))]
    banked(opened)
    sweep = swept(opened)
    (request,) = requested(instance)
    job = defs.resolve_job_def("sweep_posts")
    done = job.execute_in_process(
        instance=instance, tags=dict(request.tags), run_config=request.run_config, resources={"system": System()}
    )
    assert done.success
    found = SweepStore(opened).get(sweep.id)
    assert (found.state, found.results) == (SweepState.DONE, {Result.WITHDRAW: 2})
    assert {PostStore(opened).many(posts)[post].state for post in posts} == {PostState.WITHDRAWN}
    assert requested(instance) == []


def test_a_sweep_that_reaches_its_cap_fails_its_run(instance: dg.DagsterInstance, opened: Database) -> None:
    published(opened, SINCE)
    published(opened, SINCE + timedelta(days=1))
    banked(opened)
    sweep = swept(opened, cap=1)
    (request,) = requested(instance)
    job = defs.resolve_job_def("sweep_posts")
    done = job.execute_in_process(
        instance=instance,
        tags=dict(request.tags),
        run_config=request.run_config,
        resources={"system": System()},
        raise_on_error=False,
    )
    assert not done.success
    assert SweepStore(opened).get(sweep.id).state is SweepState.STOPPED
    assert requested(instance) == []


def test_the_check_sees_counts_that_do_not_add_up(opened: Database) -> None:
    published(opened, SINCE)
    banked(opened)
    sweep = swept(opened)
    with module.sweeping(System()) as sweeping:
        sweeping.retroaction.run(sweep.id)
    assert _check().passed
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE sweep_days SET found = found + 1 WHERE found > 0")
    assert not _check().passed


def _check() -> dg.AssetCheckResult:
    found = swept_counts_add_up(system=System())
    assert isinstance(found, dg.AssetCheckResult)
    return found


def test_new_entries_that_match_raise_an_alarm_and_touch_nothing(
    instance: dg.DagsterInstance, opened: Database
) -> None:
    post = published(opened, SINCE)
    first = new_bank_entries(dg.build_sensor_context(instance=instance, resources={"system": System()}))
    assert isinstance(first, dg.SensorResult)
    assert not first.run_requests
    banked(opened)
    context = dg.build_sensor_context(instance=instance, cursor=first.cursor, resources={"system": System()})
    second = new_bank_entries(context)
    assert isinstance(second, dg.SensorResult)
    (request,) = second.run_requests or ()
    alarmed = preview_new_entries.execute_in_process(
        instance=instance, run_config=request.run_config, resources={"system": System()}, raise_on_error=False
    )
    assert not alarmed.success
    found = PostStore(opened).get(post)
    assert found is not None
    assert found.state is PostState.PUBLISHED


def test_after_a_database_was_restored_all_entries_are_counted_again(
    instance: dg.DagsterInstance, opened: Database
) -> None:
    def look(cursor: str | None) -> tuple[str | None, list[dg.RunRequest]]:
        context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"system": System()})
        found = new_bank_entries(context)
        assert isinstance(found, dg.SensorResult)
        return found.cursor, list(found.run_requests or ())

    banked(opened)
    cursor, none = look(None)
    assert (none, look(cursor)) == ([], (cursor, []))
    number, mark = str(cursor).split(":")
    assert look(number) == (cursor, []), "a cursor of before there were marks"
    restored = {"after": 0, "until": int(number)}
    for lost in (f"{int(number) + 5}:{mark}", f"{number}:{'0' * 64}"):
        found, (request,) = look(lost)
        assert found == cursor
        assert request.run_config["ops"]["count_new_matches"]["config"] == restored


def test_a_count_that_failed_is_tried_again(
    instance: dg.DagsterInstance, opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(opened, SINCE)
    banked(opened)
    sweeping, tries = module.sweeping, []

    def away_at_first(system: System) -> AbstractContextManager[module.Sweeping]:
        tries.append(system)
        if len(tries) == 1:
            raise UnavailableError("the database is away")
        return sweeping(system)

    monkeypatch.setattr(module, "sweeping", away_at_first)
    config = {"ops": {"count_new_matches": {"config": {"after": 0, "until": 9}}}}
    run = preview_new_entries.execute_in_process(
        instance=instance, run_config=config, resources={"system": System()}, raise_on_error=False
    )
    assert not run.success
    assert len(tries) == 2
    now = datetime.now(UTC)
    assert SweepStore(opened).due(now - timedelta(hours=2), now) == {"withdraw": 1.0}


def test_new_entries_that_match_nothing_raise_none(instance: dg.DagsterInstance, opened: Database) -> None:
    banked(opened)
    config = {"ops": {"count_new_matches": {"config": {"after": 0, "until": 9}}}}
    assert preview_new_entries.execute_in_process(
        instance=instance, run_config=config, resources={"system": System()}
    ).success


def test_they_run_without_being_switched_on() -> None:
    for name in ("open_sweeps", "new_bank_entries"):
        assert defs.resolve_sensor_def(name).default_status == dg.DefaultSensorStatus.RUNNING
    assert swept_posts.partitions_def is not None
