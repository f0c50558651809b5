import numpy as np
import pytest

from moderation.matching.multi_index import build
from moderation.matching.multi_index.build import distinct
from tests.matching.index_contract import codes


@pytest.mark.parametrize("same_mix", [False, True])
def test_equal_codes_are_one_with_all_their_keys(same_mix: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Different codes whose words mix to the same number stay apart."""
    if same_mix:
        monkeypatch.setattr(build, "MIX", np.zeros(4, dtype=np.uint64))
    rows = codes(4)[[2, 0, 1, 0, 3, 2, 0]]
    found = distinct(rows, np.array([70, 10, 20, 50, 30, 40, 60]))
    assert found.codes.view(np.uint8).tolist() == rows[[1, 2, 4, 5]].tolist()
    assert found.first_keys.tolist() == [10, 20, 30, 40]
    assert (found.extra_codes.tolist(), found.extra_starts.tolist()) == ([0, 3], [0, 2, 3])
    assert found.extra_keys.tolist() == [50, 60, 70]
    assert (found.more_keys.tolist(), found.more_codes.tolist()) == ([50, 60, 70], [0, 0, 3])


@pytest.mark.parametrize("keys", [[1, 2], [1, 2, 2], [3, 1, 3]])
def test_keys_that_do_not_fit_are_an_error(keys: list[int]) -> None:
    with pytest.raises(ValueError, match="key"):
        distinct(codes(3), np.array(keys))
