"""How a matcher loads, follows and recovers: index files, bad files, unreadable banks."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from moderation.domain.bank import BankEntry
from moderation.domain.errors import BanksUnreadableError, CorruptIndexError, UnavailableError
from moderation.matching.entries import contents
from moderation.matching.entries.known_entries import KnownEntries
from moderation.matching.entries.publishing import publish_banks
from moderation.matching.matcher import Matcher
from tests.factories import NOW
from tests.matching.memory_banks import BLOCK, MemoryBanks, some_hashes

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
    """One thread swaps an entry between two banks' pictures again and again; exactly one of both is always known."""
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
        seen.append(sum(bool(found.hits) for found in one.match([[PICTURES[0]], [PICTURES[1]]], None)))
    thread.join()
    assert seen
    assert set(seen) <= {1, 2}
