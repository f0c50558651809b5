from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation.signals.engine.buckets import Buckets, bucket
from tests.signals.engine.modules import bert_source, texts, vit_source


@given(most=st.integers(1, 300), rows=st.integers(1, 300))
def test_every_number_of_rows_up_to_the_most_has_a_bucket_less_than_twice_as_large(most: int, rows: int) -> None:
    sizes = Buckets.of(vit_source(), most).rows
    assert sizes[-1] == most
    assert list(sizes) == sorted(set(sizes))
    if rows <= most:
        assert rows <= bucket(rows, sizes) < 2 * rows or bucket(rows, sizes) == 1


@given(most=st.integers(1, 300), longest=st.integers(1, 600))
def test_texts_have_few_buckets_and_the_longest_is_the_models_own(most: int, longest: int) -> None:
    found = Buckets.of(replace(bert_source(), max_length=longest), most)
    assert found.lengths[-1] == longest
    assert found.rows[-1] == most
    assert len(found.rows) * len(found.lengths) <= 9


@given(rows=st.integers(1, 6), length=st.integers(1, 512), most=st.integers(6, 9))
def test_padding_keeps_what_was_there_and_adds_zeros_and_copies(rows: int, length: int, most: int) -> None:
    buckets = Buckets.of(bert_source(), most)
    ids = np.arange(1, rows * length + 1).reshape(rows, length)
    found = buckets.padded({"input_ids": ids, "other": np.ones((rows, 3))})
    assert found["input_ids"].shape == (bucket(rows, buckets.rows), bucket(length, buckets.lengths))
    assert (found["input_ids"][:rows, :length] == ids).all()
    assert not found["input_ids"][:, length:].any()
    assert (found["input_ids"][rows:, :length] == ids[-1]).all()
    assert found["other"].shape == (bucket(rows, buckets.rows), 3)


@given(rows=st.integers(1, 9), length=st.integers(1, 40))
def test_what_is_warmed_up_has_exactly_the_size(rows: int, length: int) -> None:
    found = Buckets.of(bert_source(), 8).sized(texts(4, 12), rows, length)
    assert {array.shape for array in found.values()} == {(rows, length)}
