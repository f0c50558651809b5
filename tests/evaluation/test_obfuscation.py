import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.evaluation.obfuscation import EMOJI, GAPS, INVISIBLE, LEET, MARKS, VOWELS, Obfuscation, obfuscate
from moderation.media.text import fold

texts = st.one_of(st.text(max_size=60), st.from_regex(r"[A-Za-z]{1,9}( [A-Za-z]{1,9}){0,8}", fullmatch=True))
kinds = st.sampled_from(list(Obfuscation))
seeds = st.integers(0, 1000)
EXAMPLE = "Seven elephants quietly balance on a yellow bicycle"


@given(texts, kinds, seeds)
def test_the_same_text_and_seed_give_the_same_writing(text: str, kind: Obfuscation, seed: int) -> None:
    assert obfuscate(text, kind, seed=seed) == obfuscate(text, kind, seed=seed)


@pytest.mark.parametrize("kind", Obfuscation)
def test_every_way_changes_a_sentence_and_differs_from_the_others(kind: Obfuscation) -> None:
    written = obfuscate(EXAMPLE, kind)
    assert written != EXAMPLE
    assert all(written != obfuscate(EXAMPLE, other) for other in Obfuscation if other is not kind)


@pytest.mark.parametrize("kind", sorted(set(Obfuscation) - {Obfuscation.FULLWIDTH}))
def test_another_seed_writes_differently(kind: Obfuscation) -> None:
    assert len({obfuscate(EXAMPLE, kind, seed=seed) for seed in range(8)}) > 1


@given(texts, seeds)
def test_zero_width_letters_are_all_that_is_added(text: str, seed: int) -> None:
    def without(some: str) -> str:
        return some.translate(dict.fromkeys(map(ord, INVISIBLE)))

    assert without(obfuscate(text, Obfuscation.ZERO_WIDTH, seed=seed)) == without(text)


@given(st.text(alphabet=[chr(code) for code in range(32, 127)]), seeds)
def test_fullwidth_letters_are_the_same_letters_to_unicode(text: str, seed: int) -> None:
    assert unicodedata.normalize("NFKC", obfuscate(text, Obfuscation.FULLWIDTH, seed=seed)) == text


@given(texts.filter(str.isascii), seeds)
def test_leet_keeps_the_length_and_only_swaps_its_letters(text: str, seed: int) -> None:
    written = obfuscate(text, Obfuscation.LEET, seed=seed)
    assert len(written) == len(text)
    assert all(one == two or two in LEET[one.lower()] for one, two in zip(text, written, strict=True))


@given(texts, seeds)
def test_spacing_loses_no_letter(text: str, seed: int) -> None:
    gaps = str.maketrans("", "", GAPS)
    assert obfuscate(text, Obfuscation.SPACING, seed=seed).translate(gaps) == text.translate(gaps)


@given(texts, seeds)
def test_marks_inside_words_lose_no_letter(text: str, seed: int) -> None:
    marks = str.maketrans("", "", MARKS)
    assert obfuscate(text, Obfuscation.PUNCTUATION, seed=seed).translate(marks) == text.translate(marks)


@given(st.from_regex(r"[a-z]{2,9}( [a-z]{2,9}){0,5}", fullmatch=True), seeds)
def test_elongation_only_repeats_a_letter(text: str, seed: int) -> None:
    written = obfuscate(text, Obfuscation.ELONGATION, seed=seed)
    assert re.sub(r"(.)\1*", r"\1", written) == re.sub(r"(.)\1*", r"\1", text)


@given(st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,5}", fullmatch=True), seeds)
def test_a_typo_is_one_slip_and_leaves_first_letters_and_short_words_alone(text: str, seed: int) -> None:
    written = obfuscate(text, Obfuscation.TYPOS, seed=seed).split()
    for before, after in zip(text.split(), written, strict=True):
        assert before[0] == after[0]
        assert abs(len(before) - len(after)) <= 1
        assert len(before) >= 5 or before == after


def test_homoglyphs_look_the_same_to_the_fold_that_readers_words_are_compared_in() -> None:
    written = obfuscate(EXAMPLE, Obfuscation.HOMOGLYPHS)
    assert not written.isascii()
    assert fold(written).text == fold(EXAMPLE).text


@pytest.mark.parametrize("kind", Obfuscation)
def test_nothing_is_nothing(kind: Obfuscation) -> None:
    assert obfuscate("", kind) == ""


@given(st.from_regex(r"[A-Za-z]{1,9}( [A-Za-z]{1,9}){0,5}", fullmatch=True), seeds)
def test_accents_alphabets_emoji_and_blanks_lose_no_letter(text: str, seed: int) -> None:
    combined = unicodedata.normalize("NFD", obfuscate(text, Obfuscation.COMBINING, seed=seed))
    assert "".join(letter for letter in combined if not unicodedata.combining(letter)) == text
    assert unicodedata.normalize("NFKC", obfuscate(text, Obfuscation.MATHEMATICAL, seed=seed)) == text
    assert obfuscate(text, Obfuscation.EMOJI, seed=seed).translate(dict.fromkeys(map(ord, EMOJI))) == text
    assert obfuscate(text, Obfuscation.SPLIT, seed=seed).replace(" ", "") == text.replace(" ", "")


@given(st.from_regex(r"[A-Za-z]{1,9}( [A-Za-z]{1,9}){0,5}", fullmatch=True), seeds)
def test_a_star_hides_one_vowel_of_a_word_and_never_its_first_letter(text: str, seed: int) -> None:
    for word, written in zip(text.split(), obfuscate(text, Obfuscation.STARRED, seed=seed).split(), strict=True):
        hidden = [(place, one) for place, (one, two) in enumerate(zip(word, written, strict=True)) if one != two]
        assert len(hidden) <= 1
        assert all(place and one in VOWELS and written[place] == "*" for place, one in hidden)
