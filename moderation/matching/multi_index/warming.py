"""Compiling the kernels before they are needed, and seeing that they compute what they should."""

import io
from pathlib import Path

import numpy as np

from moderation.domain.errors import UnavailableError
from moderation.matching.multi_index.build import distinct
from moderation.matching.multi_index.file import IndexFile, write
from moderation.matching.multi_index.live import LiveIndex

ENTRIES = 4096
"""More than the kernels compare one by one."""
FLIPPED = ((0, 0), (16, 16), (31, 31), (50, 64))
"""How many bits (51 at most) the queries are away from entries, and the radius that they are searched with."""


def warm_up() -> None:
    """Compile every kernel or load it from the cache: up to 10 s, or 0.2 s. A lane does this before it claims posts.

    Raises `UnavailableError` when a search does not find what it should.
    """
    codes = np.random.default_rng(1).integers(0, 256, (ENTRIES, 32), dtype=np.uint8)
    file = io.BytesIO()
    write(file, distinct(codes[:-1], np.arange(1, ENTRIES)), ENTRIES)
    live = LiveIndex(IndexFile.of(file.getvalue(), Path("warm-up")))
    live.add([ENTRIES], codes[-1:])
    live.remove([2])
    for bits, radius in FLIPPED:
        flips = np.zeros(256, dtype=np.uint8)
        flips[: 5 * bits : 5] = 1
        queries = codes[[0, 1, -1]] ^ np.packbits(flips)
        found = live.search(queries, radius)
        if found.keys.tolist() != [1, ENTRIES] or found.queries.tolist() != [0, 2]:
            raise UnavailableError(
                "The compiled index does not find what it should.", hint="Empty Numba's cache folder, and start again."
            )
