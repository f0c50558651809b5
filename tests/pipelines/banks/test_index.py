from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from moderation.domain.bank import Bank, BankEffect, EntryDraft
from moderation.matching.entries import publishing
from moderation.matching.multi_index.folder import current
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from pipelines.definitions import defs
from pipelines.defs.banks.index import JOB, KEY, bank_index_due
from pipelines.resources import System
from tests.matching.index_contract import codes

ENTRIES = 30


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one bank."""
    monkeypatch.setenv("MODERATION_HOME", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE_URL", sqlite_url)
    database, now = Database.open(sqlite_url), datetime.now(UTC)
    banks = BankStore(database)
    banks.create(Bank("BANNED", BankEffect.BLOCK), actor="tester", now=now)
    drafts = [EntryDraft(pdq=code.tobytes().hex(), quality=80) for code in codes(ENTRIES)]
    banks.add_many("BANNED", drafts, actor="tester", now=now)
    database.close()
    return tmp_path


def test_the_job_builds_publishes_and_checks(home: Path, instance: dg.DagsterInstance) -> None:
    result = defs.resolve_job_def(JOB).execute_in_process(instance=instance)
    assert result.success
    found = current(home / "index")
    assert found is not None
    assert len(found) == ENTRIES
    (told,) = result.asset_materializations_for_node("bank_index")
    assert told.metadata["entries"].value == ENTRIES
    assert told.metadata["sha256"].value == found.digest
    (check,) = result.get_asset_check_evaluations()
    assert (check.asset_key, check.check_name, check.passed) == (KEY, "index_holds_the_banks", True)


def test_the_sensor_builds_when_enough_has_changed(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look(instance) == "the index is new enough"
    monkeypatch.setattr(publishing, "FEWEST_CHANGES", ENTRIES)
    assert look(instance) == {"moderation/reason": f"{ENTRIES + 1} changes since it was built"}
    instance.create_run_for_job(defs.resolve_job_def(JOB), status=dg.DagsterRunStatus.STARTED)
    assert look(instance) == "an index is being built"


def look(instance: dg.DagsterInstance) -> object:
    """What the sensor asks for: why it does nothing, or the tags of the run."""
    context = dg.build_sensor_context(instance=instance, resources={"system": System()})
    result = bank_index_due(context)
    assert isinstance(result, dg.SensorResult)
    if not result.run_requests:
        return result.skip_reason.skip_message if result.skip_reason else None
    (request,) = result.run_requests
    return dict(request.tags)


def test_it_looks_without_being_switched_on() -> None:
    assert defs.resolve_sensor_def("bank_index_due").default_status == dg.DefaultSensorStatus.RUNNING
