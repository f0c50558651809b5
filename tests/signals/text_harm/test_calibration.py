import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.calibration import fit_isotonic, fit_platt
from moderation.signals.text_harm.calibration import SURFACES, Isotonic, Platt, Thresholds
from moderation.signals.text_harm.signal import TEXT_HARM
from moderation.signals.text_harm.training.calibrate import curve_of, fit_curve, uncalibrated
from moderation.signals.text_harm.training.holds import LEAST_PRECISION, balanced, thresholds

LOGITS = st.lists(st.floats(-30, 30), min_size=2, max_size=60)


@settings(deadline=None, max_examples=30)
@given(logits=LOGITS, slope=st.floats(0.01, 10), intercept=st.floats(-10, 10))
def test_platt_rises_within_its_range(logits: list[float], slope: float, intercept: float) -> None:
    values = Platt(slope=slope, intercept=intercept).apply(np.sort(np.array(logits)))
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values) >= 0).all()


@settings(deadline=None, max_examples=30)
@given(logits=LOGITS, harmful=st.data())
def test_fitted_curves_never_fall(logits: list[float], harmful: st.DataObject) -> None:
    truth = np.array(harmful.draw(st.lists(st.booleans(), min_size=len(logits), max_size=len(logits))))
    known = np.array(logits)
    for fitted in (fit_platt(truth, known), fit_isotonic(truth, known)):
        curve = curve_of(fitted)
        values = curve.apply(np.linspace(-40, 40, 101))
        assert ((values >= 0) & (values <= 1)).all()
        assert (np.diff(values) >= -1e-12).all()


def test_platt_finds_the_curve_that_the_labels_were_drawn_from() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0, 3, 4000)
    harmful = random.random(4000) < 1 / (1 + np.exp(-(0.7 * logits - 1)))
    curve = curve_of(fit_platt(harmful, logits))
    assert isinstance(curve, Platt)
    assert curve.slope == pytest.approx(0.7, abs=0.1)
    assert curve.intercept == pytest.approx(-1, abs=0.15)
    chosen = fit_curve(logits, harmful)
    assert np.abs(chosen.apply(logits) - 1 / (1 + np.exp(-(0.7 * logits - 1)))).mean() < 0.03


def test_a_curve_with_a_step_is_followed_by_isotonic() -> None:
    random = np.random.default_rng(4)
    logits = random.uniform(-3, 3, 3000)
    harmful = random.random(3000) < np.where(logits < 0, 0.3, np.where(logits < 1.5, 0.35, 0.98))
    assert isinstance(fit_curve(logits, harmful), Isotonic)


def test_one_class_alone_gives_a_curve_all_the_same() -> None:
    curve = fit_curve(np.array([0.1, 0.2, 0.3]), np.zeros(3, bool))
    assert (curve.apply(np.array([-5.0, 5.0])) < 0.9).all()


def test_equal_logits_are_pooled_and_a_level_still_tells_texts_apart() -> None:
    logits = np.repeat([-1.0, 0.0, 1.0], 60)
    harmful = np.concatenate([np.arange(60) < share * 60 for share in (0.2, 0.1, 0.9)])
    curve = curve_of(fit_isotonic(harmful, logits))
    assert isinstance(curve, Isotonic)
    assert curve.apply(np.array([-0.5, 1.0])) == pytest.approx([0.15, 0.9])
    assert (np.diff(curve.apply(np.linspace(-8, 8, 50))) > 0).all()


def test_without_an_example_the_curve_is_the_plain_one() -> None:
    assert fit_curve(np.empty(0), np.empty(0, bool)) == Platt(slope=1.0, intercept=0.0)


def _judged(seed: int, categories: int) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(seed)
    harmful = np.arange(1000) < 300
    return [(np.clip(random.normal(np.where(harmful, 0.7, 0.3), 0.15), 0, 1), harmful) for _ in range(categories)]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99), categories=st.integers(1, 8), limit=st.sampled_from([0.0, 0.01, 0.03, 0.2]))
def test_all_categories_together_keep_to_the_limit_of_every_pool(seed: int, categories: int, limit: float) -> None:
    judged = _judged(seed, categories)
    random = np.random.default_rng(seed)
    pools = {
        "ordinary": np.clip(random.normal(0.35, 0.1, (400, categories)), 0, 0.98),
        "short": np.empty((0, categories)),
    }
    holds = balanced(judged, pools, {"ordinary": limit, "short": 0.0})
    assert (pools["ordinary"] >= holds).any(axis=1).mean() <= limit
    for (scores, harmful), hold in zip(judged, holds, strict=True):
        flagged = scores >= hold
        assert not flagged.any() or harmful[flagged].mean() >= LEAST_PRECISION - 0.01


def test_a_limit_that_one_category_uses_is_left_to_it() -> None:
    judged = _judged(1, 2)
    pool = np.stack([np.linspace(0, 0.9, 1000), np.zeros(1000)], axis=1)
    loud, quiet = balanced(judged, {"ordinary": pool}, {"ordinary": 0.1})
    assert (pool[:, 0] >= loud).mean() == pytest.approx(0.1, abs=0.002)
    assert quiet < loud


def test_what_is_left_over_goes_to_the_category_with_the_least_recall() -> None:
    harmful = np.arange(1000) < 300
    judged = [(np.where(harmful, level, 0.01), harmful) for level in (0.9, 0.5)]
    pool = np.zeros((100, 2))
    pool[0, 0] = pool[1, 1] = 0.6  # the limit of one text in 100 lets only one of these two be flagged
    first, second = balanced(judged, {"ordinary": pool}, {"ordinary": 0.01})
    assert first > 0.6
    assert second <= 0.5


def test_thresholds_stand_in_order_and_recall_what_they_aim_at() -> None:
    ((scores, harmful),) = _judged(5, 1)
    found = thresholds(scores, harmful, 0.6)
    assert found.high_recall <= found.balanced == 0.6 <= found.high_precision
    assert (scores[harmful] >= found.high_recall).mean() >= 0.88


def test_thresholds_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError):
        Thresholds(high_recall=0.5, balanced=0.4, high_precision=0.9)


def test_specs_recommend_thresholds_for_every_score_in_order() -> None:
    uses = ("high recall", "balanced", "high precision")
    scores = [column for column in TEXT_HARM.columns if column.name.endswith("_score")]
    assert len(scores) == 7 * len(SURFACES) + 1
    for column in scores:
        values = [column.recommended[use] for use in uses]
        assert values == sorted(values)
    assert set(uncalibrated("0" * 64, "1" * 64, 256).surfaces[Surface.CAPTION]) == set(HarmCategory)
