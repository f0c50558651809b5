import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.signals.int8_product import Int8Product, shifted


@pytest.fixture(scope="module")
def product() -> Int8Product:
    return Int8Product()


@given(st.integers(0, 9), st.integers(0, 5), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_it_is_exact(product: Int8Product, rows: int, columns: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left = rng.integers(-128, 128, (rows, size), np.int8)
    right = rng.integers(-128, 128, (columns, size), np.int8)
    expected = left.astype(np.int64) @ right.astype(np.int64).T
    assert (product(shifted(left), right) == expected).all()
    assert product(shifted(left), right).shape == (rows, columns)


def test_extreme_values_do_not_overflow(product: Int8Product) -> None:
    size = 4096
    for one, other in ((127, 127), (-128, -128), (-128, 127)):
        left, right = np.full((1, size), one, np.int8), np.full((1, size), other, np.int8)
        assert product(shifted(left), right).item() == one * other * size
