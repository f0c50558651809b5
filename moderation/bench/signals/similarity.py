"""`image_similarity` at its largest: a batch against 20,000 rejected pictures, beside a float32 product and floors."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from moderation.bench.signals.order import Order
from moderation.bench.signals.table import Line, Measured
from moderation.bench.signals.turns import Contender, timed
from moderation.domain.ids import Digest, PostId
from moderation.domain.rejected_picture import RejectedPicture
from moderation.domain.signal import Features
from moderation.signals.engine.options import Precision
from moderation.signals.image_similarity import ALIKE, MOST
from moderation.signals.int8_product import Int8Packer
from moderation.signals.known_pictures import KnownPictures, inverse_lengths

SIZE = 1_024
"""Values of OpenNSFW's features, which the shipped `image_nsfw` gives."""
BATCH = 64
MODEL = Digest("0" * 64)
CALLS = 9


def measure_similarity(order: Order) -> Measured:
    """Milliseconds for a batch, pictures a second, and what bounds them: operations, and reading every row once."""
    if order.cuda:
        return Measured((), {})
    rng = np.random.default_rng(0)
    rows = rng.integers(-20, 128, (MOST, SIZE)).astype(np.int8)
    asked = rng.integers(-20, 128, (BATCH, SIZE)).astype(np.int8)
    known = _known(rows)
    batch = [(PostId(f"asked-{number}"), Features(MODEL, values.tobytes())) for number, values in enumerate(asked)]
    operations = 2.0 * MOST * SIZE
    ours = Contender(
        "image_similarity", "int8", BATCH, lambda: known.nearest(batch, alike=ALIKE), operations, Precision.INT8
    )
    naive = Contender(
        "image_similarity", "float32", BATCH, _plain(rows, asked), operations, Precision.FLOAT32, naive=True
    )
    lines, _ = timed([ours, naive], seconds=order.seconds)
    more = {
        "image_similarity_cpu_ms": _milliseconds(ours.call, time.thread_time),
        "image_similarity_memory_floor_ms": _milliseconds(rows.reshape(-1).view(np.uint64).sum, time.perf_counter),
    }
    return Measured(tuple(lines), {**_figures(lines), **more})


def _known(rows: NDArray[np.int8]) -> KnownPictures:
    known = KnownPictures(SIZE, MOST, Int8Packer())
    for number, values in enumerate(rows):
        known.add(RejectedPicture(PostId(f"post-{number}"), Features(MODEL, values.tobytes())))
    known.settle()
    return known


def _plain(rows: NDArray[np.int8], asked: NDArray[np.int8]) -> Callable[[], object]:
    """What a reader would write first: unit vectors in float32 kept ready, one product, the largest of each column."""
    units = rows.astype(np.float32) * inverse_lengths(rows)[:, np.newaxis]
    queries = asked.astype(np.float32) * inverse_lengths(asked)[:, np.newaxis]

    def compare() -> object:
        cosines = units @ queries.T
        return cosines.argmax(axis=0), (cosines >= ALIKE).sum(axis=0)

    return compare


def _figures(lines: list[Line]) -> dict[str, float]:
    ours, plain = lines
    return {
        "image_similarity_batch_ms": BATCH / ours.per_s * 1e3,
        "image_similarity_floor_ms": BATCH / ours.floor_per_s * 1e3,
        "image_similarity_ratio_float32": ours.per_s / plain.per_s,
    }


def _milliseconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """The median of some calls; by the thread's own time, what other processes take away does not count."""
    times = []
    for _ in range(CALLS):
        begin = clock()
        call()
        times.append(clock() - begin)
    return median(times) * 1e3
