import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError
from moderation.domain.signal import Surface
from moderation.signals.text_harm.training.batches import Corpus, TrainingRow, epoch, joined
from moderation.signals.text_harm.training.examples import (
    LETTERS,
    UNKNOWN,
    Example,
    Options,
    Part,
    capped,
    label_matrix,
)
from moderation.signals.text_harm.training.obfuscate import TRICKS, obfuscated


def _row(*labels: int, token: int = 5) -> TrainingRow:
    return TrainingRow([token], np.array(labels, np.int8), np.full(len(labels), 0.25, np.float32), 1.0)


def _example(labels: dict[str, int], source: str = "a", text: str = "x") -> Example:
    return Example(text, labels, source, (Surface.CAPTION,), Part.TRAIN)


def test_texts_that_are_joined_are_harmful_where_any_is_and_harmless_where_all_are() -> None:
    random = np.random.default_rng(0)
    found = joined([_row(1, 0, UNKNOWN, UNKNOWN), _row(0, 0, 0, 1)], random)
    assert found.labels.tolist() == [1, 0, UNKNOWN, 1]
    assert len(found.tokens) == 2


@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 90), size=st.integers(1, 17))
def test_an_epoch_has_every_row_once_in_batches_of_the_size(rows: int, size: int) -> None:
    corpus = Corpus(["x"] * rows, [_row(0, token=place) for place in range(rows)], lambda text: [1], (101, 102))
    options = Options(batch_rows=size, joined_share=0.0, obfuscated_share=0.0)
    batches = list(epoch(corpus, options, np.random.default_rng(1)))
    assert sorted(row.tokens[0] for batch in batches for row in batch) == list(range(rows))
    assert all(0 < len(batch) <= size for batch in batches)


def test_labels_that_are_absent_are_unknown() -> None:
    matrix = label_matrix([_example({"S": 1, "T": 0})])
    assert matrix.shape == (1, len(LETTERS))
    assert matrix[0, LETTERS.index("S")] == 1
    assert matrix[0, LETTERS.index("T")] == 0
    assert (matrix == UNKNOWN).sum() == len(LETTERS) - 2


@pytest.mark.parametrize("labels", [{"S": 2}, {"S": -1}, {"X": 1}])
def test_labels_that_mean_nothing_are_refused(labels: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError):
        label_matrix([_example(labels)])


def test_caps_keep_the_rare_harmful_rows() -> None:
    harmless = [_example({"H": 0, "T": 1}, text=str(place)) for place in range(50)]
    harmful = [_example({"H": 1}, text=f"h{place}") for place in range(5)]
    kept = capped([*harmless, *harmful, _example({}, "b")], Options(caps={"a": 8}))
    assert {example.text for example in harmful} <= {example.text for example in kept}
    assert len(kept) == 9
    assert kept == capped([*harmless, *harmful, _example({}, "b")], Options(caps={"a": 8}))


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=60), seed=st.integers(0, 99))
def test_respelling_is_repeatable_and_keeps_the_number_of_words(text: str, seed: int) -> None:
    first = obfuscated(text, np.random.default_rng(seed))
    assert first == obfuscated(text, np.random.default_rng(seed))
    assert text.strip() == "" or first.strip()


def test_every_trick_changes_some_word() -> None:
    random = np.random.default_rng(2)
    for trick in TRICKS:
        assert any(trick("explosion", random) != "explosion" for _ in range(20))
