import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.signals.hub_scores import calibrated, label_columns, phrase_columns, phrases_of, sigmoid, softmax
from moderation.signals.registry import Classifier, Isotonic, Platt
from tests.signals.checkpoints import PHRASES, PICTURES, TEXTS

LOGITS = st.lists(st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5), min_size=1, max_size=4).map(np.array)
LABELS = ("normal", "suggestive", "nsfw")
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)


@given(LOGITS)
def test_every_column_is_between_0_and_1(logits: np.ndarray) -> None:
    for activation in ("softmax", "sigmoid"):
        columns = [{**column, "combine": "max"} for column in PICTURES["columns"]]
        classifier = Classifier.model_validate({**PICTURES, "activation": activation, "columns": columns})
        scores = label_columns(logits[:, :3], classifier, LABELS)
        assert scores.shape == (len(logits), 2)
        assert ((scores >= 0) & (scores <= 1)).all()
    scores = phrase_columns(logits, Classifier.model_validate(PHRASES))
    assert ((scores >= 0) & (scores <= 1)).all()


@given(LOGITS)
def test_labels_go_by_name(logits: np.ndarray) -> None:
    classifier = Classifier.model_validate(PICTURES)
    turned = label_columns(logits[:, [2, 0, 1]], classifier, ("nsfw", "normal", "suggestive"))
    assert np.allclose(turned, label_columns(logits[:, :3], classifier, LABELS))


def test_labels_add_up_or_the_highest_counts() -> None:
    logits = np.log([[0.2, 0.3, 0.5]])
    scores = label_columns(logits, Classifier.model_validate(PICTURES), LABELS)
    assert scores[0] == pytest.approx([0.5, 0.8])
    highest = {**PICTURES, "columns": [{**PICTURES["columns"][1], "combine": "max"}]}
    assert label_columns(logits, Classifier.model_validate(highest), LABELS)[0] == pytest.approx([0.5])


def test_a_picture_may_be_like_two_columns_at_once() -> None:
    classifier = Classifier.model_validate(PHRASES)
    assert phrases_of(classifier)[:3] == ("a photo of a house", "a photo of a tree", "a photo of a red thing")
    scores = phrase_columns(np.array([[0.0, 0.0, 9.0, 9.0, 9.0], [9.0, 0.0, 0.0, 0.0, 0.0]]), classifier)
    assert scores[0].min() > 0.99
    assert scores[1].max() < 0.01


@given(PROBABILITIES, st.floats(0.01, 10), st.floats(-10, 10))
def test_calibration_keeps_the_order_and_the_range(scores: np.ndarray, a: float, b: float) -> None:
    found = calibrated(np.sort(scores), Platt(a=a, b=b))
    inside = found[(np.sort(scores) > 0) & (np.sort(scores) < 1)]
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(inside) >= -1e-12).all()


@given(PROBABILITIES)
def test_an_isotonic_calibration_goes_through_its_points_and_never_falls(scores: np.ndarray) -> None:
    points = Isotonic(logits=[-2.0, 0.0, 1.0], values=[0.1, 0.4, 0.4])
    assert calibrated(sigmoid(np.array(points.logits)), points) == pytest.approx(points.values)
    assert calibrated(np.array([0.0, 1.0]), points) == pytest.approx([0.1, 0.4])
    assert calibrated(sigmoid(np.array([-1.0])), points) == pytest.approx([0.25])
    assert (np.diff(calibrated(np.sort(scores), points)) >= 0).all()


@given(PROBABILITIES)
def test_calibration_is_the_identity_by_default(scores: np.ndarray) -> None:
    assert calibrated(scores, Platt()) == pytest.approx(scores, abs=1e-9)


def test_calibration_is_platts() -> None:
    column = {**TEXTS["columns"][0], "calibration": {"a": 0.5, "b": -1.0}}
    classifier = Classifier.model_validate({**TEXTS, "columns": [column]})
    logits = np.array([[3.0, 0.0], [-3.0, 0.0]])
    expected = 1 / (1 + np.exp(-(0.5 * logits[:, 0] - 1.0)))
    assert label_columns(logits, classifier, ("toxic", "threat"))[:, 0] == pytest.approx(expected)


@pytest.mark.parametrize(
    "wrong", [[[1.0, 2.0]], [1.0, 2.0, 3.0], [[1.0, 2.0, float("nan")]], [[1.0, 2.0, float("inf")]]]
)
def test_nonsense_of_a_model_is_no_score(wrong: object) -> None:
    with pytest.raises(ValueError, match="the model gave"):
        label_columns(np.array(wrong), Classifier.model_validate(PICTURES), LABELS)


@given(LOGITS)
def test_activations(logits: np.ndarray) -> None:
    assert softmax(logits).sum(axis=1) == pytest.approx(np.ones(len(logits)))
    assert sigmoid(logits) + sigmoid(-logits) == pytest.approx(np.ones(logits.shape))
