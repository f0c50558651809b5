"""From values to places: axes whose ticks are numbers that people like."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from review_ui.console.charts.model import Unit, known

MINUTE, HOUR, DAY = 60, 3600, 86400
DURATION_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
MANTISSAS = (1, 2, 5, 10)
LARGEST = 1e300
"""Values beyond are drawn at the edge: differences must stay finite."""

FLAT = 1e-9
"""A range smaller than this share of its values is widened; it would be noise of the arithmetic."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high], low < high, to [start, end] on the drawing; values outside go to the nearer end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def drawable(value: float | None) -> float | None:
    """The value as it can be drawn: None where unknown, and within ±`LARGEST`."""
    given = known(value)
    return None if given is None else min(max(given, -LARGEST), LARGEST)


def ticks(values: Iterable[float], *, count: int, unit: Unit) -> tuple[float, ...]:
    """About `count` evenly spaced round numbers, at least 2, that enclose all values (at least one, drawable)."""
    given = list(values)
    low, high = _widened(min(given), max(given), unit)
    step = _step((high - low) / count, unit)
    first = math.floor(low / step + FLAT)
    last = max(math.ceil(high / step - FLAT), first + 1)
    return tuple(index * step for index in range(first, last + 1))


def _widened(low: float, high: float, unit: Unit) -> tuple[float, float]:
    if high - low > FLAT * max(abs(low), abs(high)) and high - low > 1 / LARGEST:
        return low, high
    if low == 0 or max(abs(low), abs(high)) <= 1 / LARGEST:
        return 0.0, 0.01 if unit is Unit.SHARE else 1.0
    return (low - abs(low) / 10, low + abs(low) / 10) if abs(low) < LARGEST / 2 else (min(low, 0), max(low, 0))


def _step(least: float, unit: Unit) -> float:
    """The smallest round step of at least `least`; whole for counts, and clock-like for durations."""
    if unit is Unit.COUNT and least < 1:
        return 1.0
    if unit is Unit.SECONDS and 1 < least <= DURATION_STEPS_S[-1]:
        return float(next(step for step in DURATION_STEPS_S if step >= least))
    base = DAY if unit is Unit.SECONDS and least > DAY else 1
    power = math.floor(math.log10(least / base))
    return float(base * next(m for m in MANTISSAS if m * 10.0**power * base >= least * (1 - FLAT)) * 10.0**power)
