"""From a model's logits to the columns of a signal: activation, combination, calibration. Pure functions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moderation.signals.registry import Classifier, ClassifierColumn, Isotonic, Platt

Scores = NDArray[np.float64]


def label_columns(logits: NDArray[np.generic], classifier: Classifier, labels: Sequence[str]) -> Scores:
    """Scores of shape (rows, columns), 0 to 1, from logits of shape (rows, labels) in the order of `labels`.

    Raises `ValueError` for logits of another shape or that are not finite: such a model is broken.
    """
    values = _checked(logits, len(labels))
    scores = softmax(values) if classifier.activation == "softmax" else sigmoid(values)
    place = {label: index for index, label in enumerate(labels)}
    columns = [_combined(scores[:, [place[label] for label in column.labels]], column) for column in classifier.columns]
    return np.stack([_calibrated(own, column) for own, column in zip(columns, classifier.columns, strict=True)], axis=1)


def phrase_columns(logits: NDArray[np.generic], classifier: Classifier) -> Scores:
    """Scores of shape (rows, columns), 0 to 1, from logits of shape (rows, phrases): `phrases_of` has their order.

    With softmax the phrases of one column stand against the neutral ones alone, so that a picture may be high in
    several columns (the CLIP paper, section 3.1, takes the softmax over all phrases of one question). With sigmoid
    every phrase stands for itself (the SigLIP paper, section 3.2).
    """
    values = _checked(logits, len(phrases_of(classifier)))
    neutral = values[:, : len(classifier.neutral)]
    start, found = len(classifier.neutral), []
    for column in classifier.columns:
        own = values[:, start : start + len(column.phrases)]
        start += len(column.phrases)
        if classifier.activation == "softmax":
            scores = softmax(np.concatenate([own, neutral], axis=1))[:, : own.shape[1]]
        else:
            scores = sigmoid(own)
        found.append(_calibrated(_combined(scores, column), column))
    return np.stack(found, axis=1)


def phrases_of(classifier: Classifier) -> tuple[str, ...]:
    """Every phrase in its template, the neutral ones first, then column by column."""
    phrases = [*classifier.neutral, *(phrase for column in classifier.columns for phrase in column.phrases)]
    return tuple(classifier.template.replace("{}", phrase) for phrase in phrases)


def softmax(values: Scores) -> Scores:
    """Over the last axis."""
    powers: Scores = np.exp(values - values.max(axis=-1, keepdims=True))
    result: Scores = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid(values: Scores) -> Scores:
    """The logistic function; it overflows nowhere."""
    result: Scores = 0.5 * (1.0 + np.tanh(0.5 * values))
    return result


def calibrated(scores: Scores, calibration: Platt | Isotonic) -> Scores:
    """Probabilities in [0, 1], never falling with `scores`.

    Platt: 1 / (1 + exp(-(a · logit(p) + b))); scores of exactly 0 and 1 stay what they are. Isotonic: straight lines
    between its points over logit(p), flat outside them.
    """
    with np.errstate(divide="ignore"):
        logits = np.log(scores) - np.log1p(-scores)
    if isinstance(calibration, Isotonic):
        return np.asarray(np.interp(logits, calibration.logits, calibration.values), np.float64)
    return np.where((scores > 0) & (scores < 1), sigmoid(calibration.a * logits + calibration.b), scores)


def _checked(logits: NDArray[np.generic], width: int) -> Scores:
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != width:  # noqa: PLR2004 - rows and outputs
        raise ValueError(f"the model gave an array of shape {values.shape}, not one of {width} columns")
    if not np.isfinite(values).all():
        raise ValueError("the model gave outputs that are not finite")
    return values


def _combined(scores: Scores, column: ClassifierColumn) -> Scores:
    found: Scores = scores.max(axis=1) if column.combine == "max" else np.minimum(scores.sum(axis=1), 1.0)
    return found


def _calibrated(scores: Scores, column: ClassifierColumn) -> Scores:
    return scores if column.calibration is None else calibrated(scores, column.calibration)
