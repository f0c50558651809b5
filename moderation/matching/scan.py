"""The obvious index: compare with everything. Fast enough for small banks, and the oracle for faster ones."""

import numpy as np
from numpy.typing import NDArray

from moderation.matching.index import Neighbour
from moderation.matching.multi_index.layout import WORDS, words_of

CHUNK_PAIRS = 1 << 18
"""Query-entry pairs compared at once: about 10 MB of working memory."""


class ExactScan:
    """Implements `HashIndex` over codes of shape (n, 32), which are copied.

    `chunk_pairs` bounds the working memory: about 40 bytes for each.
    """

    def __init__(self, codes: NDArray[np.uint8], *, chunk_pairs: int = CHUNK_PAIRS) -> None:
        self._words = words_of(codes)
        self._chunk_pairs = chunk_pairs

    def __len__(self) -> int:
        """How many entries it holds."""
        return len(self._words)

    def search(self, codes: NDArray[np.uint8], radius: int) -> list[list[Neighbour]]:
        """See `HashIndex.search`."""
        queries = words_of(codes)
        found: list[list[Neighbour]] = [[] for _ in queries]
        if not len(queries):
            return found
        step = max(1, self._chunk_pairs // len(queries))
        for start in range(0, len(self._words), step):
            distances = _distances(queries, self._words[start : start + step])
            for query, position in np.argwhere(distances <= radius):
                found[query].append(Neighbour(start + int(position), int(distances[query, position])))
        for neighbours in found:
            neighbours.sort(key=lambda neighbour: (neighbour.distance_bits, neighbour.position))
        return found


def _distances(queries: NDArray[np.uint64], entries: NDArray[np.uint64]) -> NDArray[np.uint16]:
    total = np.zeros((len(queries), len(entries)), dtype=np.uint16)
    for word in range(WORDS):
        total += np.bitwise_count(queries[:, word, np.newaxis] ^ entries[np.newaxis, :, word])
    return total
