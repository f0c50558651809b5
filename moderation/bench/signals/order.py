"""What one process is asked to measure."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Order:
    """Measure `model` for `seconds` each contender, with models from the store in `models`; on CUDA if `cuda`."""

    model: str
    models: Path
    seconds: float
    cuda: bool = False
