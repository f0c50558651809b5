"""What a classifier said of labelled examples, and the figures that follow: per column, together, and by slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.metrics import (
    DEFAULT_RESAMPLING,
    Estimate,
    Judged,
    OperatingPoint,
    Probabilities,
    Ranking,
    Scores,
    decisions,
    probabilities,
    ranking,
    share,
)

ANY = "any"
SLICE_RESAMPLING = Resampling(rounds=400)


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of n examples by c columns.

    `labels` (n, c) are 1, 0 or NaN where unknown; `scores` (n, c) are 0 to 1; `thresholds` (n, c) are what each score
    is held at: infinite where a column says nothing about such an example. `slices` names, for each example, the
    slices it belongs to. `essential` are the columns that must be known to be 0 before an example counts as
    harmless altogether.
    """

    columns: tuple[str, ...]
    labels: Scores
    scores: Scores
    thresholds: Scores
    slices: tuple[tuple[str, ...], ...]
    essential: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for tables that do not belong together."""
        shape = (len(self.slices), len(self.columns))
        if not self.labels.shape == self.scores.shape == self.thresholds.shape == shape:
            raise ValueError(f"The tables do not have the shape {shape}.")

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each score reaches its threshold, shape (n, c)."""
        return self.scores >= self.thresholds

    @property
    def harmful(self) -> Scores:
        """1 where any label is 1, 0 where every essential label is known to be 0 and no other is 1, else NaN; (n,)."""
        essential = [self.columns.index(name) for name in self.essential]
        harmless = (self.labels[:, essential] == 0).all(axis=1)
        return np.where((self.labels == 1).any(axis=1), 1.0, np.where(harmless, 0.0, np.nan))

    def judged(self, column: int) -> Judged:
        """One column's examples with a known label, of those that it says something about."""
        asked = np.isfinite(self.thresholds[:, column])
        return Judged.of(self.labels[asked, column], self.scores[asked, column])

    def distinct_thresholds(self, column: int) -> list[float]:
        """What one column's examples are held from, each value once, in order: surfaces have their own."""
        thresholds = self.thresholds[:, column]
        return [float(value) for value in np.unique(thresholds[np.isfinite(thresholds)])]


@dataclass(frozen=True, slots=True)
class ColumnResult:
    """One column's figures. `threshold` is None where it differs between examples."""

    column: str
    threshold: float | None
    ranking: Ranking
    point: OperatingPoint
    probabilities: Probabilities


@dataclass(frozen=True, slots=True)
class Counts:
    """One column's known examples: how many there are, are harmful, were found, and are harmless but flagged."""

    known: int
    positives: int
    found: int
    alarms: int


@dataclass(frozen=True, slots=True)
class AnyResult:
    """All columns together: an example is flagged when any column flags it.

    `examples` are all; `harmful` and `harmless` those that are known to be. `worst` names the column that flags most;
    `by_column` counts each column by itself, where anything is known.
    """

    name: str
    examples: int
    harmful: int
    harmless: int
    flagged: Estimate
    recall: Estimate
    false_alarms: Estimate
    worst: str
    by_column: Mapping[str, Counts]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything measured on one set of examples; slices stand with others of their kind, what comes first in front."""

    columns: tuple[ColumnResult, ...]
    together: AnyResult
    slices: tuple[AnyResult, ...]


def evaluate(scored: Scored, resampling: Resampling = DEFAULT_RESAMPLING) -> Evaluation:
    """The figures of all columns, of all together, and of every slice."""
    everything = np.ones(len(scored.slices), np.bool_)
    members: dict[str, list[int]] = {}
    kinds: dict[str, int] = {}
    for row, names in enumerate(scored.slices):
        for name in names:
            members.setdefault(name, []).append(row)
            kinds.setdefault(name.partition(":")[0], len(kinds))
    return Evaluation(
        tuple(column_result(scored, column, resampling) for column in range(len(scored.columns))),
        any_result(scored, everything, ANY, resampling),
        tuple(
            any_result(scored, _mask(rows, len(everything)), name, SLICE_RESAMPLING)
            for name, rows in sorted(members.items(), key=lambda item: kinds[item[0].partition(":")[0]])
        ),
    )


def column_result(scored: Scored, column: int, resampling: Resampling) -> ColumnResult:
    """One column's figures over the examples with a known label."""
    judged = scored.judged(column)
    asked = np.isfinite(scored.thresholds[:, column]) & ~np.isnan(scored.labels[:, column])
    distinct = scored.distinct_thresholds(column)
    return ColumnResult(
        scored.columns[column],
        distinct[0] if len(distinct) == 1 else None,
        ranking(judged, resampling),
        decisions(judged.labels, scored.flagged[asked, column], resampling),
        probabilities(judged, resampling),
    )


def any_result(scored: Scored, chosen: NDArray[np.bool_], name: str, resampling: Resampling) -> AnyResult:
    """The figures of all columns together over the chosen examples (n,)."""
    flagged, harmful = scored.flagged[chosen], scored.harmful[chosen]
    alarmed = np.asarray(np.any(flagged, axis=1), np.bool_)
    counts = flagged.sum(axis=0)
    return AnyResult(
        name,
        len(alarmed),
        int((harmful == 1).sum()),
        int((harmful == 0).sum()),
        share(alarmed, resampling),
        share(alarmed[harmful == 1], resampling),
        share(alarmed[harmful == 0], resampling),
        scored.columns[int(counts.argmax())] if counts.any() else "",
        _counted(scored, chosen),
    )


def _counted(scored: Scored, chosen: NDArray[np.bool_]) -> dict[str, Counts]:
    labels, flagged = scored.labels[chosen], scored.flagged[chosen]
    harmful, harmless = labels == 1, labels == 0
    columns = (harmful | harmless, harmful, harmful & flagged, harmless & flagged)
    totals = np.stack([np.asarray(column.sum(axis=0)) for column in columns], axis=1)
    return {name: Counts(*row) for name, row in zip(scored.columns, totals.tolist(), strict=True) if row[0]}


def _mask(rows: Sequence[int], size: int) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[list(rows)] = True
    return mask
