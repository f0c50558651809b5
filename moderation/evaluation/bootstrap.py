"""Percentile bootstrap for statistics that are functions of sums over units.

What each unit contributes is a row of numbers; a statistic reads only the sum of the rows. A round that draws units
with replacement is then one weighted sum, and units with equal rows need only one weight between them: how often n
draws fall on g equal units of n is multinomial with probability g/n, so 10,000 units of three ratings over five
labels shrink to some dozens of distinct rows without changing the distribution of a round.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Columns: TypeAlias = NDArray[np.float64]

Statistic: TypeAlias = Callable[[Columns], Columns]
"""From sums, shape (rounds, features), to values, shape (rounds,); NaN where a round has no value."""

MAX_WEIGHTS = 4_000_000
"""Weights held at once (32 MB)."""

MAX_DRAWN = 500_000
"""Of units that are drawn one by one: 4 MB, so that what is made of a block stays in the processor's cache."""

LEAST_DEFINED_SHARE = 0.9
"""Below this share of rounds with a value there is no interval: it would describe only the lucky draws.

Where a second label occurs in k of many units, a share of about exp(-k) of the rounds misses it: from k = 3 on there
is an interval.
"""


@dataclass(frozen=True, slots=True)
class Resampling:
    """How an interval is drawn: the number of rounds, its confidence (0 to 1, exclusive) and the generator's seed."""

    rounds: int = 1000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError for a resampling that cannot be done."""
        if self.rounds < 1:
            raise ValueError(f"{self.rounds} bootstrap rounds are too few.")
        if not 0 < self.confidence < 1:
            raise ValueError(f"The confidence {self.confidence} is not between 0 and 1.")


def percentile_interval(rows: Columns, statistic: Statistic, resampling: Resampling) -> tuple[float, float] | None:
    """The percentile interval of `statistic` when whole units are drawn with replacement.

    `rows` has shape (units, features), units ≥ 1. The same rows in any order, with the same resampling, give the
    same interval. Rounds without a value are left out; None when they are more than a tenth.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
    """
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    return interval_of(_round_values(distinct, counts, statistic, resampling), resampling)


def draws(units: int, resampling: Resampling) -> Iterator[Columns]:
    """How often each of `units` units falls into each round, in blocks of shape (rounds, units); every row sums to it.

    For statistics that are no function of sums, such as those of a ranking. Same resampling, same draws.
    """
    generator = np.random.default_rng(resampling.seed)
    step = max(1, MAX_DRAWN // max(1, units))
    for start in range(0, resampling.rounds, step):
        size = min(step, resampling.rounds - start)
        drawn = generator.integers(0, units, size=(size, units), dtype=np.int64)
        drawn += np.arange(size, dtype=np.int64)[:, np.newaxis] * units
        yield np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)


def interval_of(values: Columns, resampling: Resampling) -> tuple[float, float] | None:
    """The percentile interval of one value for each round, NaN where a round has none; None when those are many."""
    defined = values[np.isfinite(values)]
    if len(defined) < LEAST_DEFINED_SHARE * resampling.rounds:
        return None
    tail = (1 - resampling.confidence) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    return float(low), float(high)


def _round_values(distinct: Columns, counts: NDArray[np.intp], statistic: Statistic, resampling: Resampling) -> Columns:
    generator = np.random.default_rng(resampling.seed)
    units = int(counts.sum())
    step = max(1, MAX_WEIGHTS // len(distinct))
    values = []
    for start in range(0, resampling.rounds, step):
        size = min(step, resampling.rounds - start)
        weights = generator.multinomial(units, counts / units, size=size)
        values.append(statistic(weights.astype(np.float64) @ distinct))
    return np.concatenate(values)
