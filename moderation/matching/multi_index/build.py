"""Arranging entries as an index: distinct codes, each with its keys."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.matching.multi_index.layout import words_of

MAX_CODES = 1 << 32
MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64)
"""Odd multipliers that spread a code's four words over one."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """Distinct codes in the order of their smallest keys, and their keys; see `layout.Arrays` for the names."""

    codes: NDArray[np.uint64]
    first_keys: NDArray[np.int64]
    extra_codes: NDArray[np.int64]
    extra_starts: NDArray[np.int64]
    extra_keys: NDArray[np.int64]
    more_keys: NDArray[np.int64]
    more_codes: NDArray[np.int64]


def distinct(codes: NDArray[np.uint8], keys: NDArray[np.int64]) -> Distinct:
    """Arrange `codes` (n, 32) with `keys` (n), which are all different, in any order.

    Raises `ValueError` for another shape, a key that is there twice, or more than 2**32 codes.
    """
    words, keys = words_of(codes), np.asarray(keys, dtype=np.int64)
    if keys.shape != (len(words),):
        raise ValueError(f"{keys.shape} keys for {len(words)} codes")
    if len(words) > MAX_CODES:
        raise ValueError(f"an index holds at most {MAX_CODES} codes")
    if np.any(keys[1:] <= keys[:-1]):
        by_key = np.argsort(keys, kind="stable")
        words, keys = words[by_key], keys[by_key]
        if np.any(keys[1:] == keys[:-1]):
            raise ValueError("a key is there twice")
    first_of = _first_equal(words)
    firsts = first_of == np.arange(len(words))
    further = np.flatnonzero(~firsts)
    code_of = np.cumsum(firsts, dtype=np.int64) - 1
    more_codes = code_of[first_of[further]]
    by_code = np.argsort(more_codes, kind="stable")
    extra_codes = np.unique(more_codes)
    starts = np.searchsorted(more_codes[by_code], extra_codes)
    return Distinct(
        words[firsts],
        keys[firsts],
        extra_codes,
        np.append(starts, len(further)).astype(np.int64),
        keys[further][by_code],
        keys[further],
        more_codes,
    )


def _first_equal(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each row the number of the first row that is equal to it.

    Rows are sorted by a mix of their words; where two different rows have the same mix, by all of their words.
    """
    mixed = (words * MIX).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    by_mix = np.argsort(mixed, kind="stable")
    equal = _equal_to_last(words, by_mix)
    if np.any((mixed[by_mix[1:]] == mixed[by_mix[:-1]]) & ~equal):
        by_mix = np.lexsort(tuple(words.T))
        equal = _equal_to_last(words, by_mix)
    starts = np.concatenate([np.ones(min(1, len(words)), dtype=np.bool_), ~equal])
    group = np.cumsum(starts) - 1
    first_of = np.empty(len(words), dtype=np.int64)
    first_of[by_mix] = by_mix[starts][group]
    return first_of


def _equal_to_last(words: NDArray[np.uint64], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    equal = np.ones(max(0, len(rows) - 1), dtype=np.bool_)
    for word in words.T:
        column = word[rows]
        equal &= column[1:] == column[:-1]
    return equal
