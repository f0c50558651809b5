"""The compiled inner loops. Importing this imports Numba: only `compiled` does, when an index is first searched.

Codes are rows of four little-endian 64-bit words; slot `s` of a code is its 16-bit part number `s`. A query's hits are
collected in a max-heap of at most `limit` (distance, key) pairs, so that a capped answer keeps the nearest ones.
Shapes are not checked here: callers pass arrays of one checked file, or of their own making.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from moderation.matching.multi_index.compiling import entry, inner, popcount, prefetch
from moderation.matching.multi_index.hit_heap import offer, sink
from moderation.matching.multi_index.layout import BUCKETS, SLOT_BITS, SLOTS, WORDS, Entries, Hits, Room, Rows, Slots

Words = NDArray[np.uint64]
Keys = NDArray[np.int64]
Ids = NDArray[np.uint32]

signed = cast("Callable[[Any], int]", np.int64)
"""Numba computes with 64-bit integers, and makes floats of signed and unsigned ones together."""
SLOT_MASK = np.uint64(BUCKETS - 1)
BLOCK_CODES = 256
"""Codes that all queries of a batch are compared with before the next ones are fetched: 8 KB by words, which a core
keeps. With 1024 the four words of a code fall on each other's places in its cache, and all takes twice as long."""
PROBES = 1 + SLOT_BITS
"""Buckets of a slot that are looked into: its own, and those that differ in one bit."""
WAITING = 512
"""Codes that are being fetched at once."""
LINE_BYTES = 64


@entry
def order(hits: Hits) -> None:
    """Sort each query's heap: nearest first, then by key."""
    for query in range(len(hits.sizes)):
        distances, keys = hits.distances[query], hits.keys[query]
        for size in range(hits.sizes[query] - 1, 0, -1):
            distances[0], distances[size] = distances[size], distances[0]
            keys[0], keys[size] = keys[size], keys[0]
            sink(distances, keys, size)


@inner
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


@inner
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


@inner
def differing(codes: Words, code: int, query: Words, reach: int) -> int:
    """In how many bits both differ, or some number above `reach` when half of them do already."""
    half = popcount(codes[code, 0] ^ query[0]) + popcount(codes[code, 1] ^ query[1])
    if half > reach:
        return 257
    return half + popcount(codes[code, 2] ^ query[2]) + popcount(codes[code, 3] ^ query[3])


@inner
def reach_of(radius: int, hits: Hits, query: int) -> int:
    """How far a hit may still be: once hits were dropped, no farther than the farthest that is kept."""
    return min(radius, hits.distances[query, 0]) if hits.capped[query] else radius


@inner
def by_words(codes: Words, start: int, end: int, words: Words) -> None:
    """Copy codes so that the first words of all lie side by side, then the second ones: (4, `BLOCK_CODES`)."""
    for code in range(start, end):
        for word in range(WORDS):
            words[word, code - start] = codes[code, word]


@inner
def any_near(words: Words, count: int, query: Words, reach: int) -> bool:
    """Whether one of `count` codes is within `reach`. It has no branches: the compiler compares eight codes at once."""
    first, second, third, fourth, most = query[0], query[1], query[2], query[3], np.uint64(reach)
    near = np.uint64(0)
    for code in range(count):
        half = popcount(words[0, code] ^ first) + popcount(words[1, code] ^ second)
        near += np.uint64(half + popcount(words[2, code] ^ third) + popcount(words[3, code] ^ fourth) <= most)
    return bool(near)


@entry
def scan_rows(rows: Rows, queries: Words, radius: int, hits: Hits) -> None:
    """Compare every query with the rows that are alive."""
    words = np.empty((WORDS, BLOCK_CODES), np.uint64)
    for start in range(0, rows.used, BLOCK_CODES):
        end = min(start + BLOCK_CODES, rows.used)
        by_words(rows.codes, start, end, words)
        for query in range(len(queries)):
            reach = reach_of(radius, hits, query)
            if any_near(words, end - start, queries[query], reach):
                for row in range(start, end):
                    distance = differing(rows.codes, row, queries[query], reach)
                    if distance <= reach and rows.alive[row]:
                        offer(hits, query, distance, rows.keys[row])
                        reach = reach_of(radius, hits, query)


@entry
def scan_codes(entries: Entries, queries: Words, first: int, last: int, radius: int, hits: Hits) -> None:
    """Compare the queries from `first` to `last` with every distinct code; a block of codes serves all of them."""
    codes, words = entries.codes, np.empty((WORDS, BLOCK_CODES), np.uint64)
    for start in range(0, len(codes), BLOCK_CODES):
        end = min(start + BLOCK_CODES, len(codes))
        by_words(codes, start, end, words)
        for query in range(first, last + 1):
            reach = reach_of(radius, hits, query)
            if any_near(words, end - start, queries[query], reach):
                for code in range(start, end):
                    distance = differing(codes, code, queries[query], reach)
                    if distance <= reach:
                        offer_code(entries, code, distance, hits, query)
                        reach = reach_of(radius, hits, query)


@inner
def slot_of(code: Words, slot: int) -> int:
    """The 16 bits of a slot."""
    return signed((code[slot >> 2] >> np.uint64((slot & 3) * SLOT_BITS)) & SLOT_MASK)


@inner
def allowed(slot: int, radius: int) -> int:
    """By how many bits (-1: no matter) a slot is probed, so that no code within the radius (0 to 31) escapes.

    If every slot differed in more than its allowance, the code would differ in at least the sum of (allowance + 1)
    bits; that sum is radius + 1 here.
    """
    if radius < SLOTS:
        return 0 if slot <= radius else -1
    return 1 if slot <= radius - SLOTS else 0


@inner
def find_buckets(offsets: Ids, query: Words, radius: int, room: Room) -> int:
    """Where each of a query's buckets starts and ends in its slot's list; returns how many codes they hold.

    A slot has `PROBES` places in the room: its own bucket, and then those that differ in one bit.
    """
    starts, ends, total = room.starts, room.ends, 0
    for slot in range(SLOTS):
        bits = allowed(slot, radius)
        value = slot_of(query, slot)
        for probe in range(PROBES):
            bucket = value if probe == 0 else value ^ (1 << (probe - 1))
            asked = bits == 1 or (bits == 0 and probe == 0)
            start = offsets[slot, bucket]
            end = offsets[slot, bucket + 1] if asked else start
            starts[slot * PROBES + probe], ends[slot * PROBES + probe] = start, end
            total += signed(end) - signed(start)
    return total


@inner
def found_before(codes: Words, code: int, query: Words, slot: int, radius: int) -> bool:
    """Whether a code lies in a bucket of an earlier slot of the query, and so was offered already."""
    for earlier in range(slot):
        bits = popcount(np.uint64(slot_of(codes[code], earlier) ^ slot_of(query, earlier)))
        if signed(bits) <= allowed(earlier, radius):
            return True
    return False


@inner
def id_at(postings: NDArray[np.uint8], width: int, slot: int, place: int) -> int:
    """A code's number, stored in `width` (3 or 4) bytes, least significant first."""
    at = place * width
    number = signed(postings[slot, at]) | signed(postings[slot, at + 1]) << 8 | signed(postings[slot, at + 2]) << 16
    return number if width == 3 else number | signed(postings[slot, at + 3]) << 24  # noqa: PLR2004 - see the docstring


@inner
def prefetch_buckets(slots: Slots, slot: int, starts: Ids, ends: Ids) -> None:
    """Begin to fetch what a slot's buckets list."""
    line = slot * slots.postings.shape[1]
    for probe in range(slot * PROBES, (slot + 1) * PROBES):
        first, last = line + signed(starts[probe]) * slots.width, line + signed(ends[probe]) * slots.width
        for at in range(first, last, LINE_BYTES):
            prefetch(slots.postings, at)


@inner
def compare(  # noqa: PLR0913, PLR0917 - what is compared with what
    entries: Entries, waiting: Ids, count: int, queries: Words, number: int, slot: int, radius: int, hits: Hits
) -> None:
    """Compare a query with the first `count` codes that wait; those of an earlier slot's buckets were offered there."""
    query, reach = queries[number], reach_of(radius, hits, number)
    for at in range(count):
        code = signed(waiting[at])
        distance = differing(entries.codes, code, query, reach)
        if distance <= reach and not found_before(entries.codes, code, query, slot, radius):
            offer_code(entries, code, distance, hits, number)
            reach = reach_of(radius, hits, number)


@inner
def search_query(
    entries: Entries, slots: Slots, queries: Words, number: int, radius: int, hits: Hits, room: Room
) -> None:
    """Search one query in its buckets. Codes lie scattered: each is fetched a while before it is compared."""
    starts, ends, waiting = room.starts, room.ends, room.waiting
    prefetch_buckets(slots, 0, starts, ends)
    for slot in range(SLOTS):
        if slot + 1 < SLOTS:
            prefetch_buckets(slots, slot + 1, starts, ends)
        count = 0
        for probe in range(slot * PROBES, (slot + 1) * PROBES):
            for place in range(signed(starts[probe]), signed(ends[probe])):
                code = id_at(slots.postings, slots.width, slot, place)
                prefetch(entries.codes, code * WORDS)
                waiting[count] = code
                count += 1
                if count == len(waiting):
                    compare(entries, waiting, count, queries, number, slot, radius, hits)
                    count = 0
        compare(entries, waiting, count, queries, number, slot, radius, hits)


@entry
def search(entries: Entries, slots: Slots, queries: Words, radius: int, most: int, hits: Hits) -> None:
    """Search every query within `radius` (0 to 31) bits, in all codes if its buckets hold more than `most` of them."""
    room = Room(np.empty(SLOTS * PROBES, np.uint32), np.empty(SLOTS * PROBES, np.uint32), np.empty(WAITING, np.uint32))
    for query in range(len(queries)):
        if find_buckets(slots.offsets, queries[query], radius, room) > most:
            scan_codes(entries, queries, query, query, radius, hits)
        else:
            search_query(entries, slots, queries, query, radius, hits, room)


@entry
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
