import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation.signals.engine.buckets import LENGTHS, batch_sizes, bucket, padded


@given(most=st.integers(1, 300), rows=st.integers(1, 300))
def test_every_number_of_rows_up_to_the_largest_has_a_bucket_less_than_twice_as_large(most: int, rows: int) -> None:
    sizes = batch_sizes(most)
    assert sizes[-1] == most
    assert list(sizes) == sorted(set(sizes))
    if rows <= most:
        assert rows <= bucket(rows, sizes) < 2 * rows or bucket(rows, sizes) == 1


@given(rows=st.integers(1, 6), length=st.integers(1, 600), extra=st.integers(0, 4))
def test_padding_keeps_what_was_there_and_adds_zeros_and_copies(rows: int, length: int, extra: int) -> None:
    ids = np.arange(1, rows * length + 1).reshape(rows, length)
    whole = np.ones((rows, length))
    found = padded({"ids": ids, "whole": whole}, rows + extra, frozenset({"ids"}))
    assert found["ids"].shape == (rows + extra, bucket(length, LENGTHS))
    assert (found["ids"][:rows, :length] == ids).all()
    assert not found["ids"][:, length:].any()
    assert (found["ids"][rows:, :length] == ids[-1]).all()
    assert found["whole"].shape == (rows + extra, length)
