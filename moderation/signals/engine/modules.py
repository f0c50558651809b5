"""Torch modules, opened the way that is fastest here: int8 or float32 in ONNX Runtime or torch, bfloat16 on CUDA."""

from pathlib import Path

from moderation.signals.engine.engine import Engine
from moderation.signals.engine.options import EngineOptions
from moderation.signals.engine.source import ModuleSource


def open_module(source: ModuleSource, options: EngineOptions, *, exports: Path | None = None) -> Engine:
    """The module, ready to run; `exports` is the folder where exports are kept, None: nothing is kept.

    Raises `UnavailableError` when the wanted device or precision is not there, and `InferenceError` when the module
    cannot be loaded.
    """
    raise NotImplementedError
