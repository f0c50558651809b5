from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from pipelines.defs.screening import checks
from tests.factories import a_failure, a_hold, a_screening, accept, claim_all, judge_all
from tests.pipelines.fakes import FakeSystem


@pytest.fixture
def system(tmp_path: Path, sqlite_url: str) -> FakeSystem:
    return FakeSystem(tmp_path, database_url=sqlite_url)


def results(system: FakeSystem) -> dict[str, dg.AssetCheckResult]:
    found = {}
    for check in checks.checks:
        result = check(system)
        assert isinstance(result, dg.AssetCheckResult)
        found[next(iter(check.check_specs)).name] = result
    return found


def failed(system: FakeSystem) -> list[str]:
    return [name for name, result in results(system).items() if not result.passed]


def test_an_empty_system_passes(system: FakeSystem) -> None:
    assert failed(system) == []


def test_a_system_at_work_passes(system: FakeSystem, sqlite_database: Database) -> None:
    now, store = datetime.now(UTC), PostStore(sqlite_database)
    for verdict in Verdict:
        accept(store, now=now)
        judge_all(store, verdict, now=now)
    store.publish_approved(limit=10, now=now)
    accept(store, now=now)
    assert failed(system) == []


def test_a_post_that_was_published_past_the_gate_is_found(system: FakeSystem, sqlite_database: Database) -> None:
    store = PostStore(sqlite_database)
    post = accept(store, now=datetime.now(UTC))
    with sqlite_database.write() as connection:
        connection.execute(
            text("UPDATE posts SET state = :state, verdict_at = received_at, publication = 1 WHERE id = :id"),
            {"state": PostState.PUBLISHED.value, "id": post.id},
        )
    found = results(system)["nothing_published_without_a_verdict"]
    assert not found.passed
    assert found.metadata["posts"].value == post.id


def test_a_post_that_nobody_holds_in_time_is_found(system: FakeSystem, sqlite_database: Database) -> None:
    store = PostStore(sqlite_database)
    accept(store, now=datetime.now(UTC) - timedelta(seconds=140))
    assert failed(system) == []
    accept(store, now=datetime.now(UTC) - timedelta(seconds=200))
    assert failed(system) == ["no_post_overdue"]


def test_an_edited_audit_event_is_found(system: FakeSystem, sqlite_database: Database) -> None:
    accept(PostStore(sqlite_database), now=datetime.now(UTC))
    with sqlite_database.write() as connection:
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE audit_events SET actor = 'somebody else' WHERE number = 1"))
    found = results(system)["audit_chain_intact"]
    assert not found.passed
    assert str(found.metadata["problem"].value).startswith("event 1:")


def test_a_failing_signal_is_a_warning(system: FakeSystem, sqlite_database: Database) -> None:
    now, store = datetime.now(UTC), PostStore(sqlite_database)
    for number in range(checks.MIN_MEASUREMENTS):
        accept(store, key=f"{number}", now=now)
    claims = claim_all(store, now=now)
    screened = [
        (claim, a_screening(claim, a_hold(complete=False), results=[a_failure()], started_at=now)) for claim in claims
    ]
    store.commit(screened, now=now)
    found = results(system)["signal_failure_rate"]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.metadata["image_nsfw"].value == 1.0


def test_a_few_failures_say_nothing(system: FakeSystem, sqlite_database: Database) -> None:
    now, store = datetime.now(UTC), PostStore(sqlite_database)
    accept(store, now=now)
    screened = [
        (claim, a_screening(claim, a_hold(complete=False), results=[a_failure()], started_at=now))
        for claim in claim_all(store, now=now)
    ]
    store.commit(screened, now=now)
    assert failed(system) == []
