import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation.signals.text_harm.windows import Window, part_spans, together, whole_spans

LENGTHS = st.integers(0, 400)
ROOMS = st.integers(1, 70)


def _covered(spans: list[slice]) -> set[int]:
    return {place for span in spans for place in range(span.start, span.stop)}


@given(length=LENGTHS, room=ROOMS)
def test_windows_lie_beside_each_other_and_cover_a_text(length: int, room: int) -> None:
    spans = whole_spans(length, room)
    assert [place for span in spans for place in range(span.start, span.stop)] == list(range(length))
    assert all(0 < span.stop - span.start <= room for span in spans)


@given(length=LENGTHS, room=ROOMS)
def test_parts_cover_a_longer_text_and_overlap(length: int, room: int) -> None:
    spans = part_spans(length, room)
    if length <= room:
        assert spans == []
        return
    assert _covered(spans) == set(range(length))
    assert all(0 < span.stop - span.start <= room for span in spans)
    step = max(1, room // 2)
    for run in range(length - step + 1):  # every run of half a part stands in one part
        assert any(span.start <= run and run + step <= span.stop for span in spans)


def _window(text: int, reading: int, *, is_part: bool) -> Window:
    return Window((1, 2), text, reading, is_plain=True, is_part=is_part)


def test_a_text_has_the_highest_of_its_readings_and_each_the_mean_of_windows_and_parts() -> None:
    windows = [
        _window(0, 0, is_part=False),
        _window(0, 0, is_part=False),
        _window(0, 0, is_part=True),
        _window(0, 0, is_part=True),
        _window(0, 1, is_part=False),
        _window(2, 2, is_part=False),
    ]
    logits = np.array([[-4.0, 0], [-2.0, 0], [4.0, 0], [-6.0, 0], [0.0, 0], [3.0, 0]], np.float32)
    found = together(windows, logits, 3)
    assert found[0].tolist() == [1.0, 0.0]  # (-2 + 4) / 2 of the first reading, 0 of the second
    assert np.isneginf(found[1]).all()
    assert found[2].tolist() == [3.0, 0.0]


def test_scores_that_are_not_finite_are_not_lost() -> None:
    windows = [_window(0, 0, is_part=False), _window(0, 0, is_part=True)]
    for broken in ([np.nan, 1.0], [1.0, np.nan]):
        assert np.isnan(together(windows, np.array(broken, np.float32)[:, None], 1)).all()


def test_nothing_gives_nothing() -> None:
    assert together([], np.empty((0, 8), np.float32), 0).shape == (0, 8)
