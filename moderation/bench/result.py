"""What a benchmark ends with: one line of JSON whose keys are relied on."""

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
        """The targets that were not reached, in words."""
        return [
            f"{name} is {self.figures[name]:.3g}, wanted {sign} {bar:g}"
            for name, sign, bar in self.targets
            if not (self.figures[name] >= bar if sign == ">=" else self.figures[name] <= bar)
        ]

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
