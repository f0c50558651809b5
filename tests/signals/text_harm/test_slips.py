import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.signals.text_harm.slips import Slips, is_slip

WORDS = ("attack", "naked", "suicide", "woman", "wave", "trend")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("atack", "attack"), ("attakc", "attack"), ("attsck", "attack"), ("attacck", "attack"), ("nakd", "naked")],
)
def test_one_slip_is_recognised(typed: str, meant: str) -> None:
    assert Slips(WORDS).meant(typed) == meant


@pytest.mark.parametrize(
    "word", ["attack", "bttack", "atk", "tree", "", "a", "waving", "trending", "waves", "womans", "cave"]
)
def test_right_words_inflected_words_and_strangers_stay(word: str) -> None:
    assert Slips(WORDS).meant(word) is None


def test_fragments_of_three_letters_take_no_endings_and_further_words_are_right() -> None:
    assert Slips(("water",)).meant("wtaer") == "water"
    assert Slips([*(f"word{place}" for place in range(9000)), "wta", "water"]).meant("wtaer") == "water"
    assert Slips(WORDS, ["attick"]).meant("attick") is None


def test_endless_words_are_not_looked_up() -> None:
    assert Slips(WORDS).meant("a" * 20_000) is None


def test_the_likelier_word_is_meant() -> None:
    assert Slips(("shirt", "short")).meant("shrt") == "shirt"
    assert Slips(("short", "shirt")).meant("shrt") == "short"


LETTERS = st.text("abc", min_size=1, max_size=7)


@settings(deadline=None, max_examples=200)
@given(word=LETTERS, meant=LETTERS)
def test_a_slip_is_one_change_after_the_first_letter(word: str, meant: str) -> None:
    changed = set()
    for place in range(1, len(meant) + 1):
        before, after = meant[:place], meant[place + 1 :]
        changed |= {before + letter + meant[place:] for letter in "abc"}
        if place < len(meant):
            changed |= {before + after, before + after[:1] + meant[place] + after[1:]}
            changed |= {before + letter + after for letter in "abc"}
    assert is_slip(word, meant) == (word in changed - {meant})
