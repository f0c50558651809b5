"""Fixed sizes for batches and lengths: compiled graphs are made once for each, and inputs are padded up to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from moderation.signals.engine.inference import Array, Tensors, row_count
from moderation.signals.engine.source import ModuleSource

LENGTHS = (32, 128)
"""Few, since every one of them is compiled with every number of rows; the longest is the model's own."""
FEW_ROWS = 8
"""With lengths, the number of rows between one and the most."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The numbers of rows and, for the inputs named in `varying`, the lengths of axis 1, both ascending."""

    rows: tuple[int, ...]
    lengths: tuple[int, ...] = ()
    varying: frozenset[str] = frozenset()

    @classmethod
    def of(cls, source: ModuleSource, most: int) -> Self:
        """For at most `most` rows: powers of two, or with lengths one, a few and the most."""
        if not source.lengths:
            powers = tuple(1 << exponent for exponent in range(most.bit_length()) if 1 << exponent < most)
            return cls((*powers, most))
        lengths = tuple(length for length in LENGTHS if length < source.max_length)
        return cls(tuple(sorted({1, min(FEW_ROWS, most), most})), (*lengths, source.max_length), source.lengths)

    def padded(self, inputs: Tensors) -> dict[str, Array]:
        """Inputs with the next larger number of rows, the last one repeated, and the next larger length, in zeros."""
        rows = bucket(row_count(inputs), self.rows)
        return {name: _with_rows(self._with_length(name, array), rows) for name, array in inputs.items()}

    def sized(self, inputs: Tensors, rows: int, length: int | None) -> dict[str, Array]:
        """Inputs of exactly that size, made of the given ones."""
        found: dict[str, Array] = {}
        for name, array in inputs.items():
            cut = _with_length(array[:, :length], length) if length and name in self.varying else array
            found[name] = _with_rows(cut[:rows], rows)
        return found

    def _with_length(self, name: str, array: Array) -> Array:
        return _with_length(array, bucket(array.shape[1], self.lengths)) if name in self.varying else array


def bucket(size: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds `size`; `size` itself when none does."""
    return next((found for found in buckets if found >= size), size)


def _with_rows(array: Array, rows: int) -> Array:
    missing = rows - array.shape[0]
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing > 0 else array


def _with_length(array: Array, length: int) -> Array:
    widths = [(0, max(0, length - array.shape[1])) if axis == 1 else (0, 0) for axis in range(array.ndim)]
    return np.pad(array, widths)
