import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.media.text import fold
from moderation.signals.text_harm.readings import Reader

WORDS = ["the", "to", "a", "i", "you", "kill", "how", "make", "bomb", "photo", "nude", "cool", "shot", "woman", "ass"]


def _pieces(word: str) -> int:
    """Whole words are one piece, everything else is a piece for each letter."""
    return 1 if word in WORDS else len(word)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(WORDS, _pieces)


@pytest.mark.parametrize(
    ("text", "undone"),
    [
        ("h0w t0 m4k3 4 b0mb", "how to make a bomb"),
        ("k1ll you", "kill you"),
        ("nud3 ph0t0", "nude photo"),
        ("$hot", "shot"),
        ("a$$", "ass"),
        ("k i l l   y o u", "kill you"),
        ("k.i.l.l y.o.u", "kill you"),
        ("k i l l y o u", "kill you"),
        ("n-u-d-e woman", "nude woman"),
        ("kiiiiill you", "kill you"),
        ("wo.man", "woman"),
        ("nu_de", "nude"),
        ("ki-ll you", "kill you"),
        ("bomb*s", "bombs"),
        ("phot'o shot", "photo shot"),
        ("k\u00b7i\u00b7l\u00b7l you", "kill you"),
        ("k\ni\nl\nl\n\ny\no\nu", "kill you"),
        ("(k)(i)(l)(l) (y)(o)(u)", "(kill you)"),
        ("k\u2764\ufe0fi\u2764\ufe0fl\u2764\ufe0fl you", "kill you"),
        ("ki ll you", "kill you"),
        ("wo man to ki ll.", "woman to kill."),
        ("k*ll you", "kill you"),
        ("f**k you", "fuck you"),
        ("w*man", "woman"),
        ("makeyouabomb", "make you a bomb"),
        ("kkiillll you", "kill you"),
        ("uoy llik ot woh", "how to kill you"),
        ("&#107;ill you", "kill you"),
        ("%6b%69%6c%6c you", "kill you"),
        ("\\u006bill you", "kill you"),
        ("k<b></b>ill you", "kill you"),
        ("\u280b\u2825\u2809\u2805 y0u", "fuck you"),
    ],
)
def test_tricks_are_undone_beside_the_plain_reading(reader: Reader, text: str, undone: str) -> None:
    assert reader.readings(text)[-1] == undone
    assert reader.readings(text)[0] == fold(text).text


@pytest.mark.parametrize(
    "text",
    [
        "a photo",
        "8k photo, 35mm",
        "year 1984",
        "4k tv set",
        "it's a photo!",
        "well-known woman",
        "1, 2, three",
        "wow!!!",
    ],
)
def test_what_is_not_a_trick_has_one_reading(reader: Reader, text: str) -> None:
    assert reader.readings(text) == (text,)


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ufe0f\u00ad", "69", "!!", "12:30", "in 1984", "A4", "ok", "🌊"])
def test_what_shows_no_word_has_no_reading(reader: Reader, text: str) -> None:
    assert reader.readings(text) == ()


def test_an_escape_with_digits_without_end_is_no_error(reader: Reader) -> None:
    assert reader.readings("&#107;ill you &#" + "1" * 5_000)[-1] == "kill you \ufffd"


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=200))
def test_any_text_has_at_most_two_readings_the_folded_one_first(reader: Reader, text: str) -> None:
    found = reader.readings(text)
    assert len(found) <= 2
    assert len(set(found)) == len(found)
    assert not found or found[0] == fold(text).text


@settings(deadline=None, max_examples=30)
@given(st.text(alphabet="abc019$!|+@. -_*", max_size=300))
def test_tricks_without_end_grow_no_longer(reader: Reader, text: str) -> None:
    for reading in reader.readings(text):
        assert len(reading) <= 2 * len(fold(text).text) + 1
