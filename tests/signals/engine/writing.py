"""What a second process writes into a folder of exports; it loads no torch."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moderation.domain.ids import Digest
from moderation.signals.engine.exports import Exports
from moderation.signals.engine.options import Precision
from moderation.signals.engine.source import ModuleSource

if TYPE_CHECKING:
    from torch import nn

TURNS = 20


def written_source() -> ModuleSource:
    return ModuleSource("written", Digest("5" * 64), _never, {"x": np.zeros((2, 2))})


def _never() -> "nn.Module":
    raise AssertionError("loaded")


def write_often(folder: Path, number: int) -> None:
    """Write other bytes each time; what is read under the lock is what was written under it."""
    kept = Exports(folder, written_source())
    for turn in range(TURNS):
        data = f"{number} {turn}".encode() * 10_000
        with kept.locked():
            kept.write(Precision.INT8, data)
            if kept.read(Precision.INT8) != data:
                raise AssertionError("another process wrote in between")
