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
from moderation.signals.text_harm.training.holds import LEAST_PRECISION, LEAST_PROMPT_PRECISION, balanced, thresholds

FEWEST = 25
"""Harmful examples that a surface needs for a curve of its own; with fewer, those of every surface are used."""
SMALLEST_SLOPE = 1e-3
TAIL = 8.0

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
    precisions = [
        LEAST_PROMPT_PRECISION if surface is Surface.PROMPT and _has_own(measured, place, surface) else LEAST_PRECISION
        for place, _ in enumerate(HarmCategory)
    ]
    shown = [place for place, category in enumerate(HarmCategory) if is_shown(surface, category)]
    hidden = [place for place, category in enumerate(HarmCategory) if not is_shown(surface, category)]
    holds: dict[int, float] = {}
    for group in (shown, hidden):
        own = {pool: scores[:, group] for pool, scores in pools.items()}
        found = balanced([judged[i] for i in group], own, limits, [precisions[i] for i in group])
        holds.update(zip(group, found, strict=True))
    return {
        category: CategoryCalibration(curve=curves[place], thresholds=thresholds(*judged[place], holds[place]))
        for place, category in enumerate(HarmCategory)
    }


def is_shown(surface: Surface, category: HarmCategory) -> bool:
    """Whether the signal has a column for it; what has none uses nothing of the limits."""
    return surface is Surface.PROMPT or category is not HarmCategory.UNSAFE


def _known(measured: Measured, place: int, surface: Surface) -> tuple[Floats, NDArray[np.bool_]]:
    """The logits and labels of a category to fit a surface's curve to."""
    labels = label_matrix(measured.examples)[:, place]
    known = labels >= 0
    if _has_own(measured, place, surface):
        known &= _stand_on(measured, surface)
    return measured.logits[known, place], labels[known] == 1


def _has_own(measured: Measured, place: int, surface: Surface) -> bool:
    """Whether the surface has harmful examples enough of the category."""
    labels = label_matrix(measured.examples)[:, place]
    return int((labels[_stand_on(measured, surface)] == 1).sum()) >= FEWEST


def _stand_on(measured: Measured, surface: Surface) -> NDArray[np.bool_]:
    return np.array([surface in example.surfaces for example in measured.examples])


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
    """The calibrator as it stands in `calibration.json`: rising strictly where there are examples, and a little beyond.

    A flat sigmoid is given the smallest slope that rises. Isotonic regression's levels become one point each, in the
    middle of the level, so that two texts of one level are still told apart; beyond the first and the last level the
    curve goes on towards 0 and 1 over `TAIL` of logits.
    """
    if fitted.kind is CalibratorKind.PLATT:
        return Platt(slope=max(fitted.slope, SMALLEST_SLOPE), intercept=fitted.intercept)
    inputs, outputs = np.array(fitted.inputs), np.array(fitted.outputs)
    levels = np.unique(outputs)
    middles = np.array([inputs[outputs == level].mean() for level in levels])
    points = [inputs[0] - TAIL, *middles, inputs[-1] + TAIL]
    values = [levels[0] / 2, *levels, (levels[-1] + 1) / 2]
    return Isotonic(logits=tuple(map(float, points)), values=tuple(map(float, values)))
