"""What every index of perceptual hashes must do. A test class inherits this and says how to build one."""

from abc import ABC, abstractmethod

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from numpy.typing import NDArray

from moderation.matching.index import HashIndex, Neighbour


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
