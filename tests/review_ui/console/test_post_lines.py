import pytest

from moderation.storage.review.text_query import parse_text
from review_ui.console.post_lines import TEXT_CHARS, stretches


def marked(text: str, typed: str) -> list[str]:
    return [piece.text for piece in stretches(text, parse_text(typed)) if piece.found]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("lake", ["Lake", "lake"]),
        ("lak*", ["Lak", "lak"]),
        ('"lake at dawn"', ["lake, at dawn"]),
        ("at -lake", ["at"]),
        ("money.example", ["money.example"]),
        ("ake", []),
    ],
)
def test_what_was_looked_for_is_marked(typed: str, expected: list[str]) -> None:
    assert marked("Lake or lake, at dawn: money.example", typed) == expected


def test_a_long_text_is_shown_around_the_first_place() -> None:
    text = "x " * 400 + "needle " + "y " * 400
    shown = "".join(piece.text for piece in stretches(text, parse_text("needle")))
    assert "needle" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) <= TEXT_CHARS + 4


def test_without_words_the_beginning_is_shown() -> None:
    assert [piece.text for piece in stretches("short", None)] == ["short"]
    assert stretches("", None) == ()
