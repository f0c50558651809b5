"""Chooses the thresholds: as low as the limits on false alarms allow, all categories together."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from moderation.evaluation.thresholds import threshold_for_precision
from moderation.signals.text_harm.calibration import Thresholds

RECALL = 0.9
"""What "high recall" aims at."""
PRECISION = 0.95
"""What "high precision" aims at."""
LEAST_PRECISION = 0.5
"""What "balanced" needs besides few false alarms, of texts that people say."""
LEAST_PROMPT_PRECISION = 0.97
"""The same of prompts, which name battles, monsters and nudes all the time; few of them may be held."""
SHARES = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.125)
"""A pool's limit is for all categories together: the parts of it that each one may use, the largest that fits counts.

Alarms of several categories overlap, so that they may use more than an eighth each.
"""

Floats = NDArray[np.float64]
Judged = tuple[Floats, NDArray[np.bool_]]
"""Scores and whether each is of a harmful text."""


def balanced(
    judged: Sequence[Judged],
    pools: Mapping[str, Floats],
    limits: Mapping[str, float],
    precisions: Sequence[float] = (),
) -> list[float]:
    """The threshold of each category to hold posts at.

    The lowest at which at least `precision` of what is flagged is harmful, every category by itself, and no
    pool's share of texts that any category flags is above its limit. A pool's scores have shape (texts, categories).
    First every category has the same part of the limits; what is left over then goes to one category after the other,
    to the one with the least recall first.
    """
    filled = {name: scores for name, scores in pools.items() if len(scores)}
    least = precisions or [LEAST_PRECISION] * len(judged)
    precise = [_at_precision(*own, precision) for own, precision in zip(judged, least, strict=True)]
    options = [[_hold(own, at, filled, limits, share) for share in SHARES] for at, own in enumerate(precise)]
    even = next((at for at in range(len(SHARES)) if _fits([own[at] for own in options], filled, limits)), -1)
    chosen = [own[even] for own in options]
    for place in sorted(range(len(judged)), key=lambda place: _recall(judged[place], chosen[place])):
        for option in options[place]:
            tried = [*chosen[:place], option, *chosen[place + 1 :]]
            if _fits(tried, filled, limits):
                chosen = tried
                break
    return chosen


def _hold(least: float, place: int, pools: Mapping[str, Floats], limits: Mapping[str, float], share: float) -> float:
    """The lowest threshold of one category, not below `least`, that uses at most `share` of each limit."""
    return rounded(max([least, *(_above(scores[:, place], limits[name] * share) for name, scores in pools.items())]))


def _fits(holds: Sequence[float], pools: Mapping[str, Floats], limits: Mapping[str, float]) -> bool:
    return all((scores >= np.array(holds)).any(axis=1).mean() <= limits[name] for name, scores in pools.items())


def _recall(own: Judged, hold: float) -> float:
    scores, harmful = own
    return float((scores[harmful] >= hold).mean()) if harmful.any() else 1.0


def thresholds(scores: Floats, harmful: NDArray[np.bool_], hold: float) -> Thresholds:
    """The thresholds for the three uses around the one to hold posts at: "high recall" below, "high precision" above.

    `scores` are calibrated scores of validation texts, `harmful` what they are.
    """
    positives = np.sort(scores[harmful])
    recalled = float(positives[int((1 - RECALL) * len(positives))]) if len(positives) else hold
    return Thresholds(
        high_recall=rounded(min(hold, recalled)),
        balanced=hold,
        high_precision=rounded(max(hold, _at_precision(scores, harmful, PRECISION))),
    )


def rounded(threshold: float) -> float:
    """Three decimals, rounded up so that nothing more is flagged; within 0.01 to 0.99."""
    return float(np.clip(np.ceil(threshold * 1000) / 1000, 0.01, 0.99))


def _above(scores: Floats, share: float) -> float:
    """The lowest threshold that at most `share` of `scores` reach."""
    falling = np.sort(scores)[::-1]
    allowed = int(share * len(falling))
    return float(np.nextafter(falling[allowed], 1.0)) if allowed < len(falling) else 0.0


def _at_precision(scores: Floats, harmful: NDArray[np.bool_], precision: float) -> float:
    """The lowest threshold of that precision; the highest score when there is none, 0.5 without an example."""
    if not len(scores):
        return 0.5
    found = threshold_for_precision(harmful, scores, precision)
    return float(scores.max()) if found is None else found
