"""Hashes to index and to ask for: random ones, queries planted at known distances, and a viral picture's copies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.matching.multi_index.layout import CODE_BYTES

RADIUS = 31
BITS = 8 * CODE_BYTES
PLANTED_EACH = 7
"""Queries planted at each distance from 0 to 31 bits."""
RANDOM_QUERIES = 32
NEAR_COPIES = 20_000

Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Cases:
    """`codes` (n, 32) to index under their position; `planted` says for each query whose copy it is, -1 for none."""

    codes: Codes
    queries: Codes
    planted: NDArray[np.int64]

    def recall(self, found: list[list[int]]) -> float:
        """The share of planted queries whose original is among what was found."""
        asked = np.flatnonzero(self.planted >= 0)
        return sum(int(self.planted[query]) in found[query] for query in asked.tolist()) / len(asked)


def random_cases(size: int, *, seed: int = 0) -> Cases:
    """`size` random hashes; unrelated ones differ in about 128 bits, as those of unrelated pictures do."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (size, CODE_BYTES), dtype=np.uint8)
    originals = random.integers(0, size, PLANTED_EACH * (RADIUS + 1))
    distances = np.arange(len(originals)) % (RADIUS + 1)
    near = flipped(codes[originals], distances, random)
    queries = np.vstack([near, random.integers(0, 256, (RANDOM_QUERIES, CODE_BYTES), dtype=np.uint8)])
    planted = np.concatenate([originals, np.full(RANDOM_QUERIES, -1)])
    order = random.permutation(len(queries))
    return Cases(codes, queries[order], planted[order])


def viral_cases(size: int, *, seed: int = 1) -> Cases:
    """Random hashes, and `NEAR_COPIES` of one at 1 to 31 bits; the queries are that one and copies of it."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (size + NEAR_COPIES, CODE_BYTES), dtype=np.uint8)
    viral = np.repeat(codes[:1], NEAR_COPIES, axis=0)
    codes[size:] = flipped(viral, 1 + np.arange(NEAR_COPIES) % RADIUS, random)
    queries = np.vstack([codes[:1], codes[size : size + 15]])
    return Cases(codes, queries, np.array([0, *range(size, size + 15)]))


def flipped(codes: Codes, bits: NDArray[np.int64], random: np.random.Generator) -> Codes:
    """Each code with so many random bits changed."""
    places = random.random((len(codes), BITS)).argsort(axis=1)
    return codes ^ np.packbits(places < bits[:, np.newaxis], axis=1)


def hexadecimal(codes: Codes) -> list[str]:
    """Codes as 64 hexadecimal characters each."""
    return [code.tobytes().hex() for code in codes]
