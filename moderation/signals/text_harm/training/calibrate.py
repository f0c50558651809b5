"""Fits the curves from logits to probabilities, and chooses the thresholds, on validation examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.thresholds import threshold_for_precision
from moderation.signals.text_harm.calibration import (
    SURFACES,
    Calibration,
    CategoryCalibration,
    Curve,
    Isotonic,
    Platt,
    Thresholds,
)
from moderation.signals.text_harm.training.examples import Example, label_matrix

FEWEST = 25
"""Harmful examples that a surface needs for a curve of its own; with fewer, those of every surface are used."""
FOLDS = 5
STEPS = 60
RIDGE = 1e-3
SMALLEST_SLOPE = 1e-3
RECALL = 0.9
"""What "high recall" aims at."""
PRECISION = 0.95
"""What "high precision" aims at."""
LEAST_PRECISION = 0.8
"""What "balanced" needs besides few false alarms."""
SHARERS = 3.0
"""A pool's limit is for all categories together; alarms overlap, so each may use the limit divided by this."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """Validation examples with the shipped model's logits, of shape (examples, categories)."""

    examples: Sequence[Example]
    logits: Floats


def fit_calibration(
    measured: Measured, limits: Mapping[str, float], model: str, tokenizer: str, max_tokens: int
) -> Calibration:
    """A curve and thresholds for each surface and category.

    `limits` maps a pool of harmless examples to the share that may be flagged by any category at "balanced".
    """
    labels = label_matrix(measured.examples)
    surfaces = {
        surface: {
            category: _category(measured, labels[:, place], place, surface, limits)
            for place, category in enumerate(HarmCategory)
        }
        for surface in SURFACES
    }
    return Calibration(model=model, tokenizer=tokenizer, max_tokens=max_tokens, surfaces=surfaces)


def uncalibrated(model: str, tokenizer: str, max_tokens: int) -> Calibration:
    """The plain logistic curve everywhere, to run a model that has no calibration yet."""
    plain = CategoryCalibration(
        curve=Platt(slope=1.0, intercept=0.0), thresholds=Thresholds(high_recall=0.5, balanced=0.5, high_precision=0.5)
    )
    surfaces = {surface: dict.fromkeys(HarmCategory, plain) for surface in SURFACES}
    return Calibration(model=model, tokenizer=tokenizer, max_tokens=max_tokens, surfaces=surfaces)


def _category(
    measured: Measured, labels: NDArray[np.int8], place: int, surface: Surface, limits: Mapping[str, float]
) -> CategoryCalibration:
    own = np.array([surface in example.surfaces for example in measured.examples])
    known = labels >= 0
    if int((labels[own] == 1).sum()) >= FEWEST:
        known &= own
    logits, harmful = measured.logits[known, place], labels[known] == 1
    curve = fit_curve(logits, harmful)
    kinds = np.array([example.pool for example in measured.examples])
    pools = {pool: curve.apply(measured.logits[kinds == pool, place]) for pool in limits}
    return CategoryCalibration(curve=curve, thresholds=choose(curve.apply(logits), harmful, pools, limits))


def choose(
    scores: Floats, harmful: NDArray[np.bool_], pools: Mapping[str, Floats], limits: Mapping[str, float]
) -> Thresholds:
    """Thresholds for the three uses.

    "balanced" is the lowest at which every pool keeps to its share of its limit and at least `LEAST_PRECISION` of what
    is flagged is harmful; "high recall" lies at or below it, "high precision" at or above.
    """
    quiet = [_above(pool, limits[name] / SHARERS) for name, pool in pools.items() if len(pool)]
    balanced = max([_at_precision(scores, harmful, LEAST_PRECISION), *quiet])
    positives = np.sort(scores[harmful])
    recalled = float(positives[int((1 - RECALL) * len(positives))]) if len(positives) else balanced
    return Thresholds(
        high_recall=_rounded(min(balanced, recalled)),
        balanced=_rounded(balanced),
        high_precision=_rounded(max(balanced, _at_precision(scores, harmful, PRECISION))),
    )


def _rounded(threshold: float) -> float:
    return round(min(max(threshold, 0.01), 0.99), 3)


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


def fit_curve(logits: Floats, harmful: NDArray[np.bool_]) -> Curve:
    """Platt's curve, unless an isotonic one has the lower log loss on examples that it was not fitted to."""
    platt = fit_platt(logits, harmful)
    if min(int(harmful.sum()), int((~harmful).sum())) < FEWEST:
        return platt
    folds = np.random.default_rng(0).permutation(len(logits)) % FOLDS
    losses = {"platt": 0.0, "isotonic": 0.0}
    for fold in range(FOLDS):
        seen, unseen = folds != fold, folds == fold
        losses["platt"] += _loss(fit_platt(logits[seen], harmful[seen]).apply(logits[unseen]), harmful[unseen])
        losses["isotonic"] += _loss(fit_isotonic(logits[seen], harmful[seen]).apply(logits[unseen]), harmful[unseen])
    return platt if losses["platt"] <= losses["isotonic"] else fit_isotonic(logits, harmful)


def fit_platt(logits: Floats, harmful: NDArray[np.bool_]) -> Platt:
    """Newton's method on the log loss, with the smoothed targets of Platt (1999) and a small ridge on the slope."""
    positives, negatives = int(harmful.sum()), int((~harmful).sum())
    targets = np.where(harmful, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    point = np.array([1.0, 0.0])
    penalty = np.diag([RIDGE, 0.0])
    for _ in range(STEPS):
        values = 1.0 / (1.0 + np.exp(-np.clip(design @ point, -30, 30)))
        gradient = design.T @ (values - targets) + penalty @ (point - np.array([1.0, 0.0]))
        curvature = (design * (values * (1 - values) + 1e-9)[:, None]).T @ design + penalty + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        point = point - step * min(1.0, 2.0 / (np.abs(step).max() + 1e-12))
    return Platt(slope=float(max(point[0], SMALLEST_SLOPE)), intercept=float(point[1]))


def fit_isotonic(logits: Floats, harmful: NDArray[np.bool_]) -> Isotonic:
    """Pool adjacent violators; each block is a point at the mean of its logits, never quite 0 or 1."""
    order = np.argsort(logits, kind="stable")
    blocks: list[tuple[float, float, int]] = []
    for logit, value in zip(logits[order], harmful[order], strict=True):
        block = (float(logit), float(value), 1)
        while blocks and blocks[-1][1] / blocks[-1][2] >= block[1] / block[2]:
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
    points: dict[float, float] = {}
    for total, hits, size in blocks:
        points[round(total / size, 6)] = (hits + 0.5) / (size + 1.0)
    values = np.maximum.accumulate(list(points.values()))
    return Isotonic(logits=tuple(points), values=tuple(float(value) for value in values))


def _loss(values: Floats, harmful: NDArray[np.bool_]) -> float:
    clipped = np.clip(values, 1e-6, 1 - 1e-6)
    return float(-np.where(harmful, np.log(clipped), np.log(1 - clipped)).sum())
