"""The schedule that demotes entries which suddenly match far too much."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from moderation.domain.bank import Bank, BankEffect, EntryDraft
from moderation.matching.entries.flood import MIN_MATCHES
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.match_counts import MATCHED
from moderation.storage.review import counters
from pipelines.definitions import defs

JOB = "quarantine_bank_entries"


@pytest.mark.parametrize(("matches", "demoted"), [(MIN_MATCHES, True), (MIN_MATCHES - 1, False)])
def test_the_job_demotes_what_floods_and_nothing_else(
    tmp_path: Path,
    sqlite_database: Database,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    matches: int,
    demoted: bool,
) -> None:
    monkeypatch.setenv("MODERATION_HOME", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE_URL", sqlite_url)
    banks, now = BankStore(sqlite_database), datetime.now(UTC)
    before = now - timedelta(days=3)
    banks.create(Bank("BANNED", BankEffect.BLOCK), actor="tester", now=before)
    entry = banks.add("BANNED", EntryDraft("ab" * 32, 90), actor="tester", now=before)
    with sqlite_database.write() as connection:
        counters.add(connection, now, {(MATCHED, entry.id, entry.bank): matches})
    with dg.instance_for_test() as instance:
        assert defs.resolve_job_def(JOB).execute_in_process(instance=instance).success
    assert banks.entry(entry.id).demoted is demoted


def test_it_runs_often_without_being_switched_on() -> None:
    schedule = defs.resolve_schedule_def("quarantine_bank_entries_often")
    assert schedule.job_name == JOB
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "*/10 * * * *"
