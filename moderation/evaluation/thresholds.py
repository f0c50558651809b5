"""The threshold that reaches a goal on labelled examples: a precision, a recall, or few false alarms.

An example is flagged when its score is at least the threshold. Every answer is one of the scores (ties go together),
or None where no threshold reaches the goal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from moderation.evaluation.metrics import Judged, Scores


@dataclass(frozen=True, slots=True)
class Sweep:
    """What each possible threshold does, from the highest down; all of shape (distinct scores,).

    `precision` is of what is flagged; `recall` is NaN without harmful, `false_alarms` NaN without harmless examples.
    """

    thresholds: Scores
    precision: Scores
    recall: Scores
    false_alarms: Scores


def sweep(judged: Judged) -> Sweep:
    """Every distinct score as a threshold, from the highest down."""
    order = np.argsort(-judged.scores, kind="stable")
    scores, harmful = judged.scores[order], judged.labels[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if len(judged) else np.empty(0, np.intp)
    hits, seen = np.cumsum(harmful)[ends], ends + 1
    positives, negatives = judged.positives, len(judged) - judged.positives
    return Sweep(
        scores[ends],
        hits / seen,
        hits / positives if positives else np.full(len(ends), np.nan),
        (seen - hits) / negatives if negatives else np.full(len(ends), np.nan),
    )


def threshold_for_precision(labels: ArrayLike, scores: ArrayLike, precision: float) -> float | None:
    """The lowest threshold whose precision is at least `precision`: of those, the one with the most recall."""
    found = sweep(Judged.of(labels, scores))
    reached = np.flatnonzero(found.precision >= precision)
    return float(found.thresholds[reached[-1]]) if len(reached) else None


def threshold_for_recall(labels: ArrayLike, scores: ArrayLike, recall: float) -> float | None:
    """The highest threshold that flags at least the share `recall` of harmful examples; None without any."""
    found = sweep(Judged.of(labels, scores))
    reached = np.flatnonzero(found.recall >= recall)
    return float(found.thresholds[reached[0]]) if len(reached) else None


def threshold_for_false_alarms(labels: ArrayLike, scores: ArrayLike, share: float) -> float | None:
    """The lowest threshold that flags at most the share `share` of harmless examples.

    None without a harmless example, and where even the highest score alone flags more.
    """
    found = sweep(Judged.of(labels, scores))
    reached = np.flatnonzero(found.false_alarms <= share)
    return float(found.thresholds[reached[-1]]) if len(reached) else None
