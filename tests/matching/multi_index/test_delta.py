import numpy as np

from moderation.matching.multi_index.delta import FIRST_ROWS, Delta
from moderation.matching.multi_index.layout import words_of
from tests.matching.index_contract import codes

ROWS = 3 * FIRST_ROWS


def test_a_snapshot_stays_what_it_was_whatever_is_made_of_it() -> None:
    """A search that runs goes on seeing the rows and removals of the snapshot that it began with."""
    words, keys = words_of(codes(ROWS)), np.arange(ROWS)
    first = Delta.empty().with_rows(words[:2], keys[:2]).with_removed(np.array([9, 5]))
    later = first.without_rows(np.array([0])).with_rows(words[2:], keys[2:]).with_removed(np.array([7]))
    assert (first.live_rows().tolist(), first.removed.tolist(), first.count) == ([0, 1], [5, 9], 2)
    assert np.array_equal(first.codes[:2], words[:2])
    assert (later.live_rows().tolist(), later.removed.tolist()) == (list(range(1, ROWS)), [5, 7, 9])
    assert np.array_equal(later.codes[:ROWS], words)
