"""A loaded model with its limits: checks what goes in and comes out, and splits large calls."""

import threading
from typing import Protocol

import numpy as np

from moderation.signals.engine.inference import Array, ClosedError, InferenceError, Tensors, row_count
from moderation.signals.engine.options import Plan


class Runner(Protocol):
    """What a backend must do: one call of at most `Plan.rows` rows, from any thread."""

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """Every output by name, one row per input row. Raises `InferenceError`."""
        ...

    def close(self) -> None:
        """Let the memory go; called once, when no call is under way."""
        ...


class Engine:
    """An `Inference` over any backend. A call under way when it is closed ends as it would have."""

    def __init__(self, runner: Runner, plan: Plan) -> None:
        self._runner: Runner | None = runner
        self._plan = plan
        self._calls = 0
        self._closed = False
        self._lock = threading.Lock()

    @property
    def plan(self) -> Plan:
        """See `Inference.plan`."""
        return self._plan

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """See `Inference.run`."""
        rows = row_count(inputs)
        runner = self._begin()
        try:
            starts = range(0, rows, self._plan.rows)
            parts = [_checked(runner, _rows(inputs, start, start + self._plan.rows)) for start in starts]
        finally:
            self._end()
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def close(self) -> None:
        """See `Inference.close`."""
        with self._lock:
            self._closed = True
            unused = self._calls == 0
        if unused:
            self._release()

    def _begin(self) -> Runner:
        with self._lock:
            if self._closed or self._runner is None:
                raise ClosedError("The model was closed.")
            self._calls += 1
            return self._runner

    def _end(self) -> None:
        with self._lock:
            self._calls -= 1
            last = self._closed and self._calls == 0
        if last:
            self._release()

    def _release(self) -> None:
        with self._lock:
            runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()


def _rows(inputs: Tensors, start: int, end: int) -> dict[str, Array]:
    return {name: array[start:end] for name, array in inputs.items()}


def _checked(runner: Runner, inputs: Tensors) -> dict[str, Array]:
    """A backend's answer, which must have one row for each that it was given."""
    rows = row_count(inputs)
    outputs = runner.run(inputs)
    wrong = [name for name, array in outputs.items() if array.ndim == 0 or array.shape[0] != rows]
    if wrong or not outputs:
        raise InferenceError(f"The model gave other than {rows} rows for {rows}: {', '.join(wrong) or 'no output'}.")
    return outputs
