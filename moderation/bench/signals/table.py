"""One line of the table: how often one way of running one model answers in a second."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`per_s` counts pictures or texts; `floor_per_s` is what the machine's peak allows at that precision, 0: unknown.

    `naive` marks what a reader would write first: a `transformers.pipeline`, one call after the other.
    """

    model: str
    way: str
    device: str
    batch: int
    per_s: float
    floor_per_s: float = 0.0
    naive: bool = False

    @property
    def key(self) -> str:
        """Its name among the figures."""
        device = "" if self.device == "cpu" else f"_{self.device}"
        return f"{self.model}_{self.way}{device}_b{self.batch}_per_s"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process measured: the table's lines, and figures that are no rates."""

    lines: tuple[Line, ...]
    figures: dict[str, float]
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """For `from_json`."""
        document = {"lines": [asdict(line) for line in self.lines], "figures": self.figures, "notes": self.notes}
        return json.dumps(document)

    @classmethod
    def from_json(cls, text: str) -> "Measured":
        """What `to_json` wrote."""
        document = json.loads(text)
        lines = tuple(Line(**line) for line in document["lines"])
        return cls(lines, dict(document["figures"]), tuple(document["notes"]))


def best(lines: Iterable[Line], model: str, way: str, device: str = "cpu") -> float:
    """The highest rate over the batch sizes of one way of running a model; 0 when it was not measured."""
    found = [line.per_s for line in lines if (line.model, line.way, line.device) == (model, way, device)]
    return max(found, default=0.0)


def at(lines: Iterable[Line], model: str, way: str, batch: int, device: str = "cpu") -> float:
    """The rate at one batch size; 0 when it was not measured."""
    wanted = (model, way, batch, device)
    return next((line.per_s for line in lines if (line.model, line.way, line.batch, line.device) == wanted), 0.0)
