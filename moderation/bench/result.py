"""What a benchmark ends with: one line of JSON whose keys are relied on."""

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class BenchResult:
    """`figures` are our own numbers, `peers` what else was measured in the same run, `targets` the design's bars.

    A target is (figure, ">=" or "<=", bar); `ok` is true when all are reached.
    """

    bench: str
    figures: Mapping[str, float]
    peers: Mapping[str, float] = field(default_factory=dict)
    targets: tuple[tuple[str, str, float], ...] = ()

    @property
    def missed(self) -> list[str]:
        """The targets that were not reached, in words; a figure that was not measured reaches nothing."""
        return [
            f"{name} is {self.figures[name]:.3g}, wanted {sign} {bar:g}"
            if name in self.figures
            else f"{name} was not measured, wanted {sign} {bar:g}"
            for name, sign, bar in self.targets
            if not self._reaches(name, sign, bar)
        ]

    def _reaches(self, name: str, sign: str, bar: float) -> bool:
        found = self.figures.get(name, math.nan)
        return found >= bar if sign == ">=" else found <= bar

    def document(self) -> dict[str, object]:
        """The closing line's object."""
        return {
            "bench": self.bench,
            "figures": {name: round(value, 6) for name, value in self.figures.items()},
            "peers": {name: round(value, 6) for name, value in self.peers.items()},
            "machine": machine(),
            "ok": not self.missed,
        }


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {"cpus": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}
