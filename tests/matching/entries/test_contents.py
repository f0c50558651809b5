"""How a matcher loads, follows and recovers: index files, bad files, unreadable banks."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.bank import BankChange, BankEntry, Opinion, Tier
from moderation.domain.errors import BanksUnreadableError, CorruptIndexError, UnavailableError
from moderation.matching.entries import contents
from moderation.matching.entries.known_entries import KnownEntries
from moderation.matching.entries.publishing import publish_banks
from moderation.matching.hashes.pdq import from_hex
from moderation.matching.matcher import Matcher
from moderation.matching.multi_index.file import IndexFile
from moderation.matching.multi_index.folder import current, publish
from moderation.matching.multi_index.layout import FactColumns
from tests.factories import NOW
from tests.matching.memory_banks import BLOCK, REVIEW, MemoryBanks, some_hashes

PICTURES = [some_hashes(seed) for seed in range(1, 9)]


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(contents, "RETRY_SECONDS", 0.0)


def filled(count: int = 4, into: MemoryBanks | None = None) -> MemoryBanks:
    banks = into or MemoryBanks()
    for hashes in PICTURES[:count]:
        banks.add(hashes.pdq[0])
    return banks


def published(folder: Path, banks: MemoryBanks) -> Path:
    return publish_banks(banks, folder, now=NOW).path


def current_of(folder: Path, banks: MemoryBanks) -> IndexFile:
    published(folder, banks)
    found = current(folder)
    assert found is not None
    return found


def matcher(banks: MemoryBanks, folder: Path | None) -> Matcher:
    return Matcher(banks, index=folder, clock=lambda: NOW)


def known(one: Matcher) -> list[bool]:
    """Which of the pictures match."""
    one.refresh()
    return [bool(found.hits) for found in one.match([[hashes] for hashes in PICTURES], None)]


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_published_file_is_used_and_what_changed_since_is_followed(tmp_path: Path) -> None:
    banks = filled()
    published(tmp_path, banks)
    first = next(iter(banks.entries.values()))
    banks.remove(first)
    banks.add(PICTURES[6].pdq[0])
    one = matcher(banks, tmp_path)
    assert known(one) == [False, True, True, True, False, False, True, False]
    status = one.status()
    assert (status.checkpoint, status.built_to, status.size) == ("10", 8, 4)
    assert (status.delta, status.tombstones, status.problem) == (1, 1, "")


def test_only_what_is_newer_than_the_file_is_read_from_the_banks(tmp_path: Path) -> None:
    class Watched(MemoryBanks):
        lowest = 1000

        def changes(self, after: int, *, limit: int = 10_000) -> list[BankChange]:
            if limit > 1:
                self.lowest = min(self.lowest, after)
            return super().changes(after, limit=limit)

    banks = Watched()
    filled(into=banks)
    published(tmp_path, banks)
    entries = list(banks.entries.values())
    banks.amend(entries[1], opinion=Opinion.DISPUTED)
    banks.amend(entries[2], expires_at=NOW)
    banks.amend(entries[3], demoted=True)
    one = matcher(banks, tmp_path)
    assert known(one) == [True, True, False, True, False, False, False, False]
    found = one.match([[hashes] for hashes in PICTURES[:4]], None)
    assert [[hit.tier for hit in each.hits] for each in found] == [[Tier.AUTOMATIC], [Tier.REVIEW], [], [Tier.REVIEW]]
    assert banks.lowest == 8


def test_a_bank_that_was_changed_or_deleted_since_counts_as_it_is_now(tmp_path: Path) -> None:
    banks = filled()
    entry = banks.add(PICTURES[4].pdq[0], REVIEW)
    published(tmp_path, banks)
    banks.define(replace(BLOCK, enabled=False), "update")
    one = matcher(banks, tmp_path)
    assert known(one) == [False] * 4 + [True] + [False] * 3
    banks.remove(entry)
    banks.define(REVIEW, "delete")
    assert known(one) == known(matcher(banks, tmp_path)) == [False] * 8


def test_without_a_published_file_everything_comes_from_the_banks(tmp_path: Path) -> None:
    one = matcher(filled(), tmp_path / "nothing")
    assert known(one) == [True] * 4 + [False] * 4
    assert (one.status().built_to, one.status().problem) == (0, "")


def test_many_entries_without_a_published_file_are_arranged_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moderation.matching.entries.known_entries.MOST_ADDED", 2)
    banks = filled()
    banks.remove(next(iter(banks.entries.values())))
    one = matcher(banks, None)
    assert known(one) == [False, True, True, True, False, False, False, False]
    assert (one.status().delta, one.status().size) == (0, 3)
    banks.add(PICTURES[4].pdq[0])
    assert known(one) == [False, True, True, True, True, False, False, False]
    assert one.status().delta == 1


def test_a_newer_file_is_taken_up_while_searches_go_on(tmp_path: Path) -> None:
    banks = filled()
    published(tmp_path, banks)
    one = matcher(banks, tmp_path)
    one.refresh()
    banks.add(PICTURES[5].pdq[0])
    banks.remove(next(iter(banks.entries.values())))
    one.refresh()
    published(tmp_path, banks)
    banks.add(PICTURES[7].pdq[0])

    def rebased() -> bool:
        assert known(one) == [False, True, True, True, False, True, False, True]
        return one.status().built_to == 10

    eventually(rebased)
    assert (one.status().delta, one.status().tombstones) == (1, 0)
    assert known(one) == [False, True, True, True, False, True, False, True]


def test_a_file_of_changes_that_are_not_seen_yet_waits_until_they_are(tmp_path: Path) -> None:
    banks = filled()
    one = matcher(banks, tmp_path)
    one.refresh()
    banks.add(PICTURES[5].pdq[0])
    published(tmp_path, banks)
    hidden = banks.log.pop()
    assert known(one) == [True] * 4 + [False] * 4
    banks.log.append(hidden)
    eventually(lambda: known(one)[5] and one.status().built_to == 9)


def damage_bytes(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(bytes(data))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def damage_pointer(path: Path) -> None:
    (path.parent / "CURRENT").write_text("{", encoding="ascii")


DAMAGE = [damage_bytes, cut_off, damage_pointer, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_file_is_an_error_until_the_banks_were_read_instead(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    banks = filled()
    damage(published(tmp_path, banks))
    one = matcher(banks, tmp_path)
    with pytest.raises(CorruptIndexError):
        one.refresh()
    with pytest.raises(CorruptIndexError):
        one.match([[PICTURES[0]]], None)
    with pytest.raises(CorruptIndexError):
        one.look_up(PICTURES[0].pdq[0])
    assert one.status().problem

    def recovered() -> bool:
        try:
            one.refresh()
        except CorruptIndexError:
            return False
        return True

    eventually(recovered)
    assert known(one) == [True] * 4 + [False] * 4
    assert one.status().problem, "the file is still bad"
    banks.add(PICTURES[4].pdq[0])
    published(tmp_path, banks)
    eventually(lambda: known(one)[4] and one.status().built_to == 9)
    assert one.status().problem == ""


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_newer_file_changes_nothing_for_who_runs_already(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    banks = filled()
    published(tmp_path, banks)
    one = matcher(banks, tmp_path)
    one.refresh()
    banks.add(PICTURES[4].pdq[0])
    damage(published(tmp_path, banks))
    eventually(lambda: known(one)[4] and bool(one.status().problem))
    assert known(one) == [True] * 5 + [False] * 3
    assert one.status().built_to == 8


def test_a_file_of_other_banks_is_not_believed(tmp_path: Path) -> None:
    banks, others = filled(), MemoryBanks()
    for hashes in PICTURES[4:]:
        others.add(hashes.pdq[0])
    published(tmp_path, others)
    with pytest.raises(CorruptIndexError):
        matcher(banks, tmp_path).refresh()


def test_a_file_that_lacks_an_entry_is_not_believed(tmp_path: Path) -> None:
    class Fewer(MemoryBanks):
        def pages(self, as_of: int, *, after: int = 0, limit: int = 10_000) -> list[BankEntry]:
            return [entry for entry in super().pages(as_of, after=after, limit=limit) if entry.number != 6]

    banks, fewer = filled(), filled(into=Fewer())
    published(tmp_path, fewer)
    with pytest.raises(CorruptIndexError):
        matcher(banks, tmp_path).refresh()


def test_a_file_of_changes_that_the_banks_do_not_have_is_not_believed(tmp_path: Path) -> None:
    published(tmp_path, filled())
    with pytest.raises(CorruptIndexError):
        matcher(filled(3), tmp_path).refresh()


def test_a_file_of_a_history_that_a_restored_database_does_not_have_is_not_believed(tmp_path: Path) -> None:
    """The entries are the same ones; the last change before the file was built is another."""
    banks, lost = filled(), filled()
    lost.amend(lost.entries[6], note="this was lost")
    banks.amend(banks.entries[6], note="this was said instead")
    published(tmp_path, lost)
    with pytest.raises(CorruptIndexError, match="other entries"):
        matcher(banks, tmp_path).refresh()


def test_a_file_that_says_something_else_of_an_entry_is_not_believed(tmp_path: Path) -> None:
    class Other(MemoryBanks):
        def pages(self, as_of: int, *, after: int = 0, limit: int = 10_000) -> list[BankEntry]:
            found = super().pages(as_of, after=after, limit=limit)
            return [replace(one, demoted=True) if one.number == 6 else one for one in found]

    banks = filled()
    published(tmp_path, filled(into=Other()))
    with pytest.raises(CorruptIndexError, match="other entries"):
        matcher(banks, tmp_path).refresh()


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"banks":[{"name":"x"}],"last":""}', b'{"banks":[],"last":""}'])
def test_a_file_that_says_no_sense_or_nothing_is_not_believed(tmp_path: Path, text: bytes) -> None:
    banks = filled()
    found = current_of(tmp_path, banks)
    rows = np.array([from_hex(entry.pdq) for entry in banks.entries.values()], dtype=np.uint8)
    said = replace(found.described, text=text)
    publish(tmp_path, rows, found.keys, checkpoint=found.checkpoint, now=NOW, described=said)
    with pytest.raises(CorruptIndexError):
        matcher(banks, tmp_path).refresh()


def test_a_file_without_facts_or_with_those_of_other_entries_is_not_believed(tmp_path: Path) -> None:
    banks = filled()
    found = current_of(tmp_path, banks)
    rows = np.array([from_hex(entry.pdq) for entry in banks.entries.values()], dtype=np.uint8)
    facts = found.described.facts
    dead = facts._replace(records=facts.records.copy())
    dead.records["live"][1] = False
    for said in (facts._replace(records=facts.records[::-1].copy()), dead, FactColumns.zeros(0)):
        described = replace(found.described, facts=said)
        publish(tmp_path, rows, found.keys, checkpoint=found.checkpoint, now=NOW, described=described)
        with pytest.raises(CorruptIndexError, match="other entries"):
            matcher(banks, tmp_path).refresh()


def test_what_changes_while_a_file_is_compared_is_no_difference(tmp_path: Path) -> None:
    class Busy(MemoryBanks):
        def entries_by_number(self, numbers: Collection[int]) -> Mapping[int, BankEntry]:
            found = super().entries_by_number(numbers)
            if 5 in self.entries:
                self.remove(self.entries[5])
                self.amend(self.entries[6], demoted=True)
            return found

    banks = Busy()
    filled(into=banks)
    published(tmp_path, banks)
    assert known(matcher(banks, tmp_path)) == [False, True, True, True, False, False, False, False]


def test_a_file_is_taken_up_when_the_banks_answer_again(tmp_path: Path) -> None:
    class Shy(MemoryBanks):
        away = 0

        def entries_by_number(self, numbers: Collection[int]) -> Mapping[int, BankEntry]:
            self.away -= 1
            if self.away >= 0:
                raise UnavailableError("the database is away")
            return super().entries_by_number(numbers)

    banks = Shy()
    filled(into=banks)
    one = matcher(banks, tmp_path)
    one.refresh()
    banks.away = 2
    published(tmp_path, banks)

    def taken_up() -> bool:
        one.refresh()
        return one.status().built_to == 8

    eventually(taken_up)
    assert known(one) == [True] * 4 + [False] * 4


def test_a_newer_file_of_other_banks_is_not_taken_up(tmp_path: Path) -> None:
    banks, others = filled(), MemoryBanks()
    one = matcher(banks, tmp_path)
    one.refresh()
    for hashes in PICTURES[4:]:
        others.add(hashes.pdq[0])
    published(tmp_path, others)
    eventually(lambda: known(one) == [True] * 4 + [False] * 4 and bool(one.status().problem))
    assert one.status().built_to == 0


def test_banks_that_are_away_while_a_bad_file_is_replaced_are_tried_again(tmp_path: Path) -> None:
    banks = filled()
    published(tmp_path, banks).unlink()
    one = matcher(banks, tmp_path)
    banks.down = True
    with pytest.raises(UnavailableError):
        one.refresh()
    time.sleep(0.05)
    with pytest.raises(UnavailableError):
        one.refresh()
    banks.down = False

    def recovered() -> bool:
        try:
            return known(one) == [True] * 4 + [False] * 4
        except UnavailableError:
            return False

    eventually(recovered)


def test_banks_that_make_no_sense_are_an_error_until_they_do() -> None:
    banks = filled()
    one = matcher(banks, None)
    one.refresh()
    good = banks.add(PICTURES[4].pdq[0])
    broken = BankEntry(good.id, BLOCK.name, "not a hash", 100, NOW, number=good.number)
    change = banks.log.pop()
    banks.log.append(type(change)(change.number, "add", entry=broken))
    for _ in range(2):
        with pytest.raises(BanksUnreadableError):
            one.refresh()
        with pytest.raises(BanksUnreadableError):
            one.match([[PICTURES[0]]], None)
    banks.log[-1] = change
    assert known(one) == [True] * 5 + [False] * 3


def test_nobody_searches_what_was_followed_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    banks = filled()
    held = contents.Contents(banks, index=None)
    held.refresh()
    banks.add(PICTURES[4].pdq[0])

    class Lock:
        seen: object = "never"

        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            self.seen = held._known

    def fails(*_: object) -> None:
        raise ValueError("in the middle")

    lock = Lock()
    monkeypatch.setattr(held, "_changing", lock)
    monkeypatch.setattr(KnownEntries, "apply", fails)
    with pytest.raises(BanksUnreadableError):
        held.refresh()
    assert lock.seen is None


def test_unchanged_banks_cost_one_question() -> None:
    banks = filled()
    one = matcher(banks, None)
    one.refresh()
    asked = banks.asked
    one.refresh()
    assert banks.asked == asked + 1


def test_searches_see_whole_changes_while_entries_come_and_go() -> None:
    """One thread swaps an entry between two pictures again and again; one of both is known to whoever gets an answer.

    A search that the banks overtake three times says so, and its post is tried again or held.
    """
    banks = MemoryBanks()
    entry = banks.add(PICTURES[0].pdq[0])
    one = matcher(banks, None)
    one.refresh()
    stop = threading.Event()
    seen: list[int] = []

    def swap() -> None:
        nonlocal entry
        for turn in range(200):
            added = banks.add(PICTURES[(turn + 1) % 2].pdq[0])
            one.refresh()
            banks.remove(entry)
            one.refresh()
            entry = added
        stop.set()

    thread = threading.Thread(target=swap)
    thread.start()
    while not stop.is_set():
        with suppress(UnavailableError):
            seen.append(sum(bool(found.hits) for found in one.match([[PICTURES[0]], [PICTURES[1]]], None)))
    thread.join()
    assert seen
    assert set(seen) <= {1, 2}
