"""The ways in which one module can run on the CPU, each checked against float32 torch before it may compete."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation.signals.engine.engine import Runner
from moderation.signals.engine.export import exported, quantised
from moderation.signals.engine.exports import Exports
from moderation.signals.engine.inference import InferenceError, Tensors, row_count
from moderation.signals.engine.onnx_session import open_runner
from moderation.signals.engine.options import Backend, Device, EngineOptions, Precision
from moderation.signals.engine.source import MAX_SCORE_CHANGE, ModuleSource
from moderation.signals.engine.torch_cpu import TorchRunner

if TYPE_CHECKING:
    from torch import nn

Way = tuple[Backend, Precision]

_WAYS = MappingProxyType(
    {
        Precision.FLOAT32: ((Backend.ONNXRUNTIME, Precision.FLOAT32), (Backend.TORCH, Precision.FLOAT32)),
        Precision.INT8: ((Backend.ONNXRUNTIME, Precision.INT8), (Backend.TORCH, Precision.INT8)),
        Precision.BFLOAT16: ((Backend.TORCH, Precision.BFLOAT16),),
    }
)
WAYS: Mapping[Precision, tuple[Way, ...]] = MappingProxyType(
    {**_WAYS, Precision.AUTO: (*_WAYS[Precision.INT8], *_WAYS[Precision.FLOAT32])}
)
"""What competes for each wanted precision."""
MAX_EXPORT_CHANGE = 1e-3
"""An export in the same precision must compute the same; more than rounding is a wrong export."""
ROUNDS = 3
MEASURING_SECONDS = 15.0
"""No further round of timing starts after this."""


@dataclass(slots=True)
class Contenders:
    """Opens one module's ways of running; the module is loaded once, when a way first needs it."""

    source: ModuleSource
    options: EngineOptions
    exports: Exports
    refused: dict[Way, str] = field(default_factory=dict)
    _module: "nn.Module | None" = None

    def open(self, way: Way) -> Runner:
        """One way, not yet checked. Raises `InferenceError`."""
        backend, precision = way
        if backend is Backend.TORCH:
            return TorchRunner(self.module(), self.source, self.options, precision)
        return open_runner(self.graph(precision), replace(self.options, device=Device.CPU), self.source.outputs)[0]

    def checked(self, ways: Sequence[Way]) -> dict[Way, Runner]:
        """Those of `ways` that work and score as float32 torch does; why the others do not is in `refused`."""
        reference = self._scores(self.open((Backend.TORCH, Precision.FLOAT32)))
        found: dict[Way, Runner] = {}
        for way in ways:
            try:
                runner = self.open(way)
                change = float(np.max(np.abs(self._scores(runner) - reference)))
            except InferenceError as error:
                self.refused[way] = error.message
                continue
            allowed = MAX_EXPORT_CHANGE if way[1] is Precision.FLOAT32 else MAX_SCORE_CHANGE
            if change <= allowed:
                found[way] = runner
            else:
                self.refused[way] = f"its scores differ by {change:.3g}, more than {allowed:g}"
        return found

    def graph(self, precision: Precision) -> bytes:
        """The kept export, or a new one that is then kept. Raises `InferenceError`."""
        kept = self.exports.read(precision)
        if kept is not None:
            return kept
        if precision is Precision.FLOAT32:
            made = exported(self.module(), self.source)
        else:
            made = quantised(self.graph(Precision.FLOAT32))
        self.exports.write(precision, made)
        return made

    def module(self) -> "nn.Module":
        """The module in float32. Raises `InferenceError` when it cannot be loaded."""
        if self._module is None:
            try:
                self._module = self.source.load().eval()
            except Exception as error:
                raise InferenceError(f"{self.source.name} cannot be loaded: {error}") from error
        return self._module

    def _scores(self, runner: Runner) -> NDArray[np.float32]:
        return self.source.scores(runner.run(self.source.example))


def rates(runs: Mapping[Way, Callable[[Tensors], object]], example: Tensors) -> dict[Way, float]:
    """Rows a second of each, all in turns, by the median; one call before the first counted one."""
    seconds: dict[Way, list[float]] = {way: [] for way in runs}
    for run in runs.values():
        run(example)
    end = time.perf_counter() + MEASURING_SECONDS
    for _ in range(ROUNDS):
        for way, run in runs.items():
            begin = time.perf_counter()
            run(example)
            seconds[way].append(time.perf_counter() - begin)
        if time.perf_counter() > end:
            break
    return {way: row_count(example) / median(found) for way, found in seconds.items()}
