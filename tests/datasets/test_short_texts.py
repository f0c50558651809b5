from datasets.rows import HARM_LABELS, Split, TextSurface, split_of
from datasets.short_texts import short_texts, vocabulary

WORDS = [f"{first}{second}{third}" for first in "bdfgk" for second in "aeiou" for third in "lmnrst"]


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    assert short_texts(WORDS, 1, 300) == short_texts(WORDS, 1, 300)
    assert {row.text for row in short_texts(WORDS, 1, 300)} != {row.text for row in short_texts(WORDS, 2, 300)}


def test_rows_are_short_different_harmless_and_of_both_surfaces() -> None:
    rows = short_texts(WORDS, 3, 500)
    assert len({row.text for row in rows}) == len({row.id for row in rows}) == 500
    assert all(row.labels == dict.fromkeys(HARM_LABELS, 0) for row in rows)
    assert max(len(row.text.split()) for row in rows) <= 3
    assert {row.surface for row in rows} == {TextSurface.CAPTION, TextSurface.PROMPT}
    assert {split_of(row) for row in rows} == set(Split)


def test_listed_words_their_parts_and_what_holds_them_are_left_out() -> None:
    words = ["sunset", "gun", "guns", "Sun", "sun", "##set", "ab", "naïve", "job", "handjobs"]
    assert vocabulary(words, ["gun man", "handjob"]) == ["guns", "job", "sun", "sunset"]
