"""The slow obvious implementations of ranking figures, example by example, in exact fractions."""

from collections.abc import Sequence
from fractions import Fraction


def average_precision(labels: Sequence[int], scores: Sequence[float]) -> Fraction | None:
    """The mean, over harmful examples, of the precision of everything that scores at least as much."""
    harmful = [score for label, score in zip(labels, scores, strict=True) if label]
    if not harmful:
        return None
    total = Fraction(0)
    for least in harmful:
        flagged = [label for label, score in zip(labels, scores, strict=True) if score >= least]
        total += Fraction(sum(flagged), len(flagged))
    return total / len(harmful)


def auroc(labels: Sequence[int], scores: Sequence[float]) -> Fraction | None:
    pairs = [
        (one, other)
        for label, one in zip(labels, scores, strict=True)
        for its, other in zip(labels, scores, strict=True)
        if label and not its
    ]
    won = sum((Fraction(one > other) + Fraction(one == other, 2) for one, other in pairs), Fraction(0))
    return won / len(pairs) if pairs else None


def calibration_error(labels: Sequence[int], scores: Sequence[float], bins: int) -> float:
    total = 0.0
    for number in range(bins):
        inside = [
            (label, score)
            for label, score in zip(labels, scores, strict=True)
            if min(int(score * bins), bins - 1) == number
        ]
        total += abs(sum(label for label, _ in inside) - sum(score for _, score in inside))
    return total / len(labels)
