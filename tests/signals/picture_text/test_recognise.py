import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation.domain.errors import ModelStoreError
from moderation.signals.engine.inference import InferenceError
from moderation.signals.picture_text.recognise import UNSAFE, alphabet, decode, safe

CHARACTERS = alphabet("a\nb\nc", 5)


def steps(classes: str, chance: float = 0.9) -> NDArray[np.float32]:
    """One row for each character: "-" is blank, "_" the space."""
    rows = np.full((len(classes), len(CHARACTERS)), (1 - chance) / 4, np.float32)
    for row, shown in zip(rows, classes, strict=True):
        row["-abc_".index(shown)] = chance
    return rows


@pytest.mark.parametrize(
    ("classes", "text"),
    [("", ""), ("---", ""), ("aab", "ab"), ("aa-ab", "aab"), ("a-_-b", "a b"), ("__a__", "a"), ("cc--cc", "cc")],
)
def test_repeats_are_one_character_and_blanks_none(classes: str, text: str) -> None:
    assert decode(steps(classes), CHARACTERS).text == text


def test_confidence_is_the_mean_chance_of_the_characters() -> None:
    rows = np.concatenate([steps("a", 0.9), steps("-", 0.99), steps("b", 0.7)])
    assert decode(rows, CHARACTERS).confidence == pytest.approx(0.8)
    assert decode(steps("---"), CHARACTERS).confidence == 0


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_chances_that_are_no_numbers_are_an_error(wrong: float) -> None:
    rows = steps("ab")
    rows[1, 2] = wrong
    with pytest.raises(InferenceError, match="not finite"):
        decode(rows, CHARACTERS)


def test_an_alphabet_of_another_size_is_refused() -> None:
    with pytest.raises(ModelStoreError, match="6 classes, but 5 characters"):
        alphabet("a\nb\nc", 6)


@given(st.text(alphabet=st.characters(codec=None)))
def test_stored_text_is_valid_composed_and_without_controls(text: str) -> None:
    kept = safe(text)
    kept.encode("utf-8")
    assert not any(unicodedata.category(character) in UNSAFE for character in kept)
    assert safe(kept) == kept
    assert kept == " ".join(kept.split(" ")).strip()


def test_invisible_characters_and_lone_surrogates_go() -> None:
    assert safe("a\u200bb\ud800\x07 c\u3000\nd\u202e") == "ab c d"
