import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.evaluation.curves import MOST_POINTS, histogram, precision_recall, reliability
from moderation.evaluation.metrics import Judged, calibration_error

examples = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)
Examples = list[tuple[int, float]]


def judged(rows: Examples) -> Judged:
    labels, scores = zip(*rows, strict=True)
    return Judged.of(labels, scores)


@given(examples)
def test_the_bins_add_up_to_the_calibration_error(rows: Examples) -> None:
    bins = reliability(judged(rows))
    error = sum(abs((each.observed.value or 0) - each.mean_score) * each.observed.trials for each in bins) / len(rows)
    labels, scores = zip(*rows, strict=True)
    assert error == pytest.approx(calibration_error(labels, scores), abs=1e-9)
    assert all(each.low - 1e-9 <= each.mean_score <= each.high + 1e-9 for each in bins)


@given(examples)
def test_every_example_falls_into_one_bin_of_the_histogram(rows: Examples) -> None:
    found = histogram(judged(rows))
    assert found.harmful.sum() == sum(label for label, _ in rows)
    assert found.harmless.sum() == sum(1 - label for label, _ in rows)


@given(examples)
def test_a_curve_ends_with_everything_found(rows: Examples) -> None:
    found = precision_recall(judged(rows))
    positives = sum(label for label, _ in rows)
    if found is None:
        assert positives == 0
        return
    assert (np.diff(found.recall) >= 0).all()
    assert found.recall[-1] == 1
    assert found.precision[-1] == pytest.approx(positives / len(rows))


def test_a_long_curve_is_thinned() -> None:
    scores = np.linspace(0, 1, 5000)
    found = precision_recall(Judged(scores > 0.5, scores))
    assert found is not None
    assert len(found.recall) == MOST_POINTS
    assert (found.thresholds[0], found.thresholds[-1]) == (1.0, 0.0)
