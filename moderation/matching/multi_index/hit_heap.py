"""Compiled like the kernels: a query's hits as a max-heap of (distance, key) pairs, the farthest at its top."""

import numpy as np
from numpy.typing import NDArray

from moderation.matching.multi_index.compiling import inner
from moderation.matching.multi_index.layout import Hits

Keys = NDArray[np.int64]
Distances = NDArray[np.uint16]


@inner
def farther(distance: int, key: int, than_distance: int, than_key: int) -> bool:
    """Whether the first pair comes after the second."""
    return distance > than_distance or (distance == than_distance and key > than_key)


@inner
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


@inner
def rise(distances: Distances, keys: Keys, at: int) -> None:
    """Bring the pair at `at`, the heap's newest, to its place."""
    while at > 0:
        parent = (at - 1) // 2
        if not farther(distances[at], keys[at], distances[parent], keys[parent]):
            return
        distances[at], distances[parent] = distances[parent], distances[at]
        keys[at], keys[parent] = keys[parent], keys[at]
        at = parent


@inner
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
