from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from moderation.bench.evaluation.picture_calibration import check_takes_calibration, fit_columns
from moderation.domain.errors import InvalidInputError
from moderation.domain.signal import Column, ColumnKind, SignalSpec, Surface
from moderation.evaluation.calibration import CalibratorKind
from moderation.evaluation.picture_files import PictureFile, PictureSet
from moderation.evaluation.pictures import PictureScores
from moderation.signals.hub_scores import calibrated, sigmoid
from moderation.signals.registry import Isotonic, ModelEntry, Platt, registry

SIGNAL, COLUMN = "image_falconsai", "image_falconsai_nsfw"
PICTURES = 4_000


def scores_of(labels: NDArray[np.bool_], scores: NDArray[np.float64], signal: str = SIGNAL) -> PictureScores:
    column = Column(COLUMN, ColumnKind.FLOAT, "0 to 1", low=0.0, high=1.0)
    spec = SignalSpec(name=signal, version="1", surface=Surface.IMAGE, description="", columns=(column,), cost_ms=1.0)
    files = tuple(
        PictureFile(f"{place}.png", Path(f"{place}.png"), bool(harmful)) for place, harmful in enumerate(labels)
    )
    return PictureScores(PictureSet(Path("set"), files), spec, {}, (column,), files, scores.reshape(-1, 1), ())


def overconfident(seed: int = 0) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels drawn by a probability, and a score whose logit is three times that of it, plus one."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, PICTURES)
    return rng.random(PICTURES) < sigmoid(logits), sigmoid(3 * logits + 1)


def calibrated_registry() -> tuple[ModelEntry, ...]:
    (entry,) = (each for each in registry() if each.name == "falconsai-nsfw")
    document = entry.model_dump(exclude_none=True)
    document["classifier"]["columns"][0]["calibration"] = {"a": 0.5, "b": 0.0}
    return (ModelEntry.model_validate(document),)


def test_platts_numbers_undo_what_the_score_did() -> None:
    labels, scores = overconfident()
    (fit,) = fit_columns(scores_of(labels, scores), registry())
    assert (fit.column, fit.pictures, fit.harmful) == (COLUMN, PICTURES, int(labels.sum()))
    assert isinstance(fit.calibration, Platt)
    assert fit.calibration.a == pytest.approx(1 / 3, abs=0.03)
    assert fit.calibration.b == pytest.approx(-1 / 3, abs=0.08)
    assert fit.left_out[CalibratorKind.PLATT] < fit.left_out[CalibratorKind.ISOTONIC] < fit.as_it_is


def test_a_shape_that_is_no_sigmoid_gets_points_which_are_the_functions() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(PICTURES)
    labels = rng.random(PICTURES) < np.where(scores < 0.3, 0.02, np.where(scores < 0.9, 0.5, 0.98))
    (fit,) = fit_columns(scores_of(labels, scores), registry())
    assert isinstance(fit.calibration, Isotonic)
    assert fit.left_out[CalibratorKind.ISOTONIC] < fit.left_out[CalibratorKind.PLATT]
    found = calibrated(np.array([0.1, 0.6, 0.97]), fit.calibration)
    assert found == pytest.approx([0.02, 0.5, 0.98], abs=0.05)


def test_scores_of_exactly_none_and_all_are_fitted_too() -> None:
    labels, scores = overconfident()
    scores[:3], scores[3:6] = 0.0, 1.0
    (fit,) = fit_columns(scores_of(labels, scores), registry())
    assert np.isfinite(fit.as_it_is)


def test_what_cannot_be_fitted_says_why() -> None:
    labels, scores = overconfident()
    few = np.arange(PICTURES) < 19
    with pytest.raises(InvalidInputError, match="19 harmful and 3981 harmless pictures are too few"):
        fit_columns(scores_of(few, scores), registry())
    with pytest.raises(InvalidInputError, match="does not rise with these labels"):
        fit_columns(scores_of(~labels, scores), registry())
    with pytest.raises(InvalidInputError, match="image_nsfw takes no calibration"):
        fit_columns(scores_of(labels, scores, "image_nsfw"), registry())
    with pytest.raises(InvalidInputError, match=f"{COLUMN} is calibrated already"):
        check_takes_calibration(SIGNAL, calibrated_registry())
