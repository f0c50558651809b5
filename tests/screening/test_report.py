from hypothesis import given
from hypothesis import strategies as st

from moderation.screening.report import quantile

SECONDS = st.lists(st.floats(0, 100), min_size=1, max_size=50)


@given(SECONDS, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_quantiles_are_ordered_and_lie_within_the_values(values: list[float], a: float, b: float) -> None:
    low, high = quantile(values, min(a, b)), quantile(values, max(a, b))
    assert min(values) <= low
    assert high <= max(values)
    assert low <= high + 1e-9


def test_the_median_of_known_values() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([], 0.5) == 0.0
