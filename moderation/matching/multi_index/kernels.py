"""The compiled inner loops. Importing this imports Numba: only `compiled` does, when an index is first searched.

Codes are rows of four little-endian 64-bit words; slot `s` of a code is its 16-bit part number `s`. A query's hits are
collected in a max-heap of at most `limit` (distance, key) pairs, so that a capped answer keeps the nearest ones.
Shapes are not checked here: callers pass arrays of one checked file, or of their own making.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic
from numpy.typing import NDArray

from moderation.matching.multi_index.layout import BUCKETS, SLOT_BITS, SLOTS, Entries, Hits, Rows, Slots

P = ParamSpec("P")
R = TypeVar("R")
Words = NDArray[np.uint64]
Keys = NDArray[np.int64]
Ids = NDArray[np.uint32]
Distances = NDArray[np.uint16]

signed = cast("Callable[[Any], int]", np.int64)
"""Numba computes with 64-bit integers, and makes floats of signed and unsigned ones together."""
SLOT_MASK = np.uint64(BUCKETS - 1)
BLOCK_CODES = 1024
"""Codes that all queries of a batch are compared with before the next ones are fetched: 32 KB, which a core keeps."""
FEW_CODES = 2048
"""Up to this many codes are compared one by one: that is quicker than 272 buckets."""
FLAT_SHARE = 6
"""A query whose buckets hold more than this part of all codes is compared with all: a bucket's codes lie scattered."""


class _Cache(FunctionCache):
    """Numba's cache, in which a file that cannot be read or written is a miss and not an error."""

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The machine code that was kept, or None."""
        try:
            return super().load_overload(signature, target)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - unpickling half a file raises anything
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep it, if that is possible."""
        with suppress(OSError):
            super().save_overload(signature, code)  # type: ignore[no-untyped-call]


def _inner(function: Callable[P, R]) -> Callable[P, R]:
    """Numba's decorator with a type, for what other kernels call."""
    return cast("Callable[P, R]", numba.njit(nogil=True)(function))


def _entry(function: Callable[P, R]) -> Callable[P, R]:
    """The same for what is called from Python, with a cache; where no folder for one can be written, nothing is kept.

    Each is called with the same types always, so that two processes that compile at once write the same files.
    """
    made: Any = numba.njit(nogil=True)(function)
    with suppress(RuntimeError):
        made._cache = _Cache(function)  # type: ignore[no-untyped-call]  # noqa: SLF001 - as `cache=True` does
    return cast("Callable[P, R]", made)


def _popcount(_context: object, _word: object) -> tuple[Any, Any]:
    def generate(_target: object, builder: Any, _signature: object, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount: Callable[[np.uint64], int] = cast("Any", intrinsic)(_popcount)
"""How many bits of a word are set: one instruction."""


@_inner
def farther(distance: int, key: int, than_distance: int, than_key: int) -> bool:
    """Whether the first pair comes after the second."""
    return distance > than_distance or (distance == than_distance and key > than_key)


@_inner
def sink(distances: Distances, keys: Keys, size: int) -> None:
    """Bring the pair at the top of the heap of `size` pairs to its place."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        if child + 1 < size and farther(distances[child + 1], keys[child + 1], distances[child], keys[child]):
            child += 1
        if not farther(distances[child], keys[child], distances[at], keys[at]):
            return
        distances[at], distances[child] = distances[child], distances[at]
        keys[at], keys[child] = keys[child], keys[at]
        at = child


@_inner
def rise(distances: Distances, keys: Keys, at: int) -> None:
    """Bring the pair at `at`, the heap's newest, to its place."""
    while at > 0:
        parent = (at - 1) // 2
        if not farther(distances[at], keys[at], distances[parent], keys[parent]):
            return
        distances[at], distances[parent] = distances[parent], distances[at]
        keys[at], keys[parent] = keys[parent], keys[at]
        at = parent


@_inner
def offer(hits: Hits, query: int, distance: int, key: int) -> bool:
    """Put a hit into its query's heap; false when it is full of nearer ones."""
    distances, keys, size = hits.distances[query], hits.keys[query], hits.sizes[query]
    if size < len(keys):
        distances[size], keys[size] = distance, key
        rise(distances, keys, size)
        hits.sizes[query] = size + 1
        return True
    hits.capped[query] = True
    if not farther(distances[0], keys[0], distance, key):
        return False
    distances[0], keys[0] = distance, key
    sink(distances, keys, size)
    return True


@_entry
def order(hits: Hits) -> None:
    """Sort each query's heap: nearest first, then by key."""
    for query in range(len(hits.sizes)):
        distances, keys = hits.distances[query], hits.keys[query]
        for size in range(hits.sizes[query] - 1, 0, -1):
            distances[0], distances[size] = distances[size], distances[0]
            keys[0], keys[size] = keys[size], keys[0]
            sink(distances, keys, size)


@_inner
def place_of(sorted_keys: Keys, key: int) -> int:
    """Where `key` is in ascending keys, or -1."""
    low, high = 0, len(sorted_keys)
    while low < high:
        middle = (low + high) // 2
        if sorted_keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < len(sorted_keys) and sorted_keys[low] == key else -1


@_inner
def offer_code(entries: Entries, code: int, distance: int, hits: Hits, query: int) -> None:
    """Offer every key of a code that was not removed, in ascending order, until the heap takes no more."""
    first = entries.first_keys[code]
    if place_of(entries.removed, first) < 0 and not offer(hits, query, distance, first):
        return
    place = place_of(entries.extra_codes, code)
    if place < 0:
        return
    for at in range(entries.extra_starts[place], entries.extra_starts[place + 1]):
        key = entries.extra_keys[at]
        if place_of(entries.removed, key) < 0 and not offer(hits, query, distance, key):
            return


@_inner
def differing(codes: Words, code: int, query: Words, reach: int) -> int:
    """In how many bits both differ, or some number above `reach` when it is certain after half of them."""
    half = popcount(codes[code, 0] ^ query[0]) + popcount(codes[code, 1] ^ query[1])
    if half > reach:
        return 257
    return half + popcount(codes[code, 2] ^ query[2]) + popcount(codes[code, 3] ^ query[3])


@_inner
def reach_of(radius: int, hits: Hits, query: int) -> int:
    """How far a hit may still be: once hits were dropped, no farther than the farthest that is kept."""
    return min(radius, hits.distances[query, 0]) if hits.capped[query] else radius


@_entry
def scan_rows(rows: Rows, queries: Words, radius: int, hits: Hits) -> None:
    """Compare every query with the rows that are alive."""
    for start in range(0, rows.used, BLOCK_CODES):
        end = min(start + BLOCK_CODES, rows.used)
        for query in range(len(queries)):
            reach = reach_of(radius, hits, query)
            for row in range(start, end):
                distance = differing(rows.codes, row, queries[query], reach)
                if distance <= reach and rows.alive[row]:
                    offer(hits, query, distance, rows.keys[row])
                    reach = reach_of(radius, hits, query)


@_entry
def scan_codes(entries: Entries, queries: Words, first: int, last: int, radius: int, hits: Hits) -> None:
    """Compare the queries from `first` to `last` with every distinct code; a block of codes serves all of them."""
    codes = entries.codes
    for start in range(0, len(codes), BLOCK_CODES):
        end = min(start + BLOCK_CODES, len(codes))
        for query in range(first, last + 1):
            reach = reach_of(radius, hits, query)
            for code in range(start, end):
                distance = differing(codes, code, queries[query], reach)
                if distance <= reach:
                    offer_code(entries, code, distance, hits, query)
                    reach = reach_of(radius, hits, query)


@_inner
def slot_of(code: Words, slot: int) -> int:
    """The 16 bits of a slot."""
    return signed((code[slot >> 2] >> np.uint64((slot & 3) * SLOT_BITS)) & SLOT_MASK)


@_inner
def allowed(slot: int, radius: int) -> int:
    """By how many bits (-1: no matter) a slot is probed, so that no code within the radius (0 to 31) escapes.

    If every slot differed in more than its allowance, the code would differ in at least the sum of (allowance + 1)
    bits; that sum is radius + 1 here.
    """
    if radius < SLOTS:
        return 0 if slot <= radius else -1
    return 1 if slot <= radius - SLOTS else 0


@_inner
def bucket_size(offsets: Ids, slot: int, bucket: int) -> int:
    """How many codes a bucket holds."""
    return signed(offsets[slot, bucket + 1]) - signed(offsets[slot, bucket])


@_inner
def candidates(offsets: Ids, query: Words, radius: int) -> int:
    """How many codes a query's buckets hold."""
    total = 0
    for slot in range(SLOTS):
        bits = allowed(slot, radius)
        value = slot_of(query, slot)
        if bits >= 0:
            total += bucket_size(offsets, slot, value)
        if bits == 1:
            for bit in range(SLOT_BITS):
                total += bucket_size(offsets, slot, value ^ (1 << bit))
    return total


@_inner
def found_before(codes: Words, code: int, query: Words, slot: int, radius: int) -> bool:
    """Whether a code lies in a bucket of an earlier slot of the query, and so was offered already."""
    for earlier in range(slot):
        bits = popcount(np.uint64(slot_of(codes[code], earlier) ^ slot_of(query, earlier)))
        if signed(bits) <= allowed(earlier, radius):
            return True
    return False


@_inner
def id_at(postings: NDArray[np.uint8], width: int, slot: int, place: int) -> int:
    """A code's number, stored in `width` (3 or 4) bytes, least significant first."""
    at = place * width
    number = signed(postings[slot, at]) | signed(postings[slot, at + 1]) << 8 | signed(postings[slot, at + 2]) << 16
    return number if width == 3 else number | signed(postings[slot, at + 3]) << 24  # noqa: PLR2004 - see the docstring


@_inner
def search_query(entries: Entries, slots: Slots, queries: Words, number: int, radius: int, hits: Hits) -> None:
    """Search one query in the buckets of each slot; what is in several of them counts in the first."""
    query = queries[number]
    for slot in range(SLOTS):
        bits = allowed(slot, radius)
        value = slot_of(query, slot)
        for probe in range((0, 1, SLOT_BITS + 1)[bits + 1]):
            bucket = value if probe == 0 else value ^ (1 << (probe - 1))
            reach = reach_of(radius, hits, number)
            for place in range(slots.offsets[slot, bucket], slots.offsets[slot, bucket + 1]):
                code = id_at(slots.postings, slots.width, slot, place)
                distance = differing(entries.codes, code, query, reach)
                if distance <= reach and not found_before(entries.codes, code, query, slot, radius):
                    offer_code(entries, code, distance, hits, number)
                    reach = reach_of(radius, hits, number)


@_entry
def search(entries: Entries, slots: Slots, queries: Words, radius: int, hits: Hits) -> None:
    """Search every query within `radius` (0 to 31) bits."""
    count = len(entries.codes)
    for query in range(len(queries)):
        if count <= FEW_CODES or candidates(slots.offsets, queries[query], radius) * FLAT_SHARE > count:
            scan_codes(entries, queries, query, query, radius, hits)
        else:
            search_query(entries, slots, queries, query, radius, hits)


@_entry
def sort_slot(codes: Words, slot: int, offsets: Ids, ids: Ids) -> None:
    """Counting sort: fill `offsets` (BUCKETS + 1) with where each bucket starts, `ids` with the codes by bucket."""
    offsets[:] = 0
    for code in range(len(codes)):
        offsets[slot_of(codes[code], slot) + 1] += np.uint32(1)
    for bucket in range(BUCKETS):
        offsets[bucket + 1] += offsets[bucket]
    following = offsets.copy()
    for code in range(len(codes)):
        bucket = slot_of(codes[code], slot)
        ids[following[bucket]] = code
        following[bucket] += np.uint32(1)
