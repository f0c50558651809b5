"""What every loaded model is to its callers, whatever runs it: named arrays in, named arrays out, row by row."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.signals.engine.options import Plan

Array: TypeAlias = NDArray[Any]
Tensors: TypeAlias = Mapping[str, Array]
"""Arrays by name, the batch first: row i of every array belongs to request i."""


class InferenceError(UnavailableError):
    """A model could not be loaded, or did not answer as its graph says it does."""

    code = "inference_failed"


class InferenceTimeoutError(InferenceError):
    """A call took longer than it may."""

    code = "inference_timed_out"


class ClosedError(InferenceError):
    """The model was closed."""

    code = "inference_closed"


class Inference(Protocol):
    """A model that is ready to run. Safe to call from several threads."""

    @property
    def plan(self) -> Plan:
        """What was decided about it."""
        ...

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """Every output by name, one row per input row, in order.

        Raises `InvalidInputError` when inputs have no rows or different numbers of rows, `InferenceError` otherwise.
        """
        ...

    def close(self) -> None:
        """Let the memory go; a call that comes later raises `ClosedError`. May be called twice."""
        ...


def row_count(inputs: Tensors) -> int:
    """How many rows the arrays have. Raises `InvalidInputError` unless all have the same number, at least one."""
    counts = {name: array.shape[0] if array.ndim else 0 for name, array in inputs.items()}
    if len(set(counts.values())) != 1 or not min(counts.values()):
        raise InvalidInputError(f"The inputs of a model must have the same number of rows, at least one: {counts}.")
    return next(iter(counts.values()))
