"""Collecting the nearest hits of each query, in bounded memory."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from moderation.matching.index import Found
from moderation.matching.multi_index import compiled
from moderation.matching.multi_index.layout import Hits

MOST_CELLS = 1 << 22
"""Hits for which there is room at once (40 MB); larger batches are searched in parts."""
MAX_BITS = 256


def check_search(radius: int, limit: int) -> None:
    """Raise `ValueError` for a radius or limit that makes no sense."""
    if not 0 <= radius <= MAX_BITS:
        raise ValueError(f"a radius is 0 to {MAX_BITS} bits, not {radius}")
    if limit < 1:
        raise ValueError(f"a limit is at least 1, not {limit}")


def in_parts(
    queries: NDArray[np.uint64], limit: int, entries: int, collect: Callable[[NDArray[np.uint64], Hits], None]
) -> Found:
    """Let `collect` offer hits for the queries, part by part where there are many; `entries` bounds the hits of one."""
    limit = max(1, min(limit, entries))
    step = max(1, MOST_CELLS // limit)
    parts = []
    for start in range(0, max(1, len(queries)), step):
        part = queries[start : start + step]
        hits = _room(len(part), limit)
        collect(part, hits)
        parts.append((start, _found(hits)))
    if len(parts) == 1:
        return parts[0][1]
    return Found(
        np.concatenate([found.queries + np.int32(start) for start, found in parts]),
        np.concatenate([found.keys for _, found in parts]),
        np.concatenate([found.distances for _, found in parts]),
        np.concatenate([found.capped for _, found in parts]),
    )


def _room(queries: int, limit: int) -> Hits:
    return Hits(
        np.empty((queries, limit), dtype=np.uint16),
        np.empty((queries, limit), dtype=np.int64),
        np.zeros(queries, dtype=np.int64),
        np.zeros(queries, dtype=np.bool_),
    )


def _found(hits: Hits) -> Found:
    compiled.sort_hits(hits)
    if len(hits.sizes) == 1:  # 3 of the 60 microseconds that one query among a million takes
        size = int(hits.sizes[0])
        return Found(np.zeros(size, dtype=np.int32), hits.keys[0, :size], hits.distances[0, :size], hits.capped)
    kept = np.arange(hits.keys.shape[1]) < hits.sizes[:, np.newaxis]
    queries = np.repeat(np.arange(len(hits.sizes), dtype=np.int32), hits.sizes)
    return Found(queries, hits.keys[kept], hits.distances[kept], hits.capped)
