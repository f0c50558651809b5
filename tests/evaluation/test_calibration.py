import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError
from moderation.evaluation.calibration import (
    Calibrator,
    CalibratorKind,
    choose,
    fit_isotonic,
    fit_platt,
    log_loss,
    pool,
    sigmoid,
)
from moderation.evaluation.metrics import calibration_error

scores_of = st.floats(-20, 20)
examples = st.lists(st.tuples(st.integers(0, 1), scores_of), min_size=1, max_size=40)
Examples = list[tuple[int, float]]
FITS = (fit_platt, fit_isotonic)


def drawn(seed: int, n: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    scores = generator.normal(scale=2.0, size=n)
    return generator.random(n) < sigmoid(slope * scores + intercept), scores


@given(examples, st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_every_calibrator_is_a_monotone_probability(rows: Examples, given_scores: list[float]) -> None:
    labels, scores = zip(*rows, strict=True)
    for fit in FITS:
        found = fit(labels, scores)(sorted(given_scores))
        assert ((found >= 0) & (found <= 1)).all()
        assert (np.diff(found) >= 0).all()


@given(examples)
def test_a_calibrator_survives_json(rows: Examples) -> None:
    labels, scores = zip(*rows, strict=True)
    for fit in FITS:
        calibrator = fit(labels, scores)
        assert Calibrator.of(json.loads(json.dumps(calibrator.document()))) == calibrator


@settings(max_examples=40)
@given(examples)
def test_no_other_sigmoid_near_by_fits_platts_targets_better(rows: Examples) -> None:
    labels, scores = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    positives, negatives = labels.sum(), len(labels) - labels.sum()
    targets = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(slope: float, intercept: float) -> float:
        logits = slope * scores + intercept
        return float((np.logaddexp(0, logits) - targets * logits).sum())

    found = fit_platt(labels, scores)
    best = loss(found.slope, found.intercept)
    for step, by in itertools.product((-0.01, 0.0, 0.01), repeat=2):
        if found.slope + step >= 0:
            assert loss(found.slope + step, found.intercept + by) >= best - 1e-6


def test_platt_finds_the_sigmoid_that_made_the_labels() -> None:
    found = fit_platt(*drawn(0, 20_000, 1.5, -2.0))
    assert found.slope == pytest.approx(1.5, abs=0.08)
    assert found.intercept == pytest.approx(-2.0, abs=0.1)


def test_perfectly_told_apart_examples_do_not_give_certainty() -> None:
    found = fit_platt([0, 0, 1, 1], [-1.0, -1.0, 1.0, 1.0])
    assert found([1.0])[0] == pytest.approx(3 / 4, abs=1e-6)
    assert found([-1.0])[0] == pytest.approx(1 / 4, abs=1e-6)


def test_scores_that_point_the_wrong_way_tell_nothing() -> None:
    found = fit_platt([1, 1, 0, 0], [-1.0, -2.0, 1.0, 2.0])
    assert found.slope == 0
    assert found([5.0])[0] == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 5)), min_size=1, max_size=7))
def test_pooling_gives_the_nearest_sequence_that_never_falls(rows: list[tuple[float, float]]) -> None:
    means, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = pool(means, weights)
    assert (np.diff(found) >= 0).all()
    error = (weights * (found - means) ** 2).sum()
    assert error == pytest.approx(least_error(means, weights), abs=1e-9)


def least_error(means: "np.ndarray", weights: "np.ndarray") -> float:
    """Every way to cut the sequence into blocks of their mean; the best that never falls."""
    n, best = len(means), float("inf")
    for cuts in itertools.product((False, True), repeat=n - 1):
        edges = [0, *(place + 1 for place, cut in enumerate(cuts) if cut), n]
        blocks = [slice(one, two) for one, two in itertools.pairwise(edges)]
        levels = [float(np.average(means[block], weights=weights[block])) for block in blocks]
        if all(one <= two + 1e-12 for one, two in itertools.pairwise(levels)):
            error = sum(
                float((weights[block] * (means[block] - level) ** 2).sum())
                for block, level in zip(blocks, levels, strict=True)
            )
            best = min(best, error)
    return best


def test_isotonic_is_chosen_where_no_sigmoid_fits_and_platt_where_one_does() -> None:
    assert choose(*drawn(1, 1500, 1.0, 0.0)).calibrator.kind is CalibratorKind.PLATT
    generator = np.random.default_rng(2)
    scores = generator.uniform(-5, 5, size=4000)
    steps = np.where(scores > 1, 0.6, np.where(scores > -4, 0.4, 0.02))
    choice = choose(generator.random(4000) < steps, scores)
    assert choice.calibrator.kind is CalibratorKind.ISOTONIC
    assert choice.log_loss[CalibratorKind.ISOTONIC] < choice.log_loss[CalibratorKind.PLATT]


def test_too_few_examples_to_leave_any_out_get_platt() -> None:
    choice = choose([1, 0, 0], [0.5, 0.1, 0.2])
    assert (choice.calibrator.kind, choice.log_loss) == (CalibratorKind.PLATT, {})


def test_calibrating_makes_scores_believable() -> None:
    labels, scores = drawn(3, 6000, 2.0, -1.0)
    fresh_labels, fresh = drawn(4, 6000, 2.0, -1.0)
    before = calibration_error(fresh_labels, sigmoid(fresh))
    after = calibration_error(fresh_labels, choose(labels, scores).calibrator(fresh))
    assert before is not None
    assert after is not None
    assert after < 0.02
    assert before > 0.1


def test_unknown_labels_are_left_out() -> None:
    assert fit_platt([1, 0, np.nan], [1.0, -1.0, 9.0]) == fit_platt([1, 0], [1.0, -1.0])
    for fit in FITS:
        with pytest.raises(ValueError, match="no example"):
            fit([np.nan], [0.0])


def test_the_log_loss_of_what_was_impossible_is_infinite() -> None:
    assert log_loss([1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))
    assert log_loss([1], [0.0]) == np.inf


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"kind": "platt", "slope": 1.0},
        {"kind": "platt", "slope": -1.0, "intercept": 0.0},
        {"kind": "platt", "slope": float("nan"), "intercept": 0.0},
        {"kind": "platt", "slope": float("inf"), "intercept": 0.0},
        {"kind": "platt", "slope": True, "intercept": 0.0},
        {"kind": "platt", "slope": "1", "intercept": 0.0},
        {"kind": "platt", "slope": 1.0, "intercept": 0.0, "more": 1},
        {"kind": "tower", "slope": 1.0, "intercept": 0.0},
        {"kind": "isotonic", "inputs": [], "outputs": []},
        {"kind": "isotonic", "inputs": [0.0, 1.0], "outputs": [0.5]},
        {"kind": "isotonic", "inputs": [0.0, 0.0], "outputs": [0.1, 0.5]},
        {"kind": "isotonic", "inputs": [0.0, 1.0], "outputs": [0.5, 0.1]},
        {"kind": "isotonic", "inputs": [0.0, 1.0], "outputs": [0.5, 1.1]},
        {"kind": "isotonic", "inputs": [0.0, 1.0], "outputs": [-0.1, 0.5]},
        {"kind": "isotonic", "inputs": "01", "outputs": [0.1, 0.5]},
        {"kind": "isotonic", "inputs": [0.0, None], "outputs": [0.1, 0.5]},
        {"kind": "isotonic", "inputs": [0.0], "outputs": [0.1], "slope": 1.0},
    ],
)
def test_what_is_no_calibrator_is_refused(document: object) -> None:
    with pytest.raises(InvalidInputError, match="calibrator"):
        Calibrator.of(document)


def test_a_score_that_is_no_number_stays_none() -> None:
    for calibrator in (fit_platt([1, 0], [1, -1]), fit_isotonic([1, 0], [1, -1])):
        assert np.isnan(calibrator([np.nan])).all()


def test_a_calibrator_of_both_kinds_is_none() -> None:
    with pytest.raises(InvalidInputError, match="knots"):
        Calibrator(CalibratorKind.PLATT, 1.0, 0.0, (0.0,), (0.5,))
    with pytest.raises(InvalidInputError, match="slope"):
        Calibrator(CalibratorKind.ISOTONIC, 1.0, 0.0, (0.0,), (0.5,))
