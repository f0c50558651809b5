"""Torch modules on a CUDA device: bfloat16, compiled, one CUDA graph for each size of batch."""

import copy
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from moderation.signals.engine.buckets import Buckets
from moderation.signals.engine.engine import Engine
from moderation.signals.engine.export import wrapped
from moderation.signals.engine.inference import Array, InferenceError, Tensors, row_count
from moderation.signals.engine.memory import MEGABYTE, rows_within
from moderation.signals.engine.one_thread import OneThread
from moderation.signals.engine.options import Backend, Device, EngineOptions, Plan, Precision
from moderation.signals.engine.placement import INT8_HINT, INT8_ON_CUDA
from moderation.signals.engine.source import MAX_SCORE_CHANGE, ModuleSource

if TYPE_CHECKING:
    import torch

    Module = Callable[..., tuple[torch.Tensor, ...]]

RECORDING_CALLS = 3
"""The first call of a size compiles, the second warms up, the third is recorded."""
MAX_RECOMPILES = 256
"""Torch's own limit of 8 is less than the sizes of two models."""


def open_on_cuda(source: ModuleSource, options: EngineOptions) -> Engine:
    """The module on the device, compiled and warmed up for every size of batch, which takes minutes.

    bfloat16 unless float32 is wished for or bfloat16's scores differ by more than `MAX_SCORE_CHANGE`. Raises
    `InferenceError` when the module cannot be loaded, does not fit into `memory_mb`, or int8 is wished for.
    """
    if options.precision is Precision.INT8:
        raise InferenceError(INT8_ON_CUDA, hint=INT8_HINT)
    thread = OneThread(f"cuda-{source.name}")
    try:
        return thread.run(lambda: _opened(source, options, thread))
    except InferenceError:
        thread.close()
        raise
    except Exception as error:
        thread.close()
        raise InferenceError(f"{source.name} cannot run on the device: {error}") from error


def _opened(source: ModuleSource, options: EngineOptions, thread: OneThread) -> Engine:
    """Called in the thread that will run the module."""
    import torch  # noqa: PLC0415 - heavy

    module = wrapped(source.load(), source)
    plain = Call(copy.deepcopy(module).to("cuda"), source, torch.float32)
    precision, why = Precision.FLOAT32, "float32 is wished for"
    if options.precision is not Precision.FLOAT32:
        halved = Call(module.to("cuda", torch.bfloat16), source, torch.bfloat16)
        example = source.example
        change = float(np.max(np.abs(source.scores(halved(example)) - source.scores(plain(example)))))
        why = f"bfloat16 changes scores by {change:.3g}"
        if change <= MAX_SCORE_CHANGE:
            plain, precision = halved, Precision.BFLOAT16
        else:
            why = f"{why}, more than {MAX_SCORE_CHANGE:g}"
    rows = rows_within(options, _row_bytes(plain, source))
    torch._dynamo.config.recompile_limit = MAX_RECOMPILES  # noqa: SLF001 - documented under this name
    compiled: Module = torch.compile(plain.module, mode="reduce-overhead", dynamic=False)
    buckets = Buckets.of(source, rows)
    runner = CudaRunner(Call(compiled, source, plain.floats), buckets, thread, options.call_seconds)
    runner.warm_up(source)
    why = f"{why}; compiled for {', '.join(map(str, buckets.rows))} rows"
    return Engine(runner, Plan(Device.CUDA, precision, Backend.TORCH, rows, why))


def _row_bytes(call: "Call", source: ModuleSource) -> int:
    """What one row of the example takes on the device beside the weights, measured."""
    import torch  # noqa: PLC0415 - heavy

    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call({name: array[:1] for name, array in source.example.items()})
    return max(MEGABYTE, torch.cuda.max_memory_allocated() - before)


class Call:
    """One call of a module on the device: arrays in, arrays out. To be used from one thread."""

    def __init__(self, module: "Module", source: ModuleSource, floats: "torch.dtype") -> None:
        self.module = module
        self.floats = floats
        self._names, self._outputs = tuple(source.example), source.outputs
        self._pinned: dict[tuple[str, tuple[int, ...]], torch.Tensor] = {}

    def __call__(self, inputs: Tensors) -> dict[str, Array]:
        """Every output in float32. What comes back is a copy: the next call writes over what the graph gave."""
        import torch  # noqa: PLC0415 - heavy

        with torch.inference_mode():
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            found = self.module(*[self._on_device(name, inputs[name]) for name in self._names])
            return {name: value.float().cpu().numpy() for name, value in zip(self._outputs, found, strict=True)}

    def _on_device(self, name: str, array: Array) -> "torch.Tensor":
        """A copy on the device, through a pinned buffer that is kept for the next call of this size.

        The buffer may be written again once the answers were read back, which waits for everything before it.
        """
        import torch  # noqa: PLC0415 - heavy

        value = torch.tensor(array)
        if value.is_floating_point():
            value = value.to(self.floats)
        key = name, tuple(value.shape)
        if key not in self._pinned:
            self._pinned[key] = torch.empty_like(value, pin_memory=True)
        self._pinned[key].copy_(value)
        return self._pinned[key].to("cuda", non_blocking=True)


class CudaRunner:
    """A compiled module. Inputs are padded up to sizes that were compiled and recorded before."""

    def __init__(self, call: Call, buckets: Buckets, thread: OneThread, seconds: float) -> None:
        self._call: Call | None = call
        self._buckets = buckets
        self._thread = thread
        self._seconds = seconds

    def warm_up(self, source: ModuleSource) -> None:
        """Compile and record every size; called in the runner's own thread."""
        assert self._call is not None
        for rows, length in itertools.product(self._buckets.rows, self._buckets.lengths or (None,)):
            inputs = self._buckets.sized(source.example, rows, length)
            for _ in range(RECORDING_CALLS):
                self._call(inputs)

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """See `Runner.run`. Raises `InferenceTimeoutError` after `call_seconds`; the device goes on computing."""
        call = self._call
        assert call is not None
        rows, filled = row_count(inputs), self._buckets.padded(inputs)
        try:
            found = self._thread.run(lambda: call(filled), seconds=self._seconds)
        except InferenceError:
            raise
        except Exception as error:
            raise InferenceError(f"torch on CUDA: {error}") from error
        return {name: array[:rows] for name, array in found.items()}

    def close(self) -> None:
        """See `Runner.close`."""
        self._call = None
        self._thread.close()
