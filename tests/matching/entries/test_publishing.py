import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryDraft
from moderation.domain.errors import ConflictError
from moderation.matching.entries import publishing
from moderation.matching.entries.publishing import due, inspect, publish_banks
from moderation.matching.multi_index.file import MAGIC, NOTHING_SAID, VERSION
from moderation.matching.multi_index.folder import CURRENT, current, publish
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from tests.matching.index_contract import codes

NOW = datetime.now(UTC)
BANK = Bank("BANNED", BankEffect.BLOCK)


@pytest.fixture
def banks(database: Database) -> BankStore:
    """Change 1 makes a bank, changes 2 to 41 its entries."""
    store = BankStore(database)
    store.create(BANK, actor="tester", now=NOW)
    fill(store, 40)
    return store


def fill(store: BankStore, count: int, *, seed: int = 0) -> None:
    drafts = [EntryDraft(pdq=code.tobytes().hex(), quality=90) for code in codes(count, seed)]
    store.add_many(BANK.name, drafts, actor="tester", now=NOW)


def test_every_entry_is_in_the_published_index(
    banks: BankStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PAGE", 7)
    gone = banks.entries(BANK.name)[3]
    banks.remove(gone.id, actor="tester", now=NOW)
    made = publish_banks(banks, tmp_path, now=NOW)
    found = current(tmp_path)
    assert found is not None
    assert (found.digest, found.checkpoint) == (made.digest, int(banks.checkpoint()))
    assert found.keys.tolist() == [number for number in range(2, 42) if number != gone.number]
    seen = inspect(banks, tmp_path, random=Random(1))
    assert (seen.problems, seen.entries, seen.checkpoint) == ((), 39, 42)
    assert seen.sampled > 10


def test_no_entries_make_an_empty_index(database: Database, tmp_path: Path) -> None:
    assert len(publish_banks(BankStore(database), tmp_path, now=NOW)) == 0
    assert inspect(BankStore(database), tmp_path, random=Random(1)).problems == ()


def test_an_index_without_some_entries_is_seen(banks: BankStore, tmp_path: Path) -> None:
    entries = codes(40)
    publish(tmp_path, entries[:-1], np.arange(2, 41), checkpoint=41, now=NOW)
    assert "39 entries; the banks have 40" in inspect(banks, tmp_path, random=Random(1)).problems[0]


def test_an_index_with_other_hashes_is_seen(banks: BankStore, tmp_path: Path) -> None:
    publish(tmp_path, codes(40, seed=9), np.arange(2, 42), checkpoint=41, now=NOW)
    assert "does not find" in inspect(banks, tmp_path, random=Random(1)).problems[0]


def test_a_broken_file_and_none_are_seen(banks: BankStore, tmp_path: Path) -> None:
    assert inspect(banks, tmp_path, random=Random(1)).problems == ("No index was published.",)
    made = publish_banks(banks, tmp_path, now=NOW)
    made.path.write_bytes(made.path.read_bytes()[:-1])
    assert "length" in inspect(banks, tmp_path, random=Random(1)).problems[0]


def test_changes_since_are_no_problem(banks: BankStore, tmp_path: Path) -> None:
    publish_banks(banks, tmp_path, now=NOW)
    fill(banks, 5, seed=3)
    assert inspect(banks, tmp_path, random=Random(1)).problems == ()


def test_it_is_due_when_enough_has_changed(banks: BankStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert due(banks, tmp_path, now=NOW) == ""
    monkeypatch.setattr(publishing, "FEWEST_CHANGES", 41)
    assert due(banks, tmp_path, now=NOW) == "41 changes since it was built"
    publish_banks(banks, tmp_path, now=NOW)
    fill(banks, 40, seed=1)
    assert due(banks, tmp_path, now=NOW) == ""
    fill(banks, 1, seed=2)
    assert due(banks, tmp_path, now=NOW) == "41 changes since it was built"


def test_it_is_due_when_changes_are_a_day_old(banks: BankStore, tmp_path: Path) -> None:
    publish_banks(banks, tmp_path, now=NOW)
    tomorrow = datetime.now(UTC) + timedelta(hours=25)
    assert due(banks, tmp_path, now=tomorrow) == ""
    fill(banks, 1, seed=1)
    assert due(banks, tmp_path, now=NOW) == ""
    assert due(banks, tmp_path, now=tomorrow) == "1 changes, and it is a day old"


def test_it_is_due_when_it_cannot_be_read(banks: BankStore, tmp_path: Path) -> None:
    made = publish_banks(banks, tmp_path, now=NOW)
    os.truncate(made.path, made.path.stat().st_size - 1)
    assert due(banks, tmp_path, now=NOW) == "the current index cannot be read"
    publish_banks(banks, tmp_path, now=NOW)
    assert due(banks, tmp_path, now=NOW) == ""
    made.path.unlink()
    assert due(banks, tmp_path, now=NOW) == "the current index cannot be read"
    (tmp_path / CURRENT).write_text("?")
    assert due(banks, tmp_path, now=NOW) == "the current index cannot be read"
    publish_banks(banks, tmp_path, now=NOW)
    assert due(banks, tmp_path, now=NOW) == ""


def test_it_is_due_when_it_is_of_another_version_of_the_format(banks: BankStore, tmp_path: Path) -> None:
    made = publish_banks(banks, tmp_path, now=NOW)
    with made.path.open("r+b") as file:
        file.seek(len(MAGIC))
        file.write(bytes([VERSION - 1]))
    assert due(banks, tmp_path, now=NOW) == "the current index cannot be read"
    publish_banks(banks, tmp_path, now=NOW)
    assert due(banks, tmp_path, now=NOW) == ""


def test_it_is_due_when_the_banks_went_another_way_than_the_index(banks: BankStore, tmp_path: Path) -> None:
    made = publish_banks(banks, tmp_path, now=NOW)
    said = json.loads(made.described.text)
    for text in ({**said, "last": "0" * 64}, {}):
        other = replace(made.described, text=json.dumps(text).encode())
        publish(tmp_path, codes(40), made.keys, checkpoint=made.checkpoint, now=NOW, described=other)
        assert due(banks, tmp_path, now=NOW) == "the index is of other banks: change 41 is another"
        publish_banks(banks, tmp_path, now=NOW)
        assert due(banks, tmp_path, now=NOW) == ""


def test_an_index_that_says_something_else_of_entries_is_seen(banks: BankStore, tmp_path: Path) -> None:
    made = publish_banks(banks, tmp_path, now=NOW)
    facts = made.described.facts
    worse = facts._replace(records=facts.records.copy())
    worse.records["quality"] -= 1
    for said, problem in ((replace(made.described, facts=worse), "what the banks do not"), (NOTHING_SAID, "nothing")):
        publish(tmp_path, codes(40), made.keys, checkpoint=41, now=NOW, described=said)
        (found,) = inspect(banks, tmp_path, random=Random(1)).problems
        assert problem in found


def test_after_a_database_was_restored_the_newer_index_is_replaced(banks: BankStore, tmp_path: Path) -> None:
    publish(tmp_path, codes(3), np.arange(3), checkpoint=500, now=NOW)
    assert due(banks, tmp_path, now=NOW) == "the index is of change 500, the banks end at 41"
    assert publish_banks(banks, tmp_path, now=NOW).checkpoint == 41
    assert due(banks, tmp_path, now=NOW) == ""


def test_an_index_that_took_longer_does_not_replace_a_newer_one(
    banks: BankStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = banks.pages

    def slowly(as_of: int, *, after: int = 0, limit: int = publishing.PAGE) -> list[BankEntry]:
        if not after:
            publish(tmp_path, codes(41), np.arange(2, 43), checkpoint=42, now=NOW)
        return pages(as_of, after=after, limit=limit)

    monkeypatch.setattr(banks, "pages", slowly)
    with pytest.raises(ConflictError):
        publish_banks(banks, tmp_path, now=NOW)
    found = current(tmp_path)
    assert found is not None
    assert found.checkpoint == 42
