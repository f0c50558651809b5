"""The live index is exact whatever was added, removed or built anew before; the scan is the oracle."""

import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from moderation.matching.index import EntryIndex
from moderation.matching.multi_index.build import distinct
from moderation.matching.multi_index.file import IndexFile, write
from moderation.matching.multi_index.live import LiveIndex
from tests.matching.index_contract import EntryIndexContract, codes, hits

Held = dict[int, NDArray[np.uint8]]


def base_of(keys: NDArray[np.int64], entries: NDArray[np.uint8], checkpoint: int = 0) -> IndexFile:
    file = BytesIO()
    write(file, distinct(entries, keys), checkpoint)
    return IndexFile.of(file.getvalue(), Path("test"))


class TestBaseOnly(EntryIndexContract):
    def build(self, keys: NDArray[np.int64], entries: NDArray[np.uint8]) -> EntryIndex:
        return LiveIndex(base_of(keys, entries))


@pytest.mark.usefixtures("never_flat")
class TestBuckets(TestBaseOnly):
    """The same, and every query looks into its buckets."""


class TestDeltaOnly(EntryIndexContract):
    def build(self, keys: NDArray[np.int64], entries: NDArray[np.uint8]) -> EntryIndex:
        live = LiveIndex()
        live.add(keys.tolist(), entries)
        return live


class TestBoth(EntryIndexContract):
    def build(self, keys: NDArray[np.int64], entries: NDArray[np.uint8]) -> EntryIndex:
        """A third in the base, a third added, and a third that was something else in the base."""
        third = len(keys) // 3
        live = LiveIndex(base_of(keys[: 2 * third], np.vstack([entries[:third], codes(third, seed=77)])))
        live.remove(keys[third : third + third // 2].tolist())
        live.add(keys[third:].tolist(), entries[third:])
        return live


def test_an_added_entry_is_found_and_a_removed_one_is_not() -> None:
    entries = codes(20)
    live = LiveIndex(base_of(np.arange(10), entries[:10]))
    live.add([12], entries[12:13])
    assert hits(live.search(entries[[3, 12]], 0)) == [(0, 0, 3), (1, 0, 12)]
    live.remove([3, 12, 99])
    assert hits(live.search(entries[[3, 12]], 0)) == []
    assert len(live) == 9
    live.remove([3, 12, 99])
    assert len(live) == 9


def test_what_is_removed_does_not_use_up_the_limit() -> None:
    same = np.repeat(codes(1), 300, axis=0)
    live = LiveIndex(base_of(np.arange(300), same))
    live.remove(list(range(290)))
    found = live.search(same[:1], 31, limit=10)
    assert found.keys.tolist() == list(range(290, 300))
    assert not found.capped[0]


def test_adding_a_key_again_replaces_its_hash() -> None:
    entries = codes(4)
    live = LiveIndex(base_of(np.arange(2), entries[:2]))
    for code in (2, 3):
        live.add([1], entries[code : code + 1])
        assert hits(live.search(entries, 0)) == [(0, 0, 0), (code, 0, 1)]
        assert len(live) == 2


@pytest.mark.parametrize(("keys", "count"), [([1, 1], 2), ([1], 2), ([], 1)])
def test_keys_that_do_not_fit_are_an_error_and_change_nothing(keys: list[int], count: int) -> None:
    live = LiveIndex()
    with pytest.raises(ValueError, match="key"):
        live.add(keys, codes(count))
    assert len(live) == 0
    assert live.overlay == (0, 0)


def test_large_batches_are_searched_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = codes(50)
    live = LiveIndex(base_of(np.arange(50), entries))
    whole = live.search(entries, 100, limit=7)
    monkeypatch.setattr("moderation.matching.multi_index.hits.MOST_CELLS", 30)
    parts = live.search(entries, 100, limit=7)
    assert hits(parts) == hits(whole)
    assert parts.capped.tolist() == whole.capped.tolist()


def test_going_over_to_a_newer_base_changes_nothing_that_is_found() -> None:
    entries = codes(12)
    live = LiveIndex(base_of(np.arange(1, 6), entries[1:6], 5))
    live.add([6, 7, 8], entries[6:9])
    live.checkpoint = 8
    live.remove([2, 7])  # changes 9 and 10
    live.add([11], entries[11:12])
    live.checkpoint = 11
    held = [key for key in range(1, 9) if key != 2]  # what was live as of change 9
    live.rebase(base_of(np.array(held), entries[held], 9), 9)
    assert hits(live.search(entries, 0)) == [(key, 0, key) for key in (1, 3, 4, 5, 6, 8, 11)]
    assert (len(live), live.overlay, live.built_to, live.checkpoint) == (7, (1, 1), 9, 11)


def test_a_removal_outlives_a_base_that_had_not_yet_the_entry() -> None:
    entries = codes(5)
    live = LiveIndex(base_of(np.arange(1, 2), entries[1:2], 1))
    live.add([3], entries[3:4])
    live.remove([3])
    live.checkpoint = 4
    live.rebase(base_of(np.arange(1, 2), entries[1:2], 2), 2)
    live.rebase(base_of(np.array([1, 3]), entries[[1, 3]], 3), 3)
    assert hits(live.search(entries, 0)) == [(1, 0, 1)]
    assert len(live) == 1


def test_a_hash_that_was_replaced_outlives_a_base_with_the_older_one() -> None:
    entries = codes(4)
    live = LiveIndex(base_of(np.arange(1, 2), entries[1:2], 1))
    live.add([2], entries[2:3])
    live.add([2], entries[3:4])
    live.checkpoint = 3
    live.rebase(base_of(np.array([1, 2]), entries[1:3], 2), 2)
    assert hits(live.search(entries, 0)) == [(1, 0, 1), (3, 0, 2)]
    live.rebase(base_of(np.array([1, 2]), entries[[1, 3]], 3), 3)
    assert hits(live.search(entries, 0)) == [(1, 0, 1), (3, 0, 2)]
    assert (len(live), live.overlay) == (2, (0, 0))


def test_one_that_is_behind_takes_the_newer_base_as_it_is() -> None:
    entries = codes(9)
    live = LiveIndex()
    live.add([1, 2], entries[1:3])
    live.checkpoint = 2
    live.rebase(base_of(np.array([2, 7]), entries[[2, 7]], 8), 8)
    assert hits(live.search(entries, 0)) == [(2, 0, 2), (7, 0, 7)]
    assert (len(live), live.overlay, live.checkpoint) == (2, (0, 0), 8)


def test_an_older_base_is_refused() -> None:
    live = LiveIndex(base_of(np.arange(3), codes(3), 5))
    with pytest.raises(ValueError, match="over one of 5"):
        live.rebase(base_of(np.arange(2), codes(2), 4), 4)
    assert len(live) == 3


def test_searches_go_on_while_entries_come_and_go() -> None:
    """An entry that is never touched is found by every search, and one that is wholly gone by none that began later."""
    entries = codes(400, seed=2)
    live = LiveIndex(base_of(np.arange(200), entries[:200]))
    stop, problems = threading.Event(), []

    def search() -> None:
        while not stop.is_set():
            found = live.search(entries[[5, 6]], 0)
            if hits(found)[:1] != [(0, 0, 5)]:
                problems.append(found)

    readers = [threading.Thread(target=search) for _ in range(3)]
    for reader in readers:
        reader.start()
    churn(live, entries, 60)
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []


def churn(live: LiveIndex, entries: NDArray[np.uint8], rounds: int) -> None:
    for number in range(rounds):
        keys = list(range(200, 400))
        live.add(keys, entries[200:])
        live.remove(keys[::2])
        kept = np.r_[0:200, 201:400:2]
        live.checkpoint = number + 1
        live.rebase(base_of(kept.astype(np.int64), entries[kept], number + 1), number + 1)
        assert len(live) == 300
