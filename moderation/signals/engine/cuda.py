"""Torch modules on a CUDA device: bfloat16, compiled, one CUDA graph for each size of batch."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from moderation.signals.engine.buckets import batch_sizes, bucket, padded
from moderation.signals.engine.engine import Engine
from moderation.signals.engine.export import wrapped
from moderation.signals.engine.inference import Array, InferenceError, Tensors, row_count
from moderation.signals.engine.memory import MEGABYTE, rows_within
from moderation.signals.engine.options import Backend, Device, EngineOptions, Plan, Precision
from moderation.signals.engine.source import MAX_SCORE_CHANGE, ModuleSource

if TYPE_CHECKING:
    import torch


def open_on_cuda(source: ModuleSource, options: EngineOptions) -> Engine:
    """The module on the device, compiled and warmed up for every size of batch.

    bfloat16 unless float32 is wished for or bfloat16's scores differ by more than `MAX_SCORE_CHANGE`. Raises
    `InferenceError` when the module cannot be loaded, does not fit into `memory_mb`, or int8 is wished for.
    """
    import torch  # noqa: PLC0415 - heavy

    if options.precision is Precision.INT8:
        raise InferenceError("int8 runs on the CPU only.", hint="Let the precision be `auto` or `bfloat16`.")
    try:
        module = wrapped(source.load(), source).to("cuda")
    except Exception as error:
        raise InferenceError(f"{source.name} cannot be loaded on the device: {error}") from error
    plain = CudaRunner(module, source, torch.float32, ())
    reference = source.scores(plain.run(source.example))
    precision, why = Precision.FLOAT32, "float32 is wished for"
    if options.precision is not Precision.FLOAT32:
        halved = CudaRunner(wrapped(source.load(), source).to("cuda", torch.bfloat16), source, torch.bfloat16, ())
        change = float(np.max(np.abs(source.scores(halved.run(source.example)) - reference)))
        precision, why = Precision.BFLOAT16, f"bfloat16 changes scores by {change:.3g}"
        if change > MAX_SCORE_CHANGE:
            precision, why = Precision.FLOAT32, f"{why}, more than {MAX_SCORE_CHANGE:g}"
        else:
            plain = halved
    rows = rows_within(options, _row_bytes(plain, source))
    compiled = torch.compile(plain.module, mode="reduce-overhead", dynamic=False, fullgraph=False)
    runner = CudaRunner(compiled, source, plain.floats, batch_sizes(rows))
    runner.warm_up(source.example)
    return Engine(runner, Plan(Device.CUDA, precision, Backend.TORCH, rows, f"{why}; compiled for {runner.sizes} rows"))


def _row_bytes(runner: "CudaRunner", source: ModuleSource) -> int:
    """What one row of the example takes on the device beside the weights, measured."""
    import torch  # noqa: PLC0415 - heavy

    row = {name: array[:1] for name, array in source.example.items()}
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    runner.run(row)
    return max(MEGABYTE, torch.cuda.max_memory_allocated() - before)


class CudaRunner:
    """A module on the device. Inputs go through pinned memory; calls wait for each other.

    With `sizes`, inputs are padded up to the next of them, so that each is compiled and recorded once. A call that is
    under way cannot be stopped.
    """

    def __init__(
        self,
        module: "Callable[..., tuple[torch.Tensor, ...]]",
        source: ModuleSource,
        floats: "torch.dtype",
        sizes: tuple[int, ...],
    ) -> None:
        self.module = module
        self.floats = floats
        self.sizes = sizes
        self._names, self._outputs, self._lengths = tuple(source.example), source.outputs, source.lengths
        self._pinned: dict[tuple[str, tuple[int, ...]], torch.Tensor] = {}
        self._turn = threading.Lock()

    def warm_up(self, example: Tensors) -> None:
        """Compile and record every size: the first call compiles, the next ones record. Raises `InferenceError`."""
        for rows in self.sizes:
            inputs = {name: np.resize(array, (rows, *array.shape[1:])) for name, array in example.items()}
            for _ in range(3):
                self.run(inputs)

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """See `Runner.run`."""
        import torch  # noqa: PLC0415 - heavy

        rows = row_count(inputs)
        filled = padded(inputs, bucket(rows, self.sizes), self._lengths) if self.sizes else inputs
        try:
            with self._turn, torch.inference_mode():
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
                found = self.module(*[self._on_device(name, filled[name]) for name in self._names])
                answers = [value[:rows].float().cpu().numpy() for value in found]
        except Exception as error:
            raise InferenceError(f"torch on CUDA: {error}") from error
        return dict(zip(self._outputs, answers, strict=True))

    def close(self) -> None:
        """See `Runner.close`."""
        import torch  # noqa: PLC0415 - heavy

        del self.module
        self._pinned.clear()
        torch.cuda.empty_cache()

    def _on_device(self, name: str, array: Array) -> "torch.Tensor":
        """A copy on the device, through a pinned buffer that is kept for the next call of this size.

        The buffer may be written again once the answers were read back, which waits for everything before it.
        """
        import torch  # noqa: PLC0415 - heavy

        value = torch.tensor(array)
        if value.is_floating_point():
            value = value.to(self.floats)
        buffer = self._pinned.get((name, tuple(value.shape)))
        if buffer is None or buffer.dtype != value.dtype:
            buffer = self._pinned[name, tuple(value.shape)] = torch.empty_like(value, pin_memory=True)
        buffer.copy_(value)
        return buffer.to("cuda", non_blocking=True)
