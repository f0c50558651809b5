import numpy as np

from moderation.signals.text_harm.training.words import MOST, SHARE, Words, fit_words

PIECES = 40
HARMFUL = 7


def _rows(count: int) -> tuple[list[list[int]], np.ndarray]:
    """Rows of four pieces, of which every second has the harmful one; the second label is unknown in odd places."""
    random = np.random.default_rng(0)
    tokens = [random.integers(10, PIECES, 4).tolist() for _ in range(count)]
    truth = np.arange(count) % 2
    for place in np.flatnonzero(truth):
        tokens[place][0] = HARMFUL
    known = np.where(np.arange(count) % 3, truth, -1)
    return tokens, np.stack([truth, known, np.zeros(count, int)], axis=1).astype(np.int8)


def test_the_word_that_harmful_texts_share_counts_most() -> None:
    tokens, labels = _rows(400)
    words = fit_words(tokens, labels, np.ones(400, np.float32), PIECES)
    assert words.weight[:, 0].argmax() == words.weight[:, 1].argmax() == HARMFUL
    logits = words.logits([[HARMFUL, 11], [11, 12]])
    assert (logits[0, :2] > 0).all()
    assert (logits[1, :2] < 0).all()


def test_a_label_without_harmful_rows_and_pieces_never_seen_count_nothing() -> None:
    tokens, labels = _rows(400)
    words = fit_words(tokens, labels, np.ones(400, np.float32), PIECES)
    assert not words.weight[:, 2].any()
    assert words.bias[2] == 0
    assert not words.weight[:HARMFUL].any()


def test_saying_a_word_often_says_it_once_and_no_sum_is_without_bounds() -> None:
    words = Words(np.full((PIECES, 1), 5.0, np.float32), np.zeros(1, np.float32))
    expected = SHARE * np.array([5.0, 5.0, MOST])
    np.testing.assert_allclose(words.logits([[3], [3, 3, 3], [3, 4, 5]]).ravel(), expected, rtol=1e-6)


def test_a_row_that_weighs_nothing_teaches_nothing() -> None:
    tokens, labels = _rows(400)
    wrong = [[HARMFUL, 12]] * 400
    flipped = np.zeros((400, 3), np.int8)
    weights = np.concatenate([np.ones(400), np.full(400, 1e-6)]).astype(np.float32)
    words = fit_words([*tokens, *wrong], np.concatenate([labels, flipped]), weights, PIECES)
    assert words.logits([[HARMFUL, 11]])[0, 0] > 0
