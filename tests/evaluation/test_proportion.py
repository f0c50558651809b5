from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.evaluation.proportion import Proportion, wilson

counts = st.integers(0, 10**9).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_newcombes_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    found = wilson(successes, trials)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)
    assert found.value == successes / trials


@given(counts, st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_interval_holds_the_share_and_mirrors_with_it(count: tuple[int, int], confidence: float) -> None:
    successes, trials = count
    found = wilson(successes, trials, confidence=confidence)
    mirrored = wilson(trials - successes, trials, confidence=confidence)
    if found.value is None or found.low is None or found.high is None or mirrored.high is None:
        assert trials == 0
        return
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-9)


@given(st.integers(1, 999))
def test_the_bounds_are_the_shares_that_the_score_test_just_accepts(successes: int) -> None:
    found = wilson(successes, 1000)
    assert found.low is not None
    distance = successes / 1000 - found.low
    assert distance / (found.low * (1 - found.low) / 1000) ** 0.5 == pytest.approx(NormalDist().inv_cdf(0.975))


def test_without_trials_nothing_is_known() -> None:
    assert wilson(0, 0) == Proportion(None, None, None, 0, 0)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3), (0, -1)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson(successes, trials)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_impossible_confidence_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        wilson(1, 2, confidence=confidence)
