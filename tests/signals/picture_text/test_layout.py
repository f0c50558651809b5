import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.media.text_boxes import Box
from moderation.signals.picture_text.layout import Line, every, rows, written


def line(text: str, left: float, top: float, width: float = 100, height: float = 20) -> Line:
    corners = [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]
    return Line(Box(np.array(corners, np.float32), 1.0), text, 0.9)


def test_from_the_top_and_in_a_row_from_the_left() -> None:
    found = rows([line("d", 0, 100), line("b", 300, 4), line("c", 150, 52), line("a", 0, 0)])
    assert written(found) == "a b\nc\nd"


def test_a_tall_letter_beside_two_rows_joins_the_one_it_shares_most_with_first() -> None:
    assert written(rows([line("one", 0, 0), line("two", 0, 30), line("BIG", 200, 0, height=50)])) in {
        "one BIG\ntwo",
        "one\nBIG\ntwo",
        "one\ntwo BIG",
    }


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900), st.integers(1, 200)), max_size=30))
def test_every_line_is_read_once_whatever_the_order_it_was_found_in(places: list[tuple[int, int, int]]) -> None:
    lines = [line(str(number), x, y, height=height) for number, (x, y, height) in enumerate(places)]
    ordered = [one.text for one in every(rows(lines))]
    assert sorted(ordered) == sorted(one.text for one in lines)
    if len({(one.left, one.top + one.bottom) for one in lines}) == len(lines):
        assert [one.text for one in every(rows(lines[::-1]))] == ordered
