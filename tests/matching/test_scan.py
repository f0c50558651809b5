import numpy as np
import pytest
from numpy.typing import NDArray

from moderation.matching.index import HashIndex
from moderation.matching.scan import ExactScan
from tests.matching.index_contract import HashIndexContract, codes, slowly


class TestExactScan(HashIndexContract):
    def build(self, entries: NDArray[np.uint8]) -> HashIndex:
        return ExactScan(entries)


@pytest.mark.parametrize("chunk_pairs", [1, 7, 20, 1000])
def test_chunks_make_no_difference(chunk_pairs: int) -> None:
    queries, entries = codes(8, seed=1), codes(50, seed=2)
    entries[[0, 1, 2, 48, 49]] = queries[[3, 3, 4, 5, 3]]
    assert ExactScan(entries, chunk_pairs=chunk_pairs).search(queries, 110) == slowly(entries, queries, 110)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((2, 32), np.int64), np.zeros((1, 2, 32), np.uint8)],
)
def test_codes_of_another_shape_are_an_error(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="codes must be"):
        ExactScan(wrong)
    with pytest.raises(ValueError, match="codes must be"):
        ExactScan(codes(1)).search(wrong, 31)
