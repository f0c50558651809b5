"""Banks from before opinions, dates and keypoints: nothing of them is lost or changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import bindparam, text
from sqlalchemy.exc import IntegrityError

from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryAmendment
from moderation.domain.ids import EntryId
from moderation.storage.banks import BankStore
from moderation.storage.columns import UtcTime
from moderation.storage.engine import Database
from moderation.storage.migrate import configuration
from tests.factories import NOW, after
from tests.storage.tampering import run
from tests.storage.test_banks import draft

OLD_BANK = {"effect": "block", "distance_bits": 20, "min_quality": 60, "description": "old"}
OLD_ENTRY = {"quality": 90, "source": "cli", "note": "ticket 17", "category": "adult"}
ROWS: tuple[tuple[str, str | None, str | None, dict[str, Any]], ...] = (
    ("create", None, None, OLD_BANK),
    ("add", "entry-1", "ab" * 32, OLD_ENTRY),
    ("add", "entry-2", "cd" * 32, OLD_ENTRY),
    ("remove", "entry-1", "ab" * 32, {}),
)
INSERT = text(
    "INSERT INTO bank_changes (number, at, actor, operation, bank, entry_id, pdq, payload) "
    "VALUES (:number, :at, 'cli', :operation, 'OLD', :entry, :pdq, :payload)"
).bindparams(bindparam("at", type_=UtcTime))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def upgraded(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A database that was filled at version 0004, and brought up to date."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/old.db" if sqlite else request.getfixturevalue("empty_postgres_url")
    opened = Database.open(url)
    with opened.write() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for number, (operation, entry, pdq, payload) in enumerate(ROWS, 1):
            row = {"number": number, "at": after(number), "operation": operation, "entry": entry, "pdq": pdq}
            connection.execute(INSERT, {**row, "payload": json.dumps(payload)})
    opened.migrate()
    yield opened
    opened.close()


def test_old_banks_and_entries_are_read_with_defaults(upgraded: Database) -> None:
    store = BankStore(upgraded)
    kept, gone = (
        BankEntry(
            EntryId(f"entry-{place}"),
            "OLD",
            pdq,
            90,
            after(number),
            "cli",
            "ticket 17",
            "adult",
            number,
            banked_by=("cli",),
        )
        for place, pdq, number in ((2, "cd" * 32, 3), (1, "ab" * 32, 2))
    )
    assert store.banks() == [(Bank("OLD", BankEffect.BLOCK, 20, 60, "old"), 1)]
    assert store.contents().entries == (kept,)
    assert store.contents("3").entries == (gone, kept)
    assert [(change.operation, change.entry) for change in store.changes(1)] == [
        ("add", gone),
        ("add", kept),
        ("remove", gone),
    ]


def test_old_entries_can_be_amended_and_removed(upgraded: Database) -> None:
    store = BankStore(upgraded)
    for note in ("one", "two"):
        changed = store.amend(EntryId("entry-2"), EntryAmendment(note=note), actor="tester", now=NOW)
        assert changed.note == note
    assert store.remove(EntryId("entry-2"), actor="tester", now=NOW) == changed
    assert store.add("OLD", draft(1), actor="tester", now=NOW).number == 8
    assert store.delete_bank("OLD", actor="tester", now=NOW) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bank_changes SET payload = '{}'",
        "DELETE FROM bank_changes",
        "INSERT INTO bank_changes SELECT * FROM bank_changes WHERE number = 1",
    ],
)
def test_the_upgraded_log_is_append_only(upgraded: Database, statement: str) -> None:
    with pytest.raises(IntegrityError):
        run(upgraded, statement)


@pytest.mark.parametrize("operation", ["add", "remove", "vanish"])
def test_an_entry_is_added_and_removed_once(upgraded: Database, operation: str) -> None:
    statement = (
        "INSERT INTO bank_changes (number, at, actor, operation, bank, entry_id, pdq, payload) "
        f"SELECT 99, at, actor, '{operation}', bank, entry_id, pdq, payload FROM bank_changes WHERE number = 4"
    )
    with pytest.raises(IntegrityError):
        run(upgraded, statement)
