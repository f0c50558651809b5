"""How a model may run, and how it was decided that it runs."""

from dataclasses import dataclass
from enum import StrEnum

from moderation.domain.errors import InvalidInputError


class Device(StrEnum):
    """Where a model runs. `auto` takes a CUDA device when there is one, else the CPU."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """What a model computes in. `auto`: bfloat16 on CUDA; on the CPU whichever of the others measures fastest.

    Of an int8 model the weights and activations of matrix products are int8, the rest float32.
    """

    AUTO = "auto"
    FLOAT32 = "float32"
    INT8 = "int8"
    BFLOAT16 = "bfloat16"


class Backend(StrEnum):
    """Which library computes."""

    ONNXRUNTIME = "onnxruntime"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Limits and wishes for one model.

    Attributes:
        threads: Threads of one call on the CPU, at least 1.
        device: Where to run; a device that is named but absent is refused, never replaced.
        precision: What to compute in.
        max_batch: Rows computed at once, at least 1; larger calls are split.
        wait_ms: How long a `Batcher` keeps a request while it waits for others, at least 0.
        memory_mb: Megabytes that one call's intermediate values may take by estimate; larger calls are split.
        call_seconds: After this long a call is stopped (ONNX Runtime, between two nodes) or given up (`Batcher`).

    Raises `InvalidInputError` for a number outside its range.
    """

    threads: int = 1
    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    max_batch: int = 32
    wait_ms: float = 5.0
    memory_mb: int = 1024
    call_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        lows = {"threads": 1, "max_batch": 1, "wait_ms": 0, "memory_mb": 1}
        wrong = [f"{name} is under {low}" for name, low in lows.items() if not getattr(self, name) >= low]
        if not self.call_seconds > 0:
            wrong.append("call_seconds is not over 0")
        if wrong:
            raise InvalidInputError(f"The engine's options are not valid: {', '.join(wrong)}.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided for one model, and why, in words for an operator.

    `rows` is how many rows are computed at once, by `max_batch` and by memory. `precision` is never `auto`.
    """

    device: Device
    precision: Precision
    backend: Backend
    rows: int
    why: str
