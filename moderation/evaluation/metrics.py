"""How well scores tell harmful from harmless: ranking, decisions at a threshold and probabilities, with intervals.

Labels are 1, 0 or NaN: what nobody judged is unknown and left out, never taken for harmless. Intervals are percentile
bootstrap intervals over whole examples, with a fixed seed; they are widened to the estimate, which a skewed bootstrap
can miss. Where a figure is undefined (no positive example, nothing flagged) it is None, never 0 and never 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moderation.evaluation.bootstrap import Columns, Resampling, draws, interval_of, percentile_interval
from moderation.evaluation.proportion import wilson

Scores: TypeAlias = NDArray[np.float64]

BINS = 15
DEFAULT_RESAMPLING = Resampling()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its interval, which contains it; all None where undefined.

    `low` and `high` alone are None where too many resamplings are undefined.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Examples whose label is known: `labels` (n,) is true for harmful, `scores` (n,) are finite, higher is worse."""

    labels: NDArray[np.bool_]
    scores: Scores

    @classmethod
    def of(cls, labels: ArrayLike, scores: ArrayLike) -> "Judged":
        """Leave out the examples whose label is NaN.

        Raises ValueError for shapes that differ, a label that is not 0, 1 or NaN, and a score that is not finite.
        """
        given, values = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
        if given.shape != values.shape or given.ndim != 1:
            raise ValueError(f"Labels of shape {given.shape} do not belong to scores of shape {values.shape}.")
        if not np.isin(given[~np.isnan(given)], (0.0, 1.0)).all():
            raise ValueError("A label is not 0, 1 or NaN.")
        if not np.isfinite(values).all():
            raise ValueError("A score is not a finite number.")
        known = ~np.isnan(given)
        return cls(given[known] == 1, values[known])

    @property
    def positives(self) -> int:
        """How many are harmful."""
        return int(self.labels.sum())

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well the scores rank. `n` counts the examples with a known label."""

    n: int
    positives: int
    average_precision: Estimate
    auroc: Estimate


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What flagging some examples does.

    `false_alarms` is the share of harmless examples that are flagged, `flagged` the share of all.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: Estimate
    recall: Estimate
    false_alarms: Estimate
    f1: Estimate
    flagged: Estimate


@dataclass(frozen=True, slots=True)
class Probabilities:
    """How far scores can be read as probabilities: both errors are 0 at best and at most 1."""

    calibration_error: Estimate
    brier: Estimate


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Average precision, the step-wise area under the precision-recall curve; None without a positive example.

    `Σ (R_k - R_(k-1)) P_k` over the distinct scores from the highest down, with precision P_k and recall R_k of what
    scores at least that much. Equal scores enter together, so the order of ties cannot matter; nothing is
    interpolated, which would flatter.

    Source: Davis and Goadrich, "The relationship between precision-recall and ROC curves" (2006), for why no line is
    drawn between points; T. Fawcett, "An introduction to ROC analysis" (2006), for ties.
    """
    return _ranks(Judged.of(labels, scores))[0]


def auroc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """The probability that a harmful example outscores a harmless one, ties counting half; None without either.

    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 143 (1982).
    """
    return _ranks(Judged.of(labels, scores))[1]


def ranking(judged: Judged, resampling: Resampling = DEFAULT_RESAMPLING) -> Ranking:
    """Average precision and AUROC with intervals from the same resamplings."""
    values = _ranks(judged)
    if not judged.positives:
        return Ranking(len(judged), 0, Estimate(None), Estimate(None))
    measure = _ranking_of(judged)
    rounds = np.concatenate([measure(weights) for weights in draws(len(judged), resampling)], axis=1)
    precision, area = (_estimate(value, drawn, resampling) for value, drawn in zip(values, rounds, strict=True))
    return Ranking(len(judged), judged.positives, precision, area)


def operating_point(judged: Judged, threshold: float, resampling: Resampling = DEFAULT_RESAMPLING) -> OperatingPoint:
    """What flagging every example that scores at least `threshold` does; see `decisions`."""
    return decisions(judged.labels, judged.scores >= threshold, resampling)


def decisions(
    labels: NDArray[np.bool_], flagged: NDArray[np.bool_], resampling: Resampling = DEFAULT_RESAMPLING
) -> OperatingPoint:
    """Precision, recall, false alarms, F1 and the flagged share; `labels` (n,) are all known.

    Where a share is none or all of its examples every resampling gives the same, which would claim certainty:
    Wilson's interval stands there instead, and F1, which is no share, has none.
    """
    columns = (flagged & labels, flagged & ~labels, ~flagged & labels, ~flagged & ~labels)
    rows = np.column_stack(columns).astype(np.float64)
    hits, alarms, misses, calm = (int(column.sum()) for column in columns)
    return OperatingPoint(
        hits,
        alarms,
        misses,
        calm,
        precision=_share(rows, (0,), (0, 1), resampling),
        recall=_share(rows, (0,), (0, 2), resampling),
        false_alarms=_share(rows, (1,), (1, 3), resampling),
        f1=_f1(rows, resampling),
        flagged=_share(rows, (0, 1), (0, 1, 2, 3), resampling),
    )


def probabilities(judged: Judged, resampling: Resampling = DEFAULT_RESAMPLING, *, bins: int = BINS) -> Probabilities:
    """Expected calibration error over `bins` bins of equal width, and the Brier score.

    `Σ_b n_b / n · |mean label in b - mean score in b|`; the last bin includes 1. The interval of the calibration error
    lies high for few examples: each resampling adds its own noise.

    Sources: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (2015);
    G. W. Brier, "Verification of forecasts expressed in terms of probability" (1950).

    Raises ValueError when a score lies outside 0 to 1.
    """
    if len(judged) and not (judged.scores.min() >= 0 and judged.scores.max() <= 1):
        raise ValueError("A score is no probability.")
    squared = (judged.scores - judged.labels) ** 2
    gaps = np.zeros((len(judged), bins))
    place = np.minimum((judged.scores * bins).astype(np.intp), bins - 1)
    gaps[np.arange(len(judged)), place] = judged.labels - judged.scores
    return Probabilities(_mean_of(gaps, resampling), _mean_of(squared[:, np.newaxis], resampling))


def calibration_error(labels: ArrayLike, scores: ArrayLike, *, bins: int = BINS) -> float | None:
    """The expected calibration error alone; see `probabilities`. None without an example."""
    return probabilities(Judged.of(labels, scores), Resampling(rounds=1), bins=bins).calibration_error.value


def brier(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """The Brier score alone; see `probabilities`. None without an example."""
    return probabilities(Judged.of(labels, scores), Resampling(rounds=1)).brier.value


def share(chosen: NDArray[np.bool_], resampling: Resampling = DEFAULT_RESAMPLING) -> Estimate:
    """The share of `chosen` (n,) that is true, with its interval."""
    rows = np.column_stack((chosen, ~chosen)).astype(np.float64)
    return _share(rows, (0,), (0, 1), resampling)


def share_ratio(
    one: NDArray[np.bool_], other: NDArray[np.bool_], resampling: Resampling = DEFAULT_RESAMPLING
) -> Estimate:
    """How many of `one` (n,) are true for each true of `other`, drawn together: 0.9 is nine for every ten."""
    rows = np.column_stack((one, other)).astype(np.float64)
    if not other.any():
        return Estimate(None)
    drawn = percentile_interval(rows, lambda sums: _ratio(sums[:, 0], sums[:, 1]), resampling)
    return _widened(float(one.sum() / other.sum()), drawn)


def _ranks(judged: Judged) -> tuple[float | None, float | None]:
    if not len(judged):
        return None, None
    precision, area = _ranking_of(judged)(np.ones((1, len(judged))))[:, 0]
    return _number(precision), _number(area)


def _ranking_of(judged: Judged) -> Callable[[Columns], Columns]:
    """From weights of the examples, shape (rounds, n), to average precision and AUROC, shape (2, rounds)."""
    order = np.argsort(-judged.scores, kind="stable")
    scores, harmful = judged.scores[order], judged.labels[order].astype(np.float64)
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))

    def measure(weights: Columns) -> Columns:
        drawn = weights[:, order]
        hits = np.cumsum(drawn * harmful, axis=1)[:, ends]
        seen = np.cumsum(drawn, axis=1)[:, ends]
        gained = np.diff(hits, axis=1, prepend=0.0)
        positives, negatives = hits[:, -1], seen[:, -1] - hits[:, -1]
        precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
        alarms = seen - hits
        passed = negatives[:, np.newaxis] - alarms + np.diff(alarms, axis=1, prepend=0.0) / 2
        return np.stack(
            (
                _ratio((gained * precision).sum(axis=1), positives),
                _ratio((gained * passed).sum(axis=1), positives * negatives),
            )
        )

    return measure


def _share(rows: Columns, over: Sequence[int], under: Sequence[int], resampling: Resampling) -> Estimate:
    """The sum of the columns `over` by that of the columns `under`."""
    part, whole = (int(rows[:, list(columns)].sum()) for columns in (over, under))
    if not whole:
        return Estimate(None)
    if part in (0, whole):
        certain = wilson(part, whole, confidence=resampling.confidence)
        return Estimate(certain.value, certain.low, certain.high)
    drawn = percentile_interval(
        rows, lambda sums: _ratio(sums[:, list(over)].sum(axis=1), sums[:, list(under)].sum(axis=1)), resampling
    )
    return _widened(part / whole, drawn)


def _f1(rows: Columns, resampling: Resampling) -> Estimate:
    """`2 tp / (2 tp + fp + fn)`: the harmonic mean of precision and recall."""
    weights = np.array([2.0, 1.0, 1.0, 0.0])
    whole = float((rows @ weights).sum())
    if not whole:
        return Estimate(None)
    value = 2 * float(rows[:, 0].sum()) / whole
    if value in {0.0, 1.0}:
        return Estimate(value)
    drawn = percentile_interval(rows, lambda sums: _ratio(2 * sums[:, 0], sums @ weights), resampling)
    return _widened(value, drawn)


def _mean_of(columns: Columns, resampling: Resampling) -> Estimate:
    """The sum over columns of the absolute mean of each, with its interval."""
    n = len(columns)
    if not n:
        return Estimate(None)
    rounds = [np.abs(weights @ columns).sum(axis=1) / n for weights in draws(n, resampling)]
    return _estimate(float(np.abs(columns.sum(axis=0)).sum() / n), np.concatenate(rounds), resampling)


def _estimate(value: float | None, rounds: Columns, resampling: Resampling) -> Estimate:
    return Estimate(None) if value is None else _widened(value, interval_of(rounds, resampling))


def _widened(value: float, interval: tuple[float, float] | None) -> Estimate:
    if interval is None:
        return Estimate(value)
    return Estimate(value, min(interval[0], value), max(interval[1], value))


def _ratio(over: Columns, under: Columns) -> Columns:
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under != 0)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
