"""Torch modules as ONNX graphs: exported with a free batch size, and quantised to int8."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.row_wise import row_wise
from moderation.signals.engine.source import ModuleSource

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 20
RECIPE = "3"
"""Part of every kept export's key: change it whenever this module makes another graph of the same module."""
QUANTISED = ("MatMul", "Gemm")
NOISY = ("torch.onnx", "onnxscript", "onnx_ir", "onnxruntime.quantization")


def wrapped(module: "nn.Module", source: ModuleSource) -> "nn.Module":
    """A module that takes the inputs in the example's order and returns the wanted outputs as a tuple."""
    import torch  # noqa: PLC0415 - heavy

    class Wrapped(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *arrays: "Tensor") -> tuple["Tensor", ...]:
            found = self.inner(**dict(zip(source.example, arrays, strict=True)))
            return tuple(_output(found, name) for name in source.outputs)

    return Wrapped().eval()


def _output(found: object, name: str) -> "Tensor":
    """One output of what a transformers module returns: an attribute, or a key."""
    value = found[name] if isinstance(found, dict) else getattr(found, name, None)
    if value is None:
        raise InferenceError(f"The module has no output {name!r}.")
    return value  # type: ignore[no-any-return]


def exported(module: "nn.Module", source: ModuleSource) -> bytes:
    """The module as an ONNX model in float32, batch and lengths free. Raises `InferenceError`."""
    import torch  # noqa: PLC0415 - heavy

    batch, length = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("length", min=2, max=source.max_length)
    shapes = tuple({0: batch, 1: length} if name in source.lengths else {0: batch} for name in source.example)
    arrays = tuple(torch.tensor(array) for array in source.example.values())
    with _quietly(), tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "model.onnx"
        try:
            program = torch.onnx.export(
                wrapped(module, source),
                arrays,
                dynamo=True,
                opset_version=OPSET,
                input_names=list(source.example),
                output_names=list(source.outputs),
                dynamic_shapes={"arrays": shapes},
                verbose=False,
            )
            assert program is not None
            program.save(path)
        except Exception as error:
            raise InferenceError(f"{source.name} cannot be exported to ONNX: {error}") from error
        return path.read_bytes()


def quantised(model: bytes) -> bytes:
    """The model with int8 weights, one scale per output channel, and activations quantised row by row as they come.

    Only matrix products with constant weights change. Raises `InferenceError`.
    """
    import onnx  # noqa: PLC0415 - heavy
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - heavy

    with _quietly(), tempfile.TemporaryDirectory(prefix="quantise-") as folder:
        path = Path(folder) / "int8.onnx"
        try:
            proto = onnx.load_model_from_string(model)
            # The quantiser transposes weights of `Gemm` and then stumbles over the shapes that the exporter recorded.
            del proto.graph.value_info[:]
            quantize_dynamic(
                proto, path, op_types_to_quantize=list(QUANTISED), per_channel=True, weight_type=QuantType.QInt8
            )
        except Exception as error:
            raise InferenceError(f"The model cannot be quantised: {error}") from error
        return row_wise(path.read_bytes())


class _OnlyErrors(logging.Filter):
    """On a logger it concerns what is logged there, and nothing that comes from the loggers below."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is an error."""
        return record.levelno >= logging.ERROR


@contextmanager
def _quietly() -> Iterator[None]:
    """Exporters warn of their own insides and log advice; what matters comes as an exception or as other scores.

    Some of it goes to the root logger itself, whose level all others inherit: that stays, for they log meanwhile.
    """
    loggers = [logging.getLogger(name) for name in NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    root, only_errors = logging.getLogger(), _OnlyErrors()
    root.addFilter(only_errors)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeFilter(only_errors)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
