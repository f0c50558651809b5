import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.media.decode_limits import PREVIEW_SIDE
from moderation.media.text_boxes import (
    GRAIN,
    GROWTH,
    LINE_HEIGHT,
    LONGEST_LINE,
    MOST_CONTOURS,
    MOST_PIXELS,
    Box,
    Floats,
    boxes,
    detector_pixels,
    line_pixels,
    turned_round,
)


def chances(*rectangles: tuple[int, int, int, int], rows: int = 320, columns: int = 640) -> Floats:
    """A detector's map with 0.9 in the rectangles (left, top, right, bottom; outer edges not included)."""
    found = np.zeros((rows, columns), np.float32)
    for left, top, right, bottom in rectangles:
        found[top:bottom, left:right] = 0.9
    return found


def box(*corners: tuple[float, float]) -> Box:
    return Box(np.array(corners, np.float32), 1.0)


@given(width=st.integers(1, PREVIEW_SIDE), height=st.integers(1, PREVIEW_SIDE))
@settings(max_examples=40, deadline=None)
def test_what_the_detector_sees_is_bounded_for_every_shape(width: int, height: int) -> None:
    pixels = detector_pixels(np.zeros((height, width, 3), np.uint8))
    rows, columns = pixels.shape[2:]
    assert rows % GRAIN == columns % GRAIN == 0
    assert rows * columns <= 2.2 * MOST_PIXELS
    assert pixels.shape[:2] == (1, 3)


def test_the_detector_sees_blue_first_from_minus_one_to_one() -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[:, :, 0] = 255
    planes = detector_pixels(red)[0]
    assert [float(plane.mean()) for plane in planes] == pytest.approx([-1, -1, 1])


def test_a_box_is_grown_by_the_published_formula_and_scaled_to_the_picture() -> None:
    (found,) = boxes(chances((100, 100, 300, 130)), 1280, 640)
    core_width, core_height = 200, 30  # the mask is dilated by one pixel, corners lie on pixels
    growth = GROWTH * core_width * core_height / (core_width + core_height)
    assert found.width == pytest.approx(2 * (core_width + growth), abs=3)
    assert found.height == pytest.approx(2 * (core_height + growth), abs=3)
    assert found.corners.mean(axis=0) == pytest.approx([400, 230], abs=3)
    assert found.chance == pytest.approx(0.9, abs=0.1)


def test_boxes_come_largest_first_and_stay_inside() -> None:
    found = boxes(chances((0, 0, 60, 20), (200, 100, 640, 180), (300, 250, 400, 280)), 640, 320)
    assert [round(one.width * one.height, -3) for one in found] == sorted(
        (round(one.width * one.height, -3) for one in found), reverse=True
    )
    assert len(found) == 3
    assert all(
        one.corners.min() >= 0 and one.corners[:, 0].max() < 640 and one.corners[:, 1].max() < 320 for one in found
    )


def test_faint_and_tiny_spots_are_no_boxes() -> None:
    faint = np.where(chances((10, 10, 100, 40)) > 0, np.float32(0.4), np.float32(0))
    assert boxes(chances((10, 10, 12, 12)), 640, 320) == []
    assert boxes(faint, 640, 320) == []
    assert boxes(chances(), 640, 320) == []


def test_thousands_of_spots_are_bounded() -> None:
    grid = chances(*((x, y, x + 5, y + 5) for x in range(0, 630, 9) for y in range(0, 310, 9)))
    found = boxes(grid, 640, 320)
    assert 100 < len(found) <= MOST_CONTOURS


def test_a_slanted_line_is_laid_level() -> None:
    canvas = np.zeros((200, 400, 3), np.uint8)
    corners = cv2.boxPoints(((200, 100), (240, 40), -20))
    cv2.fillPoly(canvas, [corners.astype(np.int32)], (255, 255, 255))
    (found,) = boxes((canvas[:, :, 0] > 0).astype(np.float32), 400, 200)
    line = line_pixels(canvas, found)
    middle = line[0, 0, LINE_HEIGHT // 2]
    assert line.shape[:3] == (1, 3, LINE_HEIGHT)
    assert float(middle[line.shape[3] // 4 : 3 * line.shape[3] // 4].min()) > 0.9


def test_a_line_that_runs_downwards_is_turned() -> None:
    canvas = np.zeros((300, 100, 3), np.uint8)
    canvas[:150] = 255
    line = line_pixels(canvas, box((30, 20), (60, 20), (60, 280), (30, 280)))
    assert line.shape[3] > 3 * LINE_HEIGHT
    assert float(line[..., :40].mean()) > 0.9
    assert float(line[..., -40:].mean()) < -0.9


@pytest.mark.parametrize("corners", [((0, 0), (1023, 0), (1023, 4), (0, 4)), ((5, 5), (5, 5), (5, 5), (5, 5))])
def test_strange_boxes_give_lines_of_bounded_length(corners: tuple[tuple[float, float], ...]) -> None:
    line = line_pixels(np.zeros((1024, 1024, 3), np.uint8), box(*corners))
    assert line.shape[2] == LINE_HEIGHT
    assert GRAIN <= line.shape[3] <= LONGEST_LINE


def test_turning_round_twice_changes_nothing() -> None:
    line = np.random.default_rng(1).random((1, 3, 48, 100)).astype(np.float32)
    assert (turned_round(turned_round(line)) == line).all()
    assert turned_round(line)[0, 0, 0, 0] == line[0, 0, -1, -1]
