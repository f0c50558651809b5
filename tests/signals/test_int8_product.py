import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation.signals import int8_product
from moderation.signals.int8_product import Int8Packer, PackedRows


@pytest.fixture(scope="module")
def packer() -> Int8Packer:
    return Int8Packer()


def plain(asked: NDArray[np.int8], rows: NDArray[np.int8]) -> NDArray[np.int64]:
    return asked.astype(np.int64) @ rows.astype(np.int64).T


@given(st.integers(1, 9), st.integers(0, 5), st.integers(1, 70), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_it_is_exact(packer: Int8Packer, count: int, asking: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(-128, 128, (count, size), np.int8)
    asked = rng.integers(-128, 128, (asking, size), np.int8)
    for packed in (packer.pack(rows), PackedRows(rows, signed=False)):
        assert packed.products(asked).shape == (asking, count)
        assert (packed.products(asked) == plain(asked, rows)).all()


def test_extreme_values_do_not_overflow(packer: Int8Packer) -> None:
    size = 4096
    for one, other in ((127, 127), (-128, -128), (-128, 127), (127, -128)):
        asked, rows = np.full((1, size), one, np.int8), np.full((1, size), other, np.int8)
        for packed in (packer.pack(rows), PackedRows(rows, signed=False)):
            assert packed.products(asked).item() == one * other * size


def test_a_machine_that_cuts_off_gets_unsigned_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PackedRows.products
    taken: list[bool] = []

    class Cutting(PackedRows):
        """16 bits for the sum of two products, as without VNNI."""

        def __init__(self, rows: NDArray[np.int8], *, signed: bool) -> None:
            super().__init__(rows, signed=signed)
            self.signed = signed
            taken.append(signed)

        def products(self, asked: NDArray[np.int8]) -> NDArray[np.int32]:
            found = right(self, asked)
            return np.minimum(found, 2**15 - 1) if self.signed else found

    monkeypatch.setattr(int8_product, "PackedRows", Cutting)
    rows = np.full((2, 64), 127, np.int8)
    packer = Int8Packer()
    assert (packer.pack(rows).products(rows) == plain(rows, rows)).all()
    packer.pack(rows)
    assert taken == [True, False, False], "it is tried once"


def test_nothing_cannot_be_packed(packer: Int8Packer) -> None:
    with pytest.raises(ValueError, match="nothing"):
        packer.pack(np.zeros((0, 4), np.int8))
