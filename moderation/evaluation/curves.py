"""The lines that a report draws: precision over recall, observed shares over scores, and how scores spread."""

from dataclasses import dataclass

import numpy as np

from moderation.evaluation.metrics import BINS, Judged, Scores
from moderation.evaluation.proportion import Proportion, wilson
from moderation.evaluation.thresholds import sweep

MOST_POINTS = 200
HISTOGRAM_BINS = 20


@dataclass(frozen=True, slots=True)
class PrecisionRecall:
    """Precision over recall by falling threshold; thinned to about `MOST_POINTS`, ends kept. All of shape (points,)."""

    thresholds: Scores
    precision: Scores
    recall: Scores


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The examples that scored in a bin: their mean score, and which share of them was harmful."""

    low: float
    high: float
    mean_score: float
    observed: Proportion


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many harmful and harmless examples scored between `edges[i]` and `edges[i + 1]`; the last bin has its end."""

    edges: Scores
    harmful: Scores
    harmless: Scores


def precision_recall(judged: Judged) -> PrecisionRecall | None:
    """The curve's points; None without a harmful example."""
    if not judged.positives:
        return None
    found = sweep(judged)
    count = len(found.thresholds)
    kept = np.unique(np.linspace(0, count - 1, min(count, MOST_POINTS)).round().astype(np.intp))
    return PrecisionRecall(found.thresholds[kept], found.precision[kept], found.recall[kept])


def reliability(judged: Judged, *, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """The bins of `metrics.probabilities` that have any example, from the lowest score up."""
    place = np.minimum((judged.scores * bins).astype(np.intp), bins - 1)
    found = []
    for number in np.unique(place).tolist():
        inside = place == number
        harmful = int(judged.labels[inside].sum())
        observed = wilson(harmful, int(inside.sum()))
        mean = float(judged.scores[inside].mean())
        found.append(ReliabilityBin(number / bins, (number + 1) / bins, mean, observed))
    return tuple(found)


def histogram(judged: Judged, *, bins: int = HISTOGRAM_BINS) -> Histogram:
    """Counts of scores 0 to 1 by bin."""
    edges = np.linspace(0, 1, bins + 1)
    harmful, _ = np.histogram(judged.scores[judged.labels], edges)
    harmless, _ = np.histogram(judged.scores[~judged.labels], edges)
    return Histogram(edges, harmful.astype(np.float64), harmless.astype(np.float64))
