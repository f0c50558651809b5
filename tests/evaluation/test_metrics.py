import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.metrics import (
    Estimate,
    Judged,
    OperatingPoint,
    auroc,
    average_precision,
    brier,
    calibration_error,
    decisions,
    operating_point,
    probabilities,
    ranking,
    share,
    share_ratio,
)
from tests.evaluation import ranking_oracle

FEW = Resampling(rounds=60)

tied = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
examples = st.lists(st.tuples(st.integers(0, 1), st.one_of(tied, st.floats(0, 1))), min_size=1, max_size=25)
Examples = list[tuple[int, float]]


def split(rows: Examples) -> tuple[list[int], list[float]]:
    return [label for label, _ in rows], [score for _, score in rows]


def many(seed: int, n: int = 400, lift: float = 1.0) -> Judged:
    generator = np.random.default_rng(seed)
    labels = generator.random(n) < 0.25
    return Judged(labels, generator.normal(size=n) + lift * labels)


def intervals(point: OperatingPoint) -> list[Estimate]:
    return [point.precision, point.recall, point.false_alarms, point.f1, point.flagged]


@given(examples)
def test_average_precision_is_the_mean_precision_at_the_harmful_examples(rows: Examples) -> None:
    labels, scores = split(rows)
    expected = ranking_oracle.average_precision(labels, scores)
    found = average_precision(labels, scores)
    assert found == (None if expected is None else pytest.approx(float(expected)))


@given(examples)
def test_auroc_counts_the_pairs_that_are_in_order(rows: Examples) -> None:
    labels, scores = split(rows)
    expected = ranking_oracle.auroc(labels, scores)
    assert auroc(labels, scores) == (None if expected is None else pytest.approx(float(expected)))


@given(examples, st.randoms(use_true_random=False))
def test_the_order_of_the_examples_does_not_matter(rows: Examples, random: "st.DataObject") -> None:
    other = list(rows)
    random.shuffle(other)  # type: ignore[attr-defined]  # hypothesis gives a Random
    for figure in (average_precision, auroc, brier, calibration_error):
        one, two = figure(*split(rows)), figure(*split(other))
        assert one == (None if two is None else pytest.approx(two))


@given(examples)
def test_a_ranking_does_not_change_when_scores_are_stretched(rows: Examples) -> None:
    labels, scores = split(rows)
    stretched = [3.0 * round(score, 3) - 1.0 for score in scores]
    plain = [round(score, 3) for score in scores]
    assert average_precision(labels, stretched) == average_precision(labels, plain)
    assert auroc(labels, stretched) == auroc(labels, plain)


@given(examples)
def test_turning_labels_and_scores_around_keeps_the_auroc(rows: Examples) -> None:
    labels, scores = split(rows)
    turned = auroc([1 - label for label in labels], [-score for score in scores])
    expected = auroc(labels, scores)
    assert turned == (None if expected is None else pytest.approx(expected))


@given(examples, st.lists(st.floats(0, 1), max_size=10))
def test_what_nobody_judged_is_left_out(rows: Examples, unknown: list[float]) -> None:
    labels, scores = split(rows)
    wider = [*map(float, labels), *(float("nan") for _ in unknown)]
    assert average_precision(wider, [*scores, *unknown]) == average_precision(labels, scores)
    assert brier(wider, [*scores, *unknown]) == brier(labels, scores)


@given(examples, st.integers(1, 20))
def test_the_calibration_error_is_what_its_bins_say(rows: Examples, bins: int) -> None:
    labels, scores = split(rows)
    expected = ranking_oracle.calibration_error(labels, scores, bins)
    assert calibration_error(labels, scores, bins=bins) == pytest.approx(expected, abs=1e-12)


@given(examples)
def test_the_brier_score_is_the_mean_square(rows: Examples) -> None:
    expected = sum((label - score) ** 2 for label, score in rows) / len(rows)
    assert brier(*split(rows)) == pytest.approx(expected)


@given(examples, tied)
def test_decisions_are_counted(rows: Examples, threshold: float) -> None:
    point = operating_point(Judged.of(*split(rows)), threshold, FEW)
    flagged = [label for label, score in rows if score >= threshold]
    calm = [label for label, score in rows if score < threshold]
    assert (point.true_positives, point.false_positives) == (sum(flagged), len(flagged) - sum(flagged))
    assert (point.false_negatives, point.true_negatives) == (sum(calm), len(calm) - sum(calm))
    assert point.precision.value == (pytest.approx(sum(flagged) / len(flagged)) if flagged else None)
    assert point.flagged.value == pytest.approx(len(flagged) / len(rows))


@given(examples, tied)
def test_f1_is_the_harmonic_mean(rows: Examples, threshold: float) -> None:
    point = operating_point(Judged.of(*split(rows)), threshold, FEW)
    precision, recall = point.precision.value, point.recall.value
    if precision and recall:
        assert point.f1.value == pytest.approx(2 / (1 / precision + 1 / recall))


@pytest.mark.parametrize(("flagged", "value"), [(True, 1.0), (False, 0.0)])
def test_an_f1_of_none_or_all_claims_no_certainty(*, flagged: bool, value: float) -> None:
    labels = np.ones(5, np.bool_)
    assert decisions(labels, np.full(5, flagged), FEW).f1 == Estimate(value)


@settings(max_examples=30)
@given(examples, tied)
def test_intervals_contain_their_figure(rows: Examples, threshold: float) -> None:
    judged = Judged.of(*split(rows))
    quality, errors = ranking(judged, FEW), probabilities(judged, FEW)
    every = [quality.average_precision, quality.auroc, errors.brier, errors.calibration_error]
    for estimate in (*every, *intervals(operating_point(judged, threshold, FEW))):
        if estimate.value is None:
            assert estimate == Estimate(None)
        elif estimate.low is not None and estimate.high is not None:
            assert estimate.low <= estimate.value <= estimate.high


def test_a_worked_example() -> None:
    # Precision is 1/1, 2/3 and 3/5 at the three harmful ones.
    labels, scores = [1, 0, 1, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.5]
    assert average_precision(labels, scores) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert auroc(labels, scores) == pytest.approx(3 / 6)


def test_equal_scores_for_all_are_worth_the_base_rate() -> None:
    labels = [1, 0, 0, 0]
    assert average_precision(labels, [0.3] * 4) == pytest.approx(0.25)
    assert auroc(labels, [0.3] * 4) == pytest.approx(0.5)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """For two normal distributions one apart the area is Φ(1/√2) = 0.760."""
    resampling = Resampling(rounds=200, confidence=0.9)
    found = [ranking(many(seed, n=200), resampling).auroc for seed in range(120)]
    covered = sum((each.low or 0) <= 0.7602 <= (each.high or 0) for each in found)
    assert 0.82 <= covered / len(found) <= 0.97


def test_intervals_narrow_with_more_examples_and_repeat_with_the_seed() -> None:
    small, large = ranking(many(1, n=100)).auroc, ranking(many(1, n=3000)).auroc
    assert (large.high or 0) - (large.low or 0) < 0.5 * ((small.high or 0) - (small.low or 0))
    assert ranking(many(1)) == ranking(many(1))
    assert ranking(many(1), Resampling(seed=1)) != ranking(many(1))


def test_no_alarm_among_few_is_no_certainty() -> None:
    point = operating_point(Judged.of([0.0] * 20, [0.1] * 20), 0.5)
    assert point.false_alarms.value == 0
    assert point.false_alarms.high == pytest.approx(0.161, abs=0.001)
    assert (point.precision, point.recall) == (Estimate(None), Estimate(None))


def test_without_any_example_nothing_is_claimed() -> None:
    judged = Judged.of([np.nan, np.nan], [0.1, 0.2])
    assert len(judged) == 0
    assert ranking(judged).average_precision == Estimate(None)
    assert probabilities(judged).brier == Estimate(None)
    assert operating_point(judged, 0.5).flagged == Estimate(None)
    assert (average_precision([], []), auroc([], [])) == (None, None)


def test_without_a_harmful_example_there_is_no_ranking() -> None:
    quality = ranking(Judged.of([0, 0], [0.1, 0.2]))
    assert (quality.n, quality.positives, quality.auroc) == (2, 0, Estimate(None))


def test_the_share_has_an_interval() -> None:
    found = share(np.array([True] * 10 + [False] * 90))
    assert found.value == pytest.approx(0.1)
    assert 0.03 < (found.low or 0) < 0.1 < (found.high or 0) < 0.18


@pytest.mark.parametrize(
    ("labels", "scores"),
    [([1, 0], [0.5]), ([2, 0], [0.5, 0.5]), ([1, 0], [np.nan, 0.5]), ([1, 0], [np.inf, 0.5]), ([[1]], [[0.5]])],
)
def test_what_cannot_be_measured_is_refused(labels: list[float], scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"label|Labels|score"):
        Judged.of(labels, scores)


def test_scores_that_are_no_probabilities_have_no_calibration() -> None:
    with pytest.raises(ValueError, match="no probability"):
        probabilities(Judged.of([1, 0], [1.5, 0.1]))


def test_a_ratio_of_shares_is_drawn_from_the_same_examples() -> None:
    before = np.array([True] * 80 + [False] * 20)
    after = np.array([True] * 60 + [False] * 40)
    found = share_ratio(after, before)
    assert found.value == pytest.approx(0.75)
    assert 0.6 < (found.low or 0) < 0.75 < (found.high or 0) < 0.86
    assert share_ratio(after, np.zeros(100, np.bool_)) == Estimate(None)
