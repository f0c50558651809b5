"""Torch modules that run in torch on the CPU."""

import copy
import threading
import warnings
from typing import TYPE_CHECKING

from moderation.signals.engine.export import wrapped
from moderation.signals.engine.inference import Array, InferenceError, Tensors
from moderation.signals.engine.options import EngineOptions, Precision
from moderation.signals.engine.source import ModuleSource

if TYPE_CHECKING:
    from torch import nn


class TorchRunner:
    """A module in torch. A call cannot be stopped here: the time limit of its signal is what bounds it.

    Torch has one number of threads for the whole process; the last module that was opened sets it.
    """

    def __init__(self, module: "nn.Module", source: ModuleSource, options: EngineOptions, precision: Precision) -> None:
        import torch  # noqa: PLC0415 - heavy

        torch.set_num_threads(options.threads)
        self._floats = torch.bfloat16 if precision is Precision.BFLOAT16 else torch.float32
        self._module = wrapped(in_precision(module, precision), source)
        self._inputs, self._outputs = tuple(source.example), source.outputs
        self._turn = threading.Lock()

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """See `Runner.run`."""
        import torch  # noqa: PLC0415 - heavy

        arrays = [torch.tensor(inputs[name]) for name in self._inputs]
        arrays = [array.to(self._floats) if array.is_floating_point() else array for array in arrays]
        try:
            with self._turn, torch.inference_mode():
                found = self._module(*arrays)
        except Exception as error:
            raise InferenceError(f"torch: {error}") from error
        return {name: value.float().numpy() for name, value in zip(self._outputs, found, strict=True)}

    def close(self) -> None:
        """See `Runner.close`."""
        del self._module


def in_precision(module: "nn.Module", precision: Precision) -> "nn.Module":
    """A copy of a float32 module in another precision. Raises `InferenceError` when this torch cannot.

    int8 is torch's dynamic quantisation of linear layers, which a later torch may lack, with a scale for each output
    channel: with one for each layer it is twice as fast, but moved a score of ViT-B/16 by 0.04, against 0.01.
    """
    import torch  # noqa: PLC0415 - heavy

    if precision is Precision.FLOAT32:
        return module
    if precision is Precision.BFLOAT16:
        return copy.deepcopy(module).to(torch.bfloat16)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantisation = torch.ao.quantization
            layers = {torch.nn.Linear: quantisation.per_channel_dynamic_qconfig}
            return quantisation.quantize_dynamic(module, layers)  # type: ignore[no-any-return, no-untyped-call]
    except Exception as error:
        raise InferenceError(f"This torch cannot quantise the module to int8: {error}") from error
