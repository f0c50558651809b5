from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.signals.text_harm.calibration import SURFACES
from moderation.signals.text_harm.model import TextHarmModel
from moderation.signals.text_harm.product import Product

pytestmark = pytest.mark.timeout(400)  # the first test trains and exports, which takes a busy machine minutes

SEXUAL = list(HarmCategory).index(HarmCategory.SEXUAL)


def test_scores_have_a_row_per_text_and_a_column_per_category(model: TextHarmModel) -> None:
    scores = model.scores(["a green tree", "nude painting", ""], Surface.CAPTION)
    assert scores.shape == (3, len(HarmCategory))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert model.scores([], Surface.CAPTION).shape == (0, len(HarmCategory))


def test_it_learned_what_it_was_shown(model: TextHarmModel) -> None:
    harmless, harmful = model.scores(["quiet garden walk", "quiet nude walk"], Surface.CAPTION)[:, SEXUAL]
    assert harmful > 0.5 > harmless


@pytest.mark.parametrize("text", ["", "   ", "\u200b\u200d", "\n\t"])
def test_a_text_that_shows_nothing_scores_zero(model: TextHarmModel, text: str) -> None:
    for surface in SURFACES:
        assert not model.scores([text], surface).any()
    assert not model.embeddings([text]).any()


def test_what_is_not_a_number_is_not_taken_for_harmless(model: TextHarmModel) -> None:
    logits = np.array([[np.nan] * len(HarmCategory), [-np.inf] * len(HarmCategory)], np.float32)
    for surface in SURFACES:
        broken, empty = model.calibrated(logits, surface)
        assert np.isnan(broken).all()
        assert not empty.any()


def test_embeddings_are_of_length_one(model: TextHarmModel) -> None:
    lengths = np.linalg.norm(model.embeddings(["a cat", "the river is blue " * 40]), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(order=st.permutations(range(6)), repeated=st.integers(0, 5))
def test_the_company_of_a_text_changes_nothing_but_rounding(
    model: TextHarmModel, order: list[int], repeated: int
) -> None:
    texts = ["a cat", "nude people in the green garden", "I hate this", "", "blood and gore", "happy dog on a walk"]
    alone = np.concatenate([model.scores([text], Surface.PROMPT) for text in texts])
    mixed = model.scores([texts[place] for place in order] + [texts[repeated]], Surface.PROMPT)
    # Activations are quantised per batch, so that neighbours move a score a little.
    np.testing.assert_allclose(mixed, alone[[*order, repeated]], atol=0.12)
    np.testing.assert_array_equal(mixed[order.index(repeated)], mixed[-1])


def test_harm_anywhere_in_a_long_text_counts(model: TextHarmModel) -> None:
    long = "the river is green and quiet in the morning " * 20
    clean, hidden = model.scores([long, long + "nude nude nude naked sex nude sex"], Surface.CAPTION)[:, SEXUAL]
    assert hidden > clean


def test_a_longer_text_is_read_in_parts_too_and_a_short_one_is_not(product_folder: Path) -> None:
    product = Product.open(product_folder)
    whole = replace(product, calibration=product.calibration.model_copy(update={"part_tokens": None}))
    in_parts, without = (TextHarmModel.of(each, threads=1) for each in (product, whole))
    short, long = "nude cat in the green garden", "the river is blue " * 3 + "nude sex naked " + "a happy dog " * 3
    np.testing.assert_allclose(in_parts.read([short]).logits, without.read([short]).logits, atol=1e-5)
    np.testing.assert_allclose(in_parts.embeddings([long]), without.embeddings([long]), atol=1e-5)
    assert np.abs(in_parts.read([long]).logits - without.read([long]).logits).max() > 1e-2


@pytest.mark.parametrize(
    "text", ["n u d e people", "n.u.d.e people", "nud3 people", "NUDE people", "n\u200bude people"]
)
def test_respelling_does_not_lower_a_score(model: TextHarmModel, text: str) -> None:
    plain, respelled = model.scores(["nude people", text], Surface.CAPTION)[:, SEXUAL]
    assert respelled >= plain - 0.12
