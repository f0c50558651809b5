import numpy as np
import pytest

from moderation.media.finder_patterns import dark_and_light, marks, suspects
from tests.media.codes import a_code, pasted, scenery, turned


def grey(rgb: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rgb[:, :, 1])


@pytest.mark.parametrize("scale", [3, 5, 8])
def test_the_three_marks_of_a_code_are_found_where_they_stand(scale: int) -> None:
    picture = pasted(a_code(scale=scale), onto=scenery(), left=200, top=100)
    found = marks(dark_and_light(grey(picture)))
    near, far = (4 + 3.5) * scale, (4 + 25 - 3.5) * scale
    for x, y in ((near, near), (far, near), (near, far)):
        assert any(abs(mark.x - 200 - x) <= scale and abs(mark.y - 100 - y) <= scale for mark in found)
    assert all(abs(mark.module - scale) <= 1 for mark in found)


@pytest.mark.parametrize("degrees", range(0, 180, 15))
def test_a_code_at_any_angle_is_worth_a_look(degrees: int) -> None:
    picture = grey(pasted(turned(a_code(scale=6), degrees), onto=scenery()))
    assert suspects(picture)[0]
    assert suspects(255 - picture)[1]


def test_one_mark_alone_is_not() -> None:
    code = a_code(scale=6)
    alone = np.full_like(code, 255)
    alone[: 13 * 6, : 13 * 6] = code[: 13 * 6, : 13 * 6]
    assert suspects(grey(pasted(alone, onto=scenery()))) == (0, 0)


def test_most_pictures_are_not() -> None:
    looks = [suspects(grey(scenery(seed=seed))) for seed in range(20)]
    assert sum(normal + inverted > 0 for normal, inverted in looks) <= 5


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 3)])
def test_tiny_pictures_have_no_marks(shape: tuple[int, int]) -> None:
    assert suspects(np.zeros(shape, np.uint8)) == (0, 0)


def test_stripes_and_boards_do_not_take_long() -> None:
    board = (np.indices((1024, 1024)).sum(axis=0) // 2 % 2 * 255).astype(np.uint8)
    assert len(marks(dark_and_light(board))) <= 40
