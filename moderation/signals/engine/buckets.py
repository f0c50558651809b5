"""Fixed sizes for batches and lengths: compiled graphs are made once for each, and inputs are padded up to them."""

from collections.abc import Sequence

import numpy as np

from moderation.signals.engine.inference import Array, Tensors

LENGTHS = (16, 32, 64, 128, 256, 512)


def batch_sizes(most: int) -> tuple[int, ...]:
    """Powers of two below `most`, then `most` itself."""
    powers = tuple(1 << exponent for exponent in range(most.bit_length()) if 1 << exponent < most)
    return (*powers, most)


def bucket(size: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds `size`; `size` itself when none does."""
    return next((found for found in buckets if found >= size), size)


def padded(inputs: Tensors, rows: int, lengths: frozenset[str]) -> dict[str, Array]:
    """Inputs with `rows` rows, the last one repeated, and axis 1 of `lengths` filled with zeros up to a bucket."""
    return {name: _with_rows(_with_length(array) if name in lengths else array, rows) for name, array in inputs.items()}


def _with_rows(array: Array, rows: int) -> Array:
    missing = rows - array.shape[0]
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing > 0 else array


def _with_length(array: Array) -> Array:
    missing = bucket(array.shape[1], LENGTHS) - array.shape[1]
    widths = [(0, missing) if axis == 1 else (0, 0) for axis in range(array.ndim)]
    return np.pad(array, widths) if missing > 0 else array
