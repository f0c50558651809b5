"""The kernels, imported when they are first needed.

Numba keeps machine code beside the source where that folder can be written, else in the user's cache folder
(`~/.cache/numba`), or where NUMBA_CACHE_DIR says; where none can be written, or others can write there too
(`compiling.is_safe`), each process compiles anew, which takes some seconds. Its files are renamed into place, so that
processes can compile at the same time.
"""

import numpy as np
from numpy.typing import NDArray

from moderation.matching.multi_index.layout import BUCKETS, MAX_INDEXED_RADIUS, Arrays, Hits, Rows

FEW_CODES = 2048
"""Up to this many codes are compared one by one: that is quicker than 272 buckets."""
FLAT_SHARE = 1 / 6
"""A query whose buckets hold more than this part of all codes is compared with all: a bucket's codes lie scattered."""


def search_arrays(
    arrays: Arrays, removed: NDArray[np.int64], queries: NDArray[np.uint64], radius: int, hits: Hits
) -> None:
    """Offer every key of `arrays` within `radius` bits that is not in `removed` (ascending)."""
    from moderation.matching.multi_index import kernels  # noqa: PLC0415 - brings Numba

    entries = arrays.entries(removed)
    if radius > MAX_INDEXED_RADIUS or len(arrays.codes) <= FEW_CODES:
        kernels.scan_codes(entries, queries, 0, len(queries) - 1, radius, hits)
    else:
        kernels.search(entries, arrays.slots, queries, radius, int(len(arrays.codes) * FLAT_SHARE), hits)


def scan_rows(rows: Rows, queries: NDArray[np.uint64], radius: int, hits: Hits) -> None:
    """Offer the keys of the rows that are alive and within `radius` bits."""
    from moderation.matching.multi_index import kernels  # noqa: PLC0415 - brings Numba

    kernels.scan_rows(rows, queries, radius, hits)


def sort_hits(hits: Hits) -> None:
    """Put each query's hits in order: nearest first, then by key."""
    from moderation.matching.multi_index import kernels  # noqa: PLC0415 - brings Numba

    kernels.order(hits)


def sorted_slot(codes: NDArray[np.uint64], slot: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Where each bucket of a slot starts (65,537), and the codes' numbers by bucket, ascending within one."""
    from moderation.matching.multi_index import kernels  # noqa: PLC0415 - brings Numba

    offsets = np.empty(BUCKETS + 1, dtype=np.uint32)
    ids = np.empty(len(codes), dtype=np.uint32)
    kernels.sort_slot(codes, slot, offsets, ids)
    return offsets, ids
