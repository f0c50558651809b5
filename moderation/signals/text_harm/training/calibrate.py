"""Fits the curves from logits to probabilities, and chooses the thresholds, on validation examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation import calibration as evaluation
from moderation.evaluation.calibration import Calibrator, CalibratorKind
from moderation.signals.text_harm.calibration import (
    SURFACES,
    Calibration,
    CategoryCalibration,
    Curve,
    Isotonic,
    Platt,
    Thresholds,
)
from moderation.signals.text_harm.training.examples import Example, Limits, label_matrix
from moderation.signals.text_harm.training.holds import balanced, thresholds

FEWEST = 25
"""Harmful examples that a surface needs for a curve of its own; with fewer, those of every surface are used."""
SMALLEST_SLOPE = 1e-3

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """Validation examples with the shipped model's logits, of shape (examples, categories)."""

    examples: Sequence[Example]
    logits: Floats


def fit_calibration(
    measured: Measured, limits: Limits, model: str, tokenizer: str, max_tokens: int, part_tokens: int | None = None
) -> Calibration:
    """A curve and thresholds for each surface and category.

    `limits` says, by surface, which share of a pool of harmless examples may be flagged by any category at "balanced".
    """
    surfaces = {surface: _surface(measured, surface, limits.get(surface, {})) for surface in SURFACES}
    return Calibration(
        model=model, tokenizer=tokenizer, max_tokens=max_tokens, part_tokens=part_tokens, surfaces=surfaces
    )


def uncalibrated(model: str, tokenizer: str, max_tokens: int, part_tokens: int | None = None) -> Calibration:
    """The plain logistic curve everywhere, to run a model that has no calibration yet."""
    plain = CategoryCalibration(
        curve=Platt(slope=1.0, intercept=0.0), thresholds=Thresholds(high_recall=0.5, balanced=0.5, high_precision=0.5)
    )
    surfaces = {surface: dict.fromkeys(HarmCategory, plain) for surface in SURFACES}
    return Calibration(
        model=model, tokenizer=tokenizer, max_tokens=max_tokens, part_tokens=part_tokens, surfaces=surfaces
    )


def _surface(
    measured: Measured, surface: Surface, limits: Mapping[str, float]
) -> dict[HarmCategory, CategoryCalibration]:
    known = [_known(measured, place, surface) for place, _ in enumerate(HarmCategory)]
    curves = [fit_curve(logits, harmful) for logits, harmful in known]
    judged = [(curve.apply(logits), harmful) for curve, (logits, harmful) in zip(curves, known, strict=True)]
    kinds = np.array([example.pool for example in measured.examples])
    pools = {
        pool: np.stack([curve.apply(measured.logits[kinds == pool, i]) for i, curve in enumerate(curves)], axis=1)
        for pool in limits
    }
    holds = balanced(judged, pools, limits)
    return {
        category: CategoryCalibration(curve=curves[place], thresholds=thresholds(*judged[place], holds[place]))
        for place, category in enumerate(HarmCategory)
    }


def _known(measured: Measured, place: int, surface: Surface) -> tuple[Floats, NDArray[np.bool_]]:
    """The logits and labels of a category to fit a surface's curve to."""
    labels = label_matrix(measured.examples)[:, place]
    known = labels >= 0
    own = np.array([surface in example.surfaces for example in measured.examples])
    if int((labels[own] == 1).sum()) >= FEWEST:
        known &= own
    return measured.logits[known, place], labels[known] == 1


def fit_curve(logits: Floats, harmful: NDArray[np.bool_]) -> Curve:
    """Platt's curve, unless an isotonic one has the lower log loss on examples that it was not fitted to.

    With fewer than `FEWEST` harmful or harmless examples it is Platt's; without any, the plain logistic curve.
    """
    if not len(logits):
        return Platt(slope=1.0, intercept=0.0)
    few = min(int(harmful.sum()), int((~harmful).sum())) < FEWEST
    fitted = evaluation.fit_platt(harmful, logits) if few else evaluation.choose(harmful, logits).calibrator
    return curve_of(fitted)


def curve_of(fitted: Calibrator) -> Curve:
    """The calibrator as it stands in `calibration.json`; a flat sigmoid is given the smallest slope that rises."""
    if fitted.kind is CalibratorKind.ISOTONIC:
        return Isotonic(logits=fitted.inputs, values=fitted.outputs)
    return Platt(slope=max(fitted.slope, SMALLEST_SLOPE), intercept=fitted.intercept)
