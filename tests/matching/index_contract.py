"""What every index of perceptual hashes must do. A test class inherits this and says how to build one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray

from moderation.matching.index import EntryIndex, Found, HashIndex, Neighbour
from moderation.matching.scan import ExactScan


def codes(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)


def with_flipped(code: NDArray[np.uint8], bits: int, seed: int = 0) -> NDArray[np.uint8]:
    """`code` with exactly `bits` bits changed."""
    unpacked = np.unpackbits(code)
    unpacked[np.random.default_rng(seed).permutation(256)[:bits]] ^= 1
    return np.packbits(unpacked)


def slowly(entries: NDArray[np.uint8], queries: NDArray[np.uint8], radius: int) -> list[list[Neighbour]]:
    """The answer, bit by bit."""
    found = []
    for query in queries:
        differing = [
            ((int.from_bytes(query.tobytes(), "big") ^ int.from_bytes(entry.tobytes(), "big")).bit_count(), position)
            for position, entry in enumerate(entries)
        ]
        found.append([Neighbour(position, bits) for bits, position in sorted(differing) if bits <= radius])
    return found


class HashIndexContract(ABC):
    """Inherit, and implement `build`."""

    @abstractmethod
    def build(self, entries: NDArray[np.uint8]) -> HashIndex:
        """The index under test, holding `entries`."""

    @given(
        count=st.integers(0, 40),
        flips=st.lists(st.integers(0, 60), max_size=12),
        radius=st.sampled_from([0, 1, 16, 31, 64, 128, 256]),
        seed=st.integers(0, 2**16),
    )
    @settings(deadline=None)
    def test_the_answer_is_that_of_comparing_every_bit(
        self, count: int, flips: list[int], radius: int, seed: int
    ) -> None:
        entries = codes(count, seed)
        near = [
            with_flipped(entries[number % count], bits, seed + number) for number, bits in enumerate(flips) if count
        ]
        queries = np.array([*near, *codes(2, seed + 1)], dtype=np.uint8)
        assert self.build(entries).search(queries, radius) == slowly(entries, queries, radius)

    def test_an_entry_is_found_at_the_radius_and_not_beyond(self) -> None:
        entries = codes(100)
        index = self.build(entries)
        for bits in (0, 1, 30, 31):
            assert index.search(with_flipped(entries[7], bits)[np.newaxis], 31) == [[Neighbour(7, bits)]]
        assert index.search(with_flipped(entries[7], 32)[np.newaxis], 31) == [[]]

    def test_equal_entries_are_all_found_in_order(self) -> None:
        entries = np.repeat(codes(1), 5, axis=0)
        assert self.build(entries).search(entries[:1], 0) == [[Neighbour(position, 0) for position in range(5)]]

    def test_nothing_in_nothing_out(self) -> None:
        nothing = np.empty((0, 32), dtype=np.uint8)
        assert self.build(nothing).search(codes(2), 256) == [[], []]
        assert self.build(codes(2)).search(nothing, 256) == []

    def test_it_knows_its_size(self) -> None:
        assert len(self.build(codes(12))) == 12

    def test_the_entries_given_may_change_afterwards(self) -> None:
        entries = codes(3)
        index = self.build(entries)
        query = entries[1:2].copy()
        entries[:] = 0
        assert index.search(query, 0) == [[Neighbour(1, 0)]]


Hit = tuple[int, int, int]


def hits(found: Found) -> list[Hit]:
    """(query, distance, key), in the order of the answer."""
    return list(zip(found.queries.tolist(), found.distances.tolist(), found.keys.tolist(), strict=True))


Near = list[list[tuple[int, int]]]


def scanned(entries: dict[int, NDArray[np.uint8]], queries: NDArray[np.uint8], radius: int) -> Near:
    """For each query the (distance, key) of entries by key, nearest first, by the exact scan."""
    keys = sorted(entries)
    rows = np.array([entries[key] for key in keys], dtype=np.uint8).reshape(-1, 32)
    return [
        [(one.distance_bits, keys[one.position]) for one in found] for found in ExactScan(rows).search(queries, radius)
    ]


def check_found(found: Found, near: Near, limit: int) -> None:
    assert hits(found) == [(query, *hit) for query, found in enumerate(near) for hit in found[:limit]]
    assert found.capped.tolist() == [len(found) > limit for found in near]


def spread(code: NDArray[np.uint8], bits: int, order: Sequence[int], spared: int) -> NDArray[np.uint8]:
    """`code` with `bits` bits changed: one in each slot but `spared`, then one more in each, in this order."""
    rounds = [(slot, bit) for bit in range(3) for slot in order if (slot, bit) != (spared, 0)]
    flips = np.zeros(256, dtype=np.uint8)
    for slot, bit in rounds[:bits]:
        flips[16 * slot + 5 * bit] = 1
    return code ^ np.packbits(flips)


class EntryIndexContract(ABC):
    """Inherit, and implement `build`."""

    @abstractmethod
    def build(self, keys: NDArray[np.int64], entries: NDArray[np.uint8]) -> EntryIndex:
        """The index under test, holding `entries` under `keys`."""

    def check(self, keys: NDArray[np.int64], entries: NDArray[np.uint8], queries: NDArray[np.uint8]) -> None:
        index = self.build(keys, entries)
        held = dict(zip(keys.tolist(), entries, strict=True))
        for radius in (0, 1, 7, 15, 16, 30, 31, 32, 90):
            near = scanned(held, queries, radius)
            for limit in (1, 3, 1000):
                check_found(index.search(queries, radius, limit=limit), near, limit)

    @given(
        count=st.integers(0, 40),
        flips=st.lists(st.integers(0, 60), max_size=12),
        copies=st.integers(0, 5),
        seed=st.integers(0, 2**16),
    )
    @settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.differing_executors])
    def test_the_answer_is_that_of_the_scan(self, count: int, flips: list[int], copies: int, seed: int) -> None:
        entries = codes(count, seed)
        if count:
            entries[:copies] = entries[-1]
        near = [
            with_flipped(entries[number % count], bits, seed + number) for number, bits in enumerate(flips) if count
        ]
        keys = np.random.default_rng(seed).permutation(3 * count)[:count].astype(np.int64)
        self.check(keys, entries, np.array([*near, *codes(2, seed + 1)], dtype=np.uint8))

    def test_every_distance_is_found_in_a_larger_index(self) -> None:
        entries = codes(6000, seed=3)
        entries[3000:3010] = entries[7]
        queries = np.array([with_flipped(entries[7 * bits], bits, bits) for bits in range(40)])
        self.check(np.arange(6000)[::-1] + 2**40, entries, queries)

    @pytest.mark.parametrize(
        "order", [range(16), range(15, -1, -1), (9, 3, 14, 0, 7, 12, 5, 1, 15, 8, 2, 11, 6, 13, 4, 10)]
    )
    def test_bits_that_are_spread_over_all_slots_are_found(self, order: Sequence[int]) -> None:
        """Each query differs in as many bits as the radius, in as many slots as they go round, one slot spared."""
        entries = codes(600, seed=6)
        index = self.build(np.arange(600), entries)
        for radius in range(32):
            queries = np.array([spread(entries[slot], radius, order, slot) for slot in range(16)])
            found = hits(index.search(queries, radius))
            assert found == [(slot, radius, slot) for slot in range(16)]

    def test_two_bits_in_every_slot_are_found_at_32_bits_and_not_at_31(self) -> None:
        entries = codes(600, seed=6)
        index = self.build(np.arange(600), entries)
        query = spread(entries[7], 32, range(16), -1)[np.newaxis]
        assert hits(index.search(query, 32)) == [(0, 32, 7)]
        assert hits(index.search(query, 31)) == []

    def test_bits_that_all_lie_in_few_slots_are_found(self) -> None:
        entries = codes(5000, seed=5)
        index = self.build(np.arange(5000), entries)
        queries = entries[:16].copy()
        for slot, query in enumerate(queries):
            query[[2 * slot, 2 * slot + 1]] ^= 0xFF
            query[[(2 * slot + 2) % 32, (2 * slot + 3) % 32]] ^= np.array([0xFF, 0x7F], dtype=np.uint8)
        assert hits(index.search(queries, 31)) == [(slot, 31, slot) for slot in range(16)]
        assert hits(index.search(queries, 30)) == []

    def test_many_keys_of_one_hash_and_many_near_copies(self) -> None:
        entries = np.repeat(codes(1), 3000, axis=0)
        for number in range(1000, 3000):
            entries[number, number % 32] ^= 1 << (number % 8)
        self.check(np.arange(3000)[::-1] * 2, entries, np.vstack([entries[:1], entries[-1:], codes(1, seed=9)]))

    def test_nothing_in_nothing_out(self) -> None:
        nothing, no_keys = np.empty((0, 32), dtype=np.uint8), np.empty(0, dtype=np.int64)
        found = self.build(no_keys, nothing).search(codes(2), 256)
        assert (hits(found), found.capped.tolist()) == ([], [False, False])
        found = self.build(np.arange(2), codes(2)).search(nothing, 31)
        assert (hits(found), found.capped.tolist()) == ([], [])

    def test_it_knows_its_size(self) -> None:
        assert len(self.build(np.arange(12), np.repeat(codes(6), 2, axis=0))) == 12

    @pytest.mark.parametrize(("radius", "limit"), [(-1, 1), (257, 1), (31, 0)])
    def test_a_senseless_question_is_an_error(self, radius: int, limit: int) -> None:
        with pytest.raises(ValueError, match=r"a radius is|a limit is"):
            self.build(np.arange(1), codes(1)).search(codes(1), radius, limit=limit)

    @pytest.mark.parametrize("wrong", [np.zeros((2, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((2, 32), np.int8)])
    def test_codes_of_another_shape_are_an_error(self, wrong: NDArray[np.uint8]) -> None:
        with pytest.raises(ValueError, match="codes must be"):
            self.build(np.arange(1), codes(1)).search(wrong, 31)
