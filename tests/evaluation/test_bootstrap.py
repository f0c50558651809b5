from math import isnan

import numpy as np
import pytest

from moderation.evaluation.bootstrap import Columns, Resampling, percentile_interval


def mean(sums: Columns) -> Columns:
    return sums[:, 0] / sums[:, 1]


def only_large_draws(sums: Columns) -> Columns:
    return np.where(sums[:, 0] > 1e6, sums[:, 0], np.nan)


def observations(values: Columns) -> Columns:
    return np.column_stack((values, np.ones(len(values))))


def test_the_interval_of_a_mean_is_that_of_drawing_unit_by_unit() -> None:
    values = np.random.default_rng(5).integers(0, 6, size=80).astype(np.float64)
    generator = np.random.default_rng(6)
    slow = [generator.choice(values, size=80).mean() for _ in range(4000)]
    found = percentile_interval(observations(values), mean, Resampling(rounds=4000, seed=1))
    assert found == pytest.approx(tuple(np.quantile(slow, (0.025, 0.975))), abs=0.04)


def test_the_order_of_units_does_not_matter() -> None:
    rows = observations(np.arange(30.0))
    assert percentile_interval(rows, mean, Resampling()) == percentile_interval(rows[::-1], mean, Resampling())


def test_many_distinct_rows_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = observations(np.arange(30.0))
    whole = percentile_interval(rows, mean, Resampling(rounds=100))
    monkeypatch.setattr("moderation.evaluation.bootstrap.MAX_WEIGHTS", 70)
    assert percentile_interval(rows, mean, Resampling(rounds=100)) == whole


def test_there_is_no_interval_where_most_rounds_have_no_value() -> None:
    assert isnan(only_large_draws(np.zeros((1, 2)))[0])
    assert percentile_interval(observations(np.arange(5.0)), only_large_draws, Resampling()) is None


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"confidence": 0.0}, {"confidence": 1.0}])
def test_what_cannot_be_drawn_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"too few|between 0 and 1"):
        Resampling(**wrong)  # type: ignore[arg-type]
