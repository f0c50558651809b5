"""Which devices this machine has."""

import platform
from pathlib import Path

from moderation.domain.errors import UnavailableError
from moderation.signals.engine.options import Device, EngineOptions

DRIVER_FILES = ("/dev/nvidiactl", "/dev/dxg")
"""What a CUDA driver makes on Linux and on Windows' Linux: looked at first, so that `auto` need not import torch."""

CUDA_PROVIDER = "CUDAExecutionProvider"
"""ONNX Runtime's name of what runs on CUDA."""


def takes_cuda(options: EngineOptions) -> bool:
    """Whether to run on CUDA. Raises `UnavailableError` when it is named but absent: it is never replaced."""
    if options.device is Device.CPU:
        return False
    if options.device is Device.AUTO and not any(Path(file).exists() for file in DRIVER_FILES):
        return False
    import torch  # noqa: PLC0415 - heavy

    if torch.cuda.is_available():
        return True
    if options.device is Device.CUDA:
        raise UnavailableError(
            "A CUDA device is wanted, but torch finds none.", hint="Let MODERATION_DEVICE be `auto` or `cpu`."
        )
    return False


def onnx_takes_cuda(options: EngineOptions) -> bool:
    """The same for ONNX Runtime, of which most builds have no CUDA. Raises `UnavailableError` as `takes_cuda` does."""
    if options.device is Device.CPU:
        return False
    if options.device is Device.AUTO and not any(Path(file).exists() for file in DRIVER_FILES):
        return False
    import onnxruntime  # noqa: PLC0415 - heavy

    if CUDA_PROVIDER in onnxruntime.get_available_providers():
        return True
    if options.device is Device.CUDA:
        raise UnavailableError(
            "A CUDA device is wanted, but this ONNX Runtime has no CUDA provider.",
            hint="Install onnxruntime-gpu in place of onnxruntime, or let MODERATION_DEVICE be `auto` or `cpu`.",
        )
    return False


def processor() -> str:
    """The CPU's name, as far as the system tells; timings hold for one name only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "flags"))]
    return " ".join(names[:2]) or platform.processor() or platform.machine()
