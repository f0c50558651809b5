import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from moderation.signals.caption_words import OPENING_CHARS, WORD_CHARS, words_of


def test_addresses_mentions_and_hashtags_are_no_words() -> None:
    found = words_of("see https://example.com/le/chat and www.example.org, me@example.com @amigo #nofilter [url] ok")
    assert found.latin == ("see", "and", "ok")
    assert found.others == 0


def test_accents_apostrophes_and_hyphens_belong_to_words() -> None:
    assert words_of("don't Crème-brûlée it\u2019s").latin == ("don't", "Crème-brûlée", "it\u2019s")


def test_words_of_other_scripts_are_counted_not_kept() -> None:
    found = words_of("my cat, кошка моя")
    assert found.latin == ("my", "cat")
    assert (found.others, found.total) == (2, 4)
    assert found.opening == "my cat, кошка моя"


def test_scripts_without_blanks_count_two_letters_a_word() -> None:
    assert words_of("一只黑猫睡在屋顶上").others == 5


def test_vowel_signs_do_not_part_words() -> None:
    assert words_of("काली बिल्ली छत पर").others == 4


def test_look_alike_letters_inside_a_word_are_what_they_mimic() -> None:
    mixed = "p\u043ern \uff50\uff49\uff43\uff53"
    assert words_of(mixed).latin == ("porn", "pics")


@pytest.mark.parametrize("face", ["¯\\_(ツ)_/¯", "(・ω・)", "nice (づ｡◕‿‿◕｡)づ"])
def test_letters_in_faces_are_no_words(face: str) -> None:
    assert words_of(face).others == 0


@pytest.mark.parametrize(("text", "words"), [("爱", 1), ("я и ты", 3), ("т ы м ж й", 5), ("ツ ということ", 4)])
def test_single_letters_in_texts_are_words(text: str, words: int) -> None:
    assert words_of(text).others == words


@given(text=st.text(max_size=300))
def test_any_text_has_bounded_words(text: str) -> None:
    found = words_of(text)
    assert len(found.opening) <= OPENING_CHARS
    assert all(0 < len(word) <= WORD_CHARS for word in found.latin)
    assert found.total == len(found.latin) + found.others


@pytest.mark.parametrize("unit", ["a", "я", "a@", "@", "a'", "[a", "www.", "é́", "a ", "黑"])
def test_the_time_grows_with_the_length_only(unit: str) -> None:
    started = time.process_time()
    words_of(unit * (10_000 // len(unit)))
    assert time.process_time() - started < 0.25
