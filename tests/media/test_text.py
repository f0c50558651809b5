# ruff: noqa: RUF001 - look-alike letters are what is tested
import html
import string
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moderation.media.confusables import CONFUSABLES
from moderation.media.text import ELONGATED, Normalised, fold, normalise, read, unescaped

LETTERS = "abcdefghijklmnopqrstuvwxyz"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\ufe0f\u0336\u0301\x00\x07"
words = st.text(alphabet=LETTERS, min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Plain TEXT.", "plain text."),
        ("ｆｕｌｌｗｉｄｔｈ", "fullwidth"),
        ("ｔｈｅ　ｓｐａｃｅ", "the space"),
        ("𝓼𝓬𝓻𝓲𝓹𝓽 𝔣𝔯𝔞𝔨𝔱𝔲𝔯 𝕕𝕠𝕦𝕓𝕝𝕖", "script fraktur double"),
        ("ⓒⓘⓡⓒⓛⓔⓓ ⒫⒜⒭⒠⒩ 🅱🅾🅻🅳 🇷🇪🇬", "circled paren bold reg"),
        ("pаssеngеr", "passenger"),  # Cyrillic a and e
        ("ΡΟΡΕ", "pope"),  # Greek capitals
        ("ІVАΝ", "ivan"),
        ("ꜱᴍᴀʟʟ ᴄᴀᴘꜱ", "small caps"),
        ("z\u200be\u2060r\ufeffo w\u00adidth", "zero width"),
        ("s̶t̶r̶i̶k̶e̶ Zá̶lǵo", "strike zalgo"),
        ("café naïve Ångström łódź søster", "cafe naive angstrom lodz soster"),
        ("ﬁne ﬄuent ßtrasse", "fine ffluent sstrasse"),
        ("١٢ ४५ years", "12 45 years"),
        ("it’s “so”", "it's “so”"),
        ("bell\x07 nul\x00", "bell nul"),
        ("tab\tline\nend", "tab\tline\nend"),
    ],
)
def test_folding_shows_what_a_reader_sees(written: str, meant: str) -> None:
    assert fold(written).text == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("h3ll0 w0r1d", "hello worid"),
        ("b@d $ign", "bad sign"),
        ("h e l l o", "hello"),
        ("h e l l o  w o r l d", "hello  world"),
        ("h.e.l.l.o w-o-r-l-d", "hello world"),
        ("h  e  l  l  o", "hello"),
        ("t o  b e", "t o  b e"),
        ("h e r e  t o", "here  to"),
        ("sooooooo goooood", "sooo goood"),
        ("wow! 8 cats", "wow! b cats"),
    ],
)
def test_normalising_also_joins_letters_and_reads_digits_as_letters(written: str, meant: str) -> None:
    assert normalise(written).text == meant


def test_readings_keep_apart_what_a_single_reading_would_merge() -> None:
    texts = [reading.text for reading in read("cat|dog a h e l l o k1ll ki11").texts]
    assert texts[0] == "cat|dog a h e l l o k1ll ki11"
    assert any("kill" in text and "catidog" in text for text in texts)
    assert any("a hello" in text for text in texts)


def test_ordinary_text_has_one_reading() -> None:
    assert len(read("An oil painting of a lake at dawn, soft light.").texts) == 1
    assert read("An oil painting").runs == ()


def test_every_lookalike_stands_for_a_letter_and_is_none_itself() -> None:
    assert set(CONFUSABLES.values()) <= set(LETTERS)
    assert not [character for character in CONFUSABLES if character.isascii()]


def _sound(original: str, reading: Normalised) -> None:
    assert len(reading.positions) == len(reading.text)
    assert list(reading.positions) == sorted(reading.positions)
    assert all(0 <= position < len(original) for position in reading.positions)


@given(st.text(max_size=200))
@example("ﷺ" * 3)
@example("a . b . c")
@example("İi̇")
def test_every_reading_maps_back_to_the_original(text: str) -> None:
    readings = read(text)
    for reading in (fold(text), normalise(text), *readings.texts, *readings.runs):
        _sound(text, reading)
        for start in range(len(reading.text)):
            first, last = reading.span(start, len(reading.text))
            assert 0 <= first < last <= len(text)


@given(st.text(max_size=200))
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "Nd", "Zs", "P"]), max_size=100))
def test_folding_does_not_see_compatibility_forms(text: str) -> None:
    assert fold(unicodedata.normalize("NFKC", text)).text == fold(text).text


@given(words, st.data())
def test_invisible_characters_change_nothing(word: str, data: st.DataObject) -> None:
    hidden = "".join(letter + data.draw(st.text(alphabet=INVISIBLE, max_size=2)) for letter in word)
    assert fold(hidden).text == fold(word).text


@given(words, st.data())
def test_lookalikes_change_nothing(word: str, data: st.DataObject) -> None:
    lookalikes = {letter: [seen for seen, meant in CONFUSABLES.items() if meant == letter] for letter in set(word)}
    disguised = "".join(data.draw(st.sampled_from([letter, *lookalikes[letter]])) for letter in word)
    assert fold(disguised).text == fold(word).text


@given(st.lists(words.filter(lambda word: len(word) > 2), min_size=1, max_size=5), st.sampled_from(".-_*~/,"))
def test_letters_written_apart_are_joined(parts: list[str], mark: str) -> None:
    apart = " ".join(mark.join(part) for part in parts)
    assert normalise(apart).text == " ".join(fold(part).text for part in parts) or any(
        letter * (ELONGATED + 1) in part for part in parts for letter in part
    )


@given(st.text(alphabet=string.printable, max_size=300))
def test_ascii_keeps_its_place(text: str) -> None:
    folded = fold(text)
    for index, character in enumerate(folded.text):
        assert text[folded.positions[index]].lower() == character


@given(st.text(alphabet="&#x0179afmp;lt k", max_size=40))
def test_escapes_are_read_as_html_has_them(text: str) -> None:
    assert unescaped(text) == html.unescape(text)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("&#" + "1" * 5_000 + "; k", "\ufffd k"),
        ("&#" + "0" * 5_000 + "107;ill", "kill"),
        ("&#" + "0" * 9_000, "\ufffd"),
        ("&#x" + "f" * 5_000 + ";", "\ufffd"),
    ],
)
def test_numbers_without_end_are_no_error(written: str, shown: str) -> None:
    assert unescaped(written) == shown
