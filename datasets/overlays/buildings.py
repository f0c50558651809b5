"""Straight-edged pictures without letters, which fool a cheap detector most: house fronts, rooms, rows of things."""

import cv2
import numpy as np

from datasets.drawing.colour import Colour, Pixels
from datasets.drawing.field import Size

SOFT_SHARE = 0.5
SHUTTER_SHARE = 0.3
RAILING_SHARE = 0.35


def front(rng: np.random.Generator, size: Size) -> Pixels:
    """A house front: courses, rows of windows with frames, bars, sills and shutters, railings; seen at an angle."""
    wall = rng.integers(40, 230, 3)
    canvas = _shaded(rng, np.full((size.height, size.width, 3), wall, np.uint8))
    floors, columns = int(rng.integers(2, 9)), int(rng.integers(2, 14))
    floor, bay = size.height / floors, size.width / columns
    tall, wide = rng.uniform(0.35, 0.8), rng.uniform(0.3, 0.75)
    frame, glass = _near(rng, wall, 90), _near(rng, rng.integers(10, 120, 3), 20)
    bars, shutters, railing = int(rng.integers(0, 4)), rng.random() < SHUTTER_SHARE, rng.random() < RAILING_SHARE
    for level in range(floors):
        cv2.line(
            canvas, (0, int(level * floor)), (size.width, int(level * floor)), _near(rng, wall, 60), 2, cv2.LINE_AA
        )
        for column in range(columns):
            left, top = int((column + (1 - wide) / 2) * bay), int((level + (1 - tall) / 2) * floor)
            right, bottom = int(left + wide * bay), int(top + tall * floor)
            _window(rng, canvas, (left, top, right, bottom), frame, _near(rng, np.array(glass), 40), bars)
            if shutters:
                side = max(2, int(wide * bay / 3))
                cv2.rectangle(canvas, (left - side, top), (left - 1, bottom), frame, -1)
                cv2.rectangle(canvas, (right + 1, top), (right + side, bottom), frame, -1)
            if railing:
                for x in range(left - 3, right + 3, max(3, int(bay / 14))):
                    cv2.line(
                        canvas, (x, int(bottom - tall * floor / 3)), (x, bottom), _near(rng, wall, 80), 1, cv2.LINE_AA
                    )
    return _seen(rng, canvas)


def room(rng: np.random.Generator, size: Size) -> Pixels:
    """Furniture and clutter: shaded boxes of all sizes with edges, legs, lamps, plates, frames, steps."""
    canvas = _shaded(rng, np.full((size.height, size.width, 3), rng.integers(20, 235, 3), np.uint8))
    for _ in range(int(rng.integers(20, 160))):
        scale = float(np.exp(rng.uniform(np.log(4), np.log(140))))
        width, height = int(scale * rng.uniform(0.3, 2)) + 2, int(scale * rng.uniform(0.3, 2)) + 2
        left, top = int(rng.integers(-width, size.width)), int(rng.integers(-height, size.height))
        tone = rng.integers(0, 255, 3)
        kind = int(rng.integers(5))
        if kind <= 1:
            corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + rng.normal(0, scale / 12, (4, 2))
            points = (corners + np.array([left, top])).astype(np.int32)
            cv2.fillPoly(canvas, [points], _colour(tone), cv2.LINE_AA)
            cv2.polylines(
                canvas, [points], isClosed=True, color=_near(rng, tone, 80), thickness=1, lineType=cv2.LINE_AA
            )
        elif kind == 2:  # noqa: PLR2004 - frames, shelves and steps: boxes in boxes
            for inset in range(0, min(width, height) // 2, max(3, int(scale / 6))):
                box = (left + inset, top + inset), (left + width - inset, top + height - inset)
                cv2.rectangle(canvas, *box, _near(rng, tone, 70), int(rng.integers(1, 4)))
        elif kind == 3:  # noqa: PLR2004 - legs, cables, branches
            end = (left + int(rng.normal(0, width)), top + height)
            cv2.line(canvas, (left, top), end, _colour(tone), max(1, int(scale / 25)), cv2.LINE_AA)
        else:
            cv2.ellipse(canvas, (left, top), (width // 2, height // 2), 0, 0, 360, _colour(tone), -1, cv2.LINE_AA)
            glint = (left - width // 6, top - height // 6)
            cv2.ellipse(
                canvas, glint, (width // 8 + 1, height // 8 + 1), 0, 0, 360, _near(rng, tone + 60, 20), -1, cv2.LINE_AA
            )
    return _seen(rng, canvas)


def things(rng: np.random.Generator, size: Size) -> Pixels:
    """Rows of one kind of thing in different sizes and lights: bottles, heads, chairs, cars, fruit."""
    canvas = _shaded(rng, np.full((size.height, size.width, 3), rng.integers(20, 235, 3), np.uint8))
    for _ in range(int(rng.integers(1, 6))):
        parts = [_part(rng) for _ in range(int(rng.integers(2, 6)))]
        scale, at = float(np.exp(rng.uniform(np.log(12), np.log(120)))), rng.uniform(0, size.width / 3)
        row, tone = rng.uniform(0, size.height), rng.integers(20, 235, 3)
        while at < size.width:
            grown = scale * rng.uniform(0.8, 1.25)
            for kind, (x, y), (across, down), shade in parts:
                centre = (int(at + x * grown), int(row + y * grown + rng.normal(0, grown / 20)))
                axes = (max(1, int(across * grown)), max(1, int(down * grown)))
                colour = _near(rng, tone + shade, 15)
                if kind:
                    cv2.ellipse(canvas, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
                else:
                    other = (centre[0] + axes[0], centre[1] + axes[1])
                    cv2.rectangle(canvas, (centre[0] - axes[0], centre[1] - axes[1]), other, colour, -1)
            at += grown * rng.uniform(0.7, 2.2)
    return _seen(rng, canvas)


def _part(rng: np.random.Generator) -> tuple[bool, tuple[float, float], tuple[float, float], int]:
    """One part of a thing: round or not, where, how large, how much lighter."""
    place = (float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.6, 0.6)))
    return (
        bool(rng.integers(2)),
        place,
        (float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.05, 0.6))),
        int(rng.normal(0, 50)),
    )


def _window(
    rng: np.random.Generator, canvas: Pixels, box: tuple[int, int, int, int], frame: Colour, glass: Colour, bars: int
) -> None:
    left, top, right, bottom = box
    thick = max(1, (right - left) // 14)
    cv2.rectangle(canvas, (left, top), (right, bottom), glass, -1)
    cv2.rectangle(canvas, (left, top), (right, bottom), frame, thick)
    for number in range(1, bars + 1):
        x, y = left + number * (right - left) // (bars + 1), top + number * (bottom - top) // (bars + 1)
        cv2.line(canvas, (x, top), (x, bottom), frame, max(1, thick // 2))
        if number % 2:
            cv2.line(canvas, (left, y), (right, y), frame, max(1, thick // 2))
    cv2.line(
        canvas, (left - thick, bottom + thick), (right + thick, bottom + thick), _near(rng, np.array(frame), 50), thick
    )


def _shaded(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Light from one side."""
    corners = rng.uniform(0.55, 1.25, (2, 2)).astype(np.float32)
    light = np.asarray(cv2.resize(corners, (pixels.shape[1], pixels.shape[0])))
    return np.asarray(np.clip(pixels * light[:, :, None], 0, 255), dtype=np.uint8)


def _seen(rng: np.random.Generator, canvas: Pixels) -> Pixels:
    """From an angle, with light and shadow over it, sometimes a little soft."""
    height, width = canvas.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = flat + rng.uniform(-0.18, 0.18, (4, 2)) * (width, height)
    matrix = cv2.getPerspectiveTransform(flat, moved.astype(np.float32))
    turned = cv2.warpPerspective(canvas, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    shown = _shaded(rng, np.asarray(turned, dtype=np.uint8))
    if rng.random() < SOFT_SHARE:
        shown = np.asarray(cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.4, 1.5)), dtype=np.uint8)
    return shown


def _near(rng: np.random.Generator, tone: np.ndarray, spread: float) -> Colour:
    return _colour(np.clip(tone + rng.normal(0, spread / 2) + rng.normal(0, spread / 4, 3), 0, 255))


def _colour(tone: np.ndarray) -> Colour:
    red, green, blue = (int(value) for value in tone)
    return red, green, blue
