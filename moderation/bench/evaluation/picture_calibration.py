"""What makes probabilities of a picture classifier's scores: fitted to labelled pictures, for its registry entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from moderation.domain.errors import InvalidInputError
from moderation.evaluation.calibration import Calibrator, CalibratorKind, choose, log_loss
from moderation.evaluation.metrics import Judged
from moderation.evaluation.pictures import PictureScores
from moderation.signals.registry import Classifier, Isotonic, ModelEntry, Platt

LEAST_OF_EACH = 20
"""Fewer harmful or harmless pictures leave four or less for each fold: such figures would only look like figures."""
LEAST_SCORE = 1e-6
"""Scores are kept this far from 0 and 1, whose logits are infinite."""
DIGITS = 4


@dataclass(frozen=True, slots=True)
class ColumnFit:
    """One score's calibration; log losses are in nats a picture, `left_out` on pictures that were not fitted."""

    column: str
    pictures: int
    harmful: int
    as_it_is: float
    left_out: Mapping[CalibratorKind, float]
    calibration: Platt | Isotonic


def fit_columns(found: PictureScores, entries: Sequence[ModelEntry]) -> tuple[ColumnFit, ...]:
    """Platt's curve for every score, or the isotonic one where five-fold log loss is lower.

    Every column is fitted to the same labels. Raises what `check_takes_calibration` raises, and InvalidInputError for
    too few pictures and for a score that does not rise with the labels.
    """
    check_takes_calibration(found.spec.name, entries)
    return tuple(_fit(column.name, found.judged(index)) for index, column in enumerate(found.columns))


def check_takes_calibration(signal: str, entries: Sequence[ModelEntry]) -> None:
    """Raise InvalidInputError for a signal that no registry entry makes, and for one that is calibrated already."""
    classifier = _classifier(signal, entries)
    fitted = [each.name for each in classifier.columns if each.calibration is not None]
    if fitted:
        raise InvalidInputError(
            f"{', '.join(fitted)} is calibrated already, and a calibration is fitted to the model's own scores.",
            hint="Take `calibration` out of the registry entry, and run this again.",
        )


def _classifier(signal: str, entries: Sequence[ModelEntry]) -> Classifier:
    for entry in entries:
        if entry.classifier is not None and entry.classifier.signal == signal:
            return entry.classifier
    raise InvalidInputError(
        f"{signal} takes no calibration: only classifiers of the registry have a place for one.",
        hint="Its scores are judged by its thresholds: leave --calibrate out.",
    )


def _fit(column: str, judged: Judged) -> ColumnFit:
    harmful = judged.positives
    if min(harmful, len(judged) - harmful) < LEAST_OF_EACH:
        raise InvalidInputError(
            f"{column}: {harmful} harmful and {len(judged) - harmful} harmless pictures are too few to calibrate.",
            hint=f"Needed are {LEAST_OF_EACH} of each, better some hundreds; --label says what means harmful.",
        )
    scores = np.clip(judged.scores, LEAST_SCORE, 1 - LEAST_SCORE)
    choice = choose(judged.labels, np.log(scores) - np.log1p(-scores))
    return ColumnFit(
        column,
        len(judged),
        harmful,
        log_loss(judged.labels, scores),
        choice.log_loss,
        _calibration(column, choice.calibrator),
    )


def _calibration(column: str, found: Calibrator) -> Platt | Isotonic:
    """Rounded as it stands in an entry; of points that become the same the last one stays."""
    if found.kind is CalibratorKind.ISOTONIC:
        points = [
            (round(logit, DIGITS), round(value, DIGITS))
            for logit, value in zip(found.inputs, found.outputs, strict=True)
        ]
        kept = [one for one, after in pairwise([*points, (np.inf, 1.0)]) if one[0] < after[0]]
        return Isotonic(logits=[logit for logit, _ in kept], values=[value for _, value in kept])
    slope = round(found.slope, DIGITS)
    if slope <= 0:
        raise InvalidInputError(
            f"{column} does not rise with these labels: there is nothing to calibrate.",
            hint="Look at the labels first: --label names what is harmful.",
        )
    return Platt(a=slope, b=round(found.intercept, DIGITS))
