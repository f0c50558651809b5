"""From a model's scores to probabilities that can be believed, by a monotone function with few numbers.

Platt's sigmoid has two numbers and survives few examples; isotonic regression follows any monotone shape and needs
many. Which one is used is decided by the log loss on examples that were not fitted.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moderation.domain.errors import InvalidInputError
from moderation.evaluation.metrics import Judged, Scores

FOLDS = 5
NEWTON_STEPS = 100
CONVERGED = 1e-10
MOST_KNOTS = 10_000


class CalibratorKind(StrEnum):
    """The shape of a calibrator."""

    PLATT = "platt"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A monotone function from a score to a probability, 0 to 1.

    Platt: `1 / (1 + exp(-(slope · score + intercept)))`, slope ≥ 0. Isotonic: straight lines between the knots
    (`inputs`, strictly rising; `outputs`, never falling), constant beyond the first and last.
    """

    kind: CalibratorKind
    slope: float = 0.0
    intercept: float = 0.0
    inputs: tuple[float, ...] = ()
    outputs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidInputError for numbers that are no calibrator."""
        problem = _platt_problem(self) if self.kind is CalibratorKind.PLATT else _isotonic_problem(self)
        if problem:
            raise InvalidInputError(f"This is no calibrator: {problem}.")

    def __call__(self, scores: ArrayLike) -> Scores:
        """Probabilities for scores of any shape; a score that is not a number gives NaN."""
        given = np.asarray(scores, np.float64)
        if self.kind is CalibratorKind.PLATT:
            return sigmoid(self.slope * given + self.intercept)
        return np.interp(given, self.inputs, self.outputs)

    def document(self) -> dict[str, object]:
        """The calibrator for JSON; `Calibrator.of` reads it."""
        if self.kind is CalibratorKind.PLATT:
            return {"kind": str(self.kind), "slope": self.slope, "intercept": self.intercept}
        return {"kind": str(self.kind), "inputs": list(self.inputs), "outputs": list(self.outputs)}

    @classmethod
    def of(cls, document: object) -> "Calibrator":
        """The calibrator that `document` describes. Raises InvalidInputError unless it is one, to the last field."""
        if not isinstance(document, Mapping):
            raise InvalidInputError("A calibrator is a JSON object.")
        match dict(document):
            case {"kind": "platt", "slope": slope, "intercept": intercept, **rest} if not rest:
                return cls(CalibratorKind.PLATT, _real(slope), _real(intercept))
            case {"kind": "isotonic", "inputs": inputs, "outputs": outputs, **rest} if not rest:
                return cls(CalibratorKind.ISOTONIC, inputs=_reals(inputs), outputs=_reals(outputs))
        raise InvalidInputError(f"A calibrator has other fields than {', '.join(sorted(map(str, document)))}.")


@dataclass(frozen=True, slots=True)
class Choice:
    """The better of the two kinds, fitted on all examples, and the log loss of each on examples left out.

    Losses are in nats per example; empty when there were too few examples to leave any out.
    """

    calibrator: Calibrator
    log_loss: Mapping[CalibratorKind, float]


def fit_platt(labels: ArrayLike, scores: ArrayLike) -> Calibrator:
    """Platt's sigmoid by Newton's method with step halving, on his smoothed targets.

    With p harmful and q harmless examples the targets are `(p + 1) / (p + 2)` and `1 / (q + 2)`, so that examples
    that are told apart perfectly do not give an infinite slope. The best sigmoid that does not fall: slope ≥ 0.

    Sources: J. Platt, "Probabilistic outputs for support vector machines" (1999); Lin, Lin and Weng, "A note on
    Platt's probabilistic outputs for support vector machines" (2007).

    Raises ValueError without any example, and for what `Judged.of` refuses.
    """
    judged = _fitted(Judged.of(labels, scores))
    positives, negatives = judged.positives, len(judged) - judged.positives
    targets = np.where(judged.labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    centre, spread = float(judged.scores.mean()), float(judged.scores.std())
    flat = Calibrator(CalibratorKind.PLATT, 0.0, _logit(float(targets.mean())))
    if spread == 0 or not np.isfinite(spread):
        return flat
    slope, intercept = _newton((judged.scores - centre) / spread, targets)
    if slope <= 0:
        return flat
    return Calibrator(CalibratorKind.PLATT, slope / spread, intercept - slope * centre / spread)


def fit_isotonic(labels: ArrayLike, scores: ArrayLike) -> Calibrator:
    """The monotone function with the least squared error, by pooling adjacent violators.

    Its values are kept `1 / (n + 2)` away from 0 and 1: n examples prove nothing to be impossible. Between two levels
    it is a straight line.

    Source: Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates" (2002).

    Raises ValueError without any example, and for what `Judged.of` refuses.
    """
    judged = _fitted(Judged.of(labels, scores))
    inputs, place, counts = np.unique(judged.scores, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=judged.labels.astype(np.float64)) / counts
    least = 1 / (len(judged) + 2)
    levels = np.clip(pool(means, counts.astype(np.float64)), least, 1 - least)
    inner = np.r_[False, (levels[1:-1] == levels[:-2]) & (levels[1:-1] == levels[2:]), False][: len(levels)]
    keep = ~inner
    return Calibrator(
        CalibratorKind.ISOTONIC, inputs=tuple(inputs[keep].tolist()), outputs=tuple(levels[keep].tolist())
    )


def choose(labels: ArrayLike, scores: ArrayLike, *, folds: int = FOLDS, seed: int = 0) -> Choice:
    """Platt, unless isotonic has the smaller log loss in `folds`-fold cross-validation.

    Each fold has its share of harmful and harmless examples. With fewer than `folds` of either there is no
    cross-validation, and Platt is chosen.
    """
    judged = _fitted(Judged.of(labels, scores))
    losses: dict[CalibratorKind, float] = {}
    if min(judged.positives, len(judged) - judged.positives) >= folds:
        fold = _stratified(judged.labels, folds, seed)
        losses = {kind: _left_out_loss(judged, fold, fit) for kind, fit in _FITS.items()}
    isotonic = bool(losses) and losses[CalibratorKind.ISOTONIC] < losses[CalibratorKind.PLATT]
    fit = _FITS[CalibratorKind.ISOTONIC if isotonic else CalibratorKind.PLATT]
    return Choice(fit(judged.labels, judged.scores), losses)


def log_loss(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """The mean negative log likelihood in nats; infinite when something impossible happened.

    Raises ValueError without any example, and for what `Judged.of` refuses.
    """
    judged = _fitted(Judged.of(labels, probabilities))
    with np.errstate(divide="ignore"):
        return float(-np.log(np.where(judged.labels, judged.scores, 1 - judged.scores)).mean())


def pool(means: Scores, weights: Scores) -> Scores:
    """The never falling sequence nearest to `means` in weighted squared error, by pooling adjacent violators: O(n)."""
    blocks: list[tuple[float, float, int]] = []
    for mean, weight in zip(means.tolist(), weights.tolist(), strict=True):
        level, mass, length = mean, weight, 1
        while blocks and blocks[-1][0] >= level:
            before, heavier, longer = blocks.pop()
            level = (before * heavier + level * mass) / (heavier + mass)
            mass, length = mass + heavier, length + longer
        blocks.append((level, mass, length))
    levels = np.repeat([level for level, _, _ in blocks], [length for _, _, length in blocks])
    return np.maximum.accumulate(levels) if len(levels) else np.empty(0)


def sigmoid(values: Scores) -> Scores:
    """`1 / (1 + exp(-x))` without overflow."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1.0, small) / (1.0 + small)


_FITS: Mapping[CalibratorKind, Callable[[ArrayLike, ArrayLike], Calibrator]] = {
    CalibratorKind.PLATT: fit_platt,
    CalibratorKind.ISOTONIC: fit_isotonic,
}


def _newton(scores: Scores, targets: Scores) -> tuple[float, float]:
    """The slope and intercept with the least cross-entropy; convex, so there is one minimum."""
    design = np.column_stack((scores, np.ones_like(scores)))
    found = np.array([0.0, _logit(float(targets.mean()))])
    loss = _cross_entropy(design @ found, targets)
    for _ in range(NEWTON_STEPS):
        expected = sigmoid(design @ found)
        gradient = design.T @ (expected - targets)
        curvature = (design * (expected * (1 - expected))[:, np.newaxis]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        scale = 1.0
        while (tried := _cross_entropy(design @ (found - scale * step), targets)) > loss and scale > CONVERGED:
            scale /= 2
        if loss - tried <= CONVERGED * (1 + abs(loss)):
            break
        found, loss = found - scale * step, tried
    return float(found[0]), float(found[1])


def _cross_entropy(logits: Scores, targets: Scores) -> float:
    """`Σ log(1 + exp(z)) - t z`, without overflow."""
    return float((np.logaddexp(0.0, logits) - targets * logits).sum())


def _stratified(labels: NDArray[np.bool_], folds: int, seed: int) -> NDArray[np.intp]:
    """Each example's fold; both kinds of example are spread evenly."""
    generator = np.random.default_rng(seed)
    fold = np.empty(len(labels), np.intp)
    for kind in (True, False):
        members = generator.permutation(np.flatnonzero(labels == kind))
        fold[members] = np.arange(len(members)) % folds
    return fold


def _left_out_loss(judged: Judged, fold: NDArray[np.intp], fit: Callable[[ArrayLike, ArrayLike], Calibrator]) -> float:
    left_out = np.empty(len(judged))
    for number in range(int(fold.max()) + 1):
        inside = fold == number
        left_out[inside] = fit(judged.labels[~inside], judged.scores[~inside])(judged.scores[inside])
    return log_loss(judged.labels, left_out)


def _fitted(judged: Judged) -> Judged:
    if not len(judged):
        raise ValueError("There is no example with a known label.")
    return judged


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _platt_problem(calibrator: Calibrator) -> str:
    if not (math.isfinite(calibrator.slope) and math.isfinite(calibrator.intercept)):
        return "its slope or intercept is not a finite number"
    if calibrator.slope < 0:
        return "it falls where scores rise"
    return "it has knots" if calibrator.inputs or calibrator.outputs else ""


def _isotonic_problem(calibrator: Calibrator) -> str:
    inputs, outputs = calibrator.inputs, calibrator.outputs
    if not 1 <= len(inputs) == len(outputs) <= MOST_KNOTS:
        return f"{len(inputs)} inputs for {len(outputs)} outputs, of at most {MOST_KNOTS}"
    if not all(map(math.isfinite, (*inputs, *outputs))):
        return "a knot is not a finite number"
    if any(after <= before for before, after in pairwise(inputs)):
        return "its inputs do not rise"
    if any(after < before for before, after in pairwise(outputs)):
        return "it falls where scores rise"
    if outputs[0] < 0 or outputs[-1] > 1:
        return "an output lies outside 0 to 1"
    return "it has a slope" if calibrator.slope or calibrator.intercept else ""


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInputError(f"A calibrator's number is {type(value).__name__}.")
    return float(value)


def _reals(values: object) -> tuple[float, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise InvalidInputError("A calibrator's knots are a list.")
    return tuple(_real(value) for value in values)
