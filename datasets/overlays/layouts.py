"""Pictures whose text is no block over a photograph: pages, interfaces, caption bars, signs, steep, stacked letters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from datasets.drawing.colour import Colour, Pixels
from datasets.overlays.lettering import Font, Mask, line
from datasets.overlays.phrases import phrase
from datasets.overlays.writing import BLACK, LEAST_CONTRAST, LUMA, WHITE, Look, Written, write

ATTEMPTS = 8
INK_GAP = 110
"""How much brighter or darker than its paper the ink of pages and interfaces is at least, 0 to 255."""
FAINT_CONTRAST = (22.0, LEAST_CONTRAST)
"""Letters that stand out by so little are told apart from the others: "light on light"."""
PAGE_LINES = (0.011, 0.024)
"""Heights of a line on a page or in an interface, in picture heights: small text, and much of it."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A picture with text, and the words on it as they are written."""

    written: Written
    words: tuple[str, ...]


Layout = Callable[[np.random.Generator, Pixels, Sequence[Font]], Laid | None]
"""Draws on or beside the ground with one of the fonts; None when the ground allowed no legible text."""


def page(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font]) -> Laid | None:
    """A page of small lines in one or two columns, seen straight or at an angle, on the whole picture or most of it."""
    canvas, mask = _sheet(rng, ground)
    height, width = mask.shape
    px = max(7.0, float(rng.uniform(*PAGE_LINES)) * height)
    columns = int(rng.integers(1, 3))
    font, ink = _one(rng, faces), _ink(rng, canvas)
    words: list[str] = []
    margin, gap = width * float(rng.uniform(0.04, 0.12)), width * 0.03
    across = (width - 2 * margin - gap * (columns - 1)) / columns
    top = height * float(rng.uniform(0.03, 0.2))
    for column in range(columns):
        left, y = margin + column * (across + gap), top
        while y + px < height * 0.96:
            share = 1.0 if rng.random() < 0.8 else float(rng.uniform(0.2, 0.9))  # noqa: PLR2004 - ends of paragraphs
            words += _row(rng, canvas, mask, font, ink, px, (left, y, across * share))
            y += px * float(1.45 if share == 1.0 else rng.uniform(1.5, 2.4))
    seen = _seen(rng, ground, canvas, mask)
    return Laid(Written(seen[0], seen[1], px / height, float(INK_GAP)), tuple(words))


def interface(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font]) -> Laid | None:
    """A screenshot: a bar on top, rows with a title and small lines, boxes, round pictures, buttons."""
    canvas, mask = _sheet(rng, ground)
    height, width = mask.shape
    px = max(8.0, float(rng.uniform(0.016, 0.032)) * height)
    font, ink, tone = _one(rng, faces), _ink(rng, canvas), _any(rng)
    cv2.rectangle(canvas, (0, 0), (width, int(3 * px)), tone, -1)
    words = _row(rng, canvas, mask, font, _ink_on(tone), px * 1.2, (width * 0.08, px, width * 0.4))
    y = 4.5 * px
    while y + 4 * px < height:
        left = width * 0.05
        if rng.random() < 0.6:  # noqa: PLR2004 - rows with a picture of their own
            side = int(3 * px)
            cutting = cv2.resize(ground[: ground.shape[0] // 2, : ground.shape[1] // 2], (side, side))
            canvas[int(y) : int(y) + side, int(left) : int(left) + side] = cutting
            left += side + px
        if rng.random() < 0.4:  # noqa: PLR2004 - and some with a box around them
            corner, other = (int(left - px / 2), int(y - px / 2)), (int(width * 0.95), int(y + 3.2 * px))
            cv2.rectangle(canvas, corner, other, _between(ink, canvas[0, -1]), 1)
        room = float(rng.uniform(0.3, 1.0)) * (width * 0.92 - left)
        words += _row(rng, canvas, mask, font, ink, px, (left, y, room))
        if rng.random() < 0.7:  # noqa: PLR2004 - most rows have a second line
            words += _row(rng, canvas, mask, font, ink, px * 0.85, (left, y + 1.5 * px, room))
        y += px * float(rng.uniform(4, 7))
    return Laid(Written(canvas, mask, px / height, float(INK_GAP)), tuple(words))


def bars(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font]) -> Laid | None:
    """A picture between or under bars of one colour with a line or two, as memes and captions are made."""
    height, width = ground.shape[:2]
    paper = WHITE if rng.random() < 0.6 else BLACK  # noqa: PLR2004 - most are white
    thick = int(height * float(rng.uniform(0.08, 0.2)))
    canvas = cv2.resize(ground, (width, height - thick), interpolation=cv2.INTER_AREA)
    bar = np.full((thick, width, 3), paper, np.uint8)
    on_top = bool(rng.integers(2))
    whole = np.ascontiguousarray(np.concatenate([bar, canvas] if on_top else [canvas, bar]), np.uint8)
    count = int(rng.integers(1, 3))
    size = min(0.6 * thick / count / 1.25, height * float(rng.uniform(0.03, 0.08))) / height
    lines = tuple(phrase(rng, int(rng.integers(1, 5))) for _ in range(count))
    middle = (thick / 2 if on_top else height - thick / 2) / height
    look = Look(BLACK if paper == WHITE else WHITE)
    made = write(whole, lines, _one(rng, faces), look, height=size, at=(float(rng.uniform(0.3, 0.7)), middle))
    return _legible(made, lines, LEAST_CONTRAST)


def sign(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font]) -> Laid | None:
    """A board with a word or three somewhere in the picture, seen from the side, in the light of its place."""
    height, width = ground.shape[:2]
    lines = tuple(phrase(rng, int(rng.integers(1, 3))) for _ in range(int(rng.integers(1, 3))))
    tone = _any(rng)
    board = np.full((height, width, 3), tone, np.uint8)
    made = write(board, lines, _one(rng, faces), Look(_ink_on(tone)), height=0.24, at=(0.5, 0.5))
    rows, columns = np.flatnonzero(made.mask.max(axis=1)), np.flatnonzero(made.mask.max(axis=0))
    border = int(made.height * height * 0.4)
    box = (columns[0] - border, rows[0] - border, columns[-1] + border, rows[-1] + border)
    corners = np.array([(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])], np.float32)
    scale = float(np.exp(rng.uniform(np.log(0.035), np.log(0.14)))) / made.height
    size = (corners[2] - corners[0]) * scale
    place = rng.uniform((0, 0), np.maximum(1.0, (width, height) - size))
    wanted = (corners - corners[0]) * scale + rng.normal(0, 0.06, (4, 2)) * size + place
    return _pasted(ground, made, corners, wanted.astype(np.float32), scale, lines)


def steep(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font]) -> Laid | None:
    """A block turned by 30 to 150 degrees either way: up, down, across a corner, upside down."""
    return _block(rng, ground, faces, angle=float(rng.uniform(30, 150) * rng.choice([-1, 1])))


def stacked(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font]) -> Laid | None:
    """Letters under each other."""
    word = next(iter(sorted(phrase(rng, 3).split(), key=len)))[:9].upper()
    height = float(rng.uniform(0.035, min(0.09, 0.75 / len(word))))
    place = (float(rng.uniform(0.1, 0.9)), 0.5)
    made = write(ground, list(word), _one(rng, faces), _look(rng), height=height, at=place)
    return _legible(made, (word,), LEAST_CONTRAST)


def faint(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font]) -> Laid | None:
    """Letters that are little brighter or darker than what they stand on."""
    for _ in range(ATTEMPTS):
        place = (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.1, 0.9)))
        near = ground[int(place[1] * ground.shape[0]) - 1, int(place[0] * ground.shape[1]) - 1].astype(int)
        colour = _colour(near + int(rng.choice([-1, 1])) * rng.integers(30, 75))
        height, lines = _content(rng)
        made = write(ground, lines, _one(rng, faces), Look(colour), height=height, at=place)
        if FAINT_CONTRAST[0] <= made.contrast < FAINT_CONTRAST[1]:
            return Laid(made, tuple(" ".join(lines).split()))
    return None


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "page": page,
        "interface": interface,
        "caption bar": bars,
        "board": sign,
        "steep": steep,
        "stacked": stacked,
        "faint": faint,
    }
)
"""Every kind by its name."""


def _block(rng: np.random.Generator, ground: Pixels, faces: Sequence[Font], *, angle: float) -> Laid | None:
    for _ in range(ATTEMPTS):
        height, lines = _content(rng)
        look = _look(rng, angle=angle)
        place = (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.2, 0.8)))
        made = write(ground, lines, _one(rng, faces), look, height=height, at=place)
        laid = _legible(made, lines, LEAST_CONTRAST)
        if laid is not None and _is_inside(made):
            return laid
    return None


def _is_inside(made: Written) -> bool:
    """Whether no letter was cut off at the edge."""
    return not any(edge.any() for edge in (made.mask[0], made.mask[-1], made.mask[:, 0], made.mask[:, -1]))


def _legible(made: Written, lines: Sequence[str], contrast: float) -> Laid | None:
    return Laid(made, tuple(" ".join(lines).split())) if made.contrast >= contrast else None


def _content(rng: np.random.Generator) -> tuple[float, tuple[str, ...]]:
    """A height of 3 to 12 % of the picture, and as many words as fit."""
    height = float(np.exp(rng.uniform(np.log(0.03), np.log(0.12))))
    most = max(1, min(3, int(0.08 / height)))
    return height, tuple(phrase(rng, int(rng.integers(1, most + 1))) for _ in range(int(rng.integers(1, 3))))


def _look(rng: np.random.Generator, *, angle: float = 0.0) -> Look:
    colour = (WHITE, BLACK, _any(rng))[int(rng.integers(3))]
    outline = float(rng.choice([0.0, 0.06]))
    return Look(colour, outline, BLACK if sum(colour) > 380 else WHITE, angle=angle)  # noqa: PLR2004 - lighter half


def _sheet(rng: np.random.Generator, ground: Pixels) -> tuple[Pixels, Mask]:
    """Paper or a screen as large as the ground, light or dark, a little uneven."""
    height, width = ground.shape[:2]
    tone = rng.integers(200, 256, 3) if rng.random() < 0.7 else rng.integers(0, 56, 3)  # noqa: PLR2004 - mostly light
    corners = np.clip(tone + rng.normal(0, 6, (2, 2, 3)), 0, 255).astype(np.float32)
    return np.asarray(cv2.resize(corners, (width, height)), np.uint8), np.zeros((height, width), np.uint8)


def _row(
    rng: np.random.Generator,
    canvas: Pixels,
    mask: Mask,
    font: Font,
    ink: Colour,
    px: float,
    place: tuple[float, float, float],
) -> list[str]:
    """Write words of `px` height from (left, top) as far as the width goes; returns them."""
    left, top, across = place
    text = phrase(rng, max(1, int(across / px / 2.6)))
    letters = line(text, font, max(8, round(px)))
    letters = letters[:, : max(1, int(across))][: canvas.shape[0] - int(top)]
    y, x = int(top), int(left)
    letters = letters[:, : canvas.shape[1] - x]
    region = canvas[y : y + letters.shape[0], x : x + letters.shape[1]]
    share = letters[:, :, None].astype(np.float32) / 255
    region[:] = (region * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)
    mask[y : y + letters.shape[0], x : x + letters.shape[1]] = 255
    return text.split()


def _seen(rng: np.random.Generator, ground: Pixels, canvas: Pixels, mask: Mask) -> tuple[Pixels, Mask]:
    """As it is, or as a sheet that lies on the ground and is seen at an angle."""
    if rng.random() < 0.6:  # noqa: PLR2004 - scans and screenshots of pages
        return canvas, mask
    height, width = mask.shape
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (width, height)
    moved = flat + np.abs(rng.normal(0, 0.05, (4, 2))) * inwards
    matrix = cv2.getPerspectiveTransform(flat, moved.astype(np.float32))
    size = (width, height)
    shown = cv2.warpPerspective(canvas, matrix, size, dst=ground.copy(), borderMode=cv2.BORDER_TRANSPARENT)
    return np.asarray(shown, np.uint8), np.asarray(cv2.warpPerspective(mask, matrix, size), np.uint8)


def _pasted(
    ground: Pixels, made: Written, corners: Mask | np.ndarray, wanted: np.ndarray, scale: float, lines: Sequence[str]
) -> Laid | None:
    """The part of `made` between `corners`, warped to `wanted` on the ground, in the ground's light there."""
    height, width = ground.shape[:2]
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), wanted)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [corners.astype(np.int32)], (255,))
    board, cover, text = (
        cv2.warpPerspective(part, matrix, (width, height), flags=cv2.INTER_AREA)
        for part in (made.pixels, inside, made.mask)
    )
    light = cv2.GaussianBlur(np.asarray(ground @ LUMA, np.float32), (0, 0), width / 30)[:, :, None]
    lit = np.asarray(board, np.float32) * np.clip(0.6 + 0.5 * light / 160, 0.5, 1.1)
    share = np.asarray(cover, np.float32)[:, :, None] / 255
    pixels = np.clip(ground * (1 - share) + lit * share, 0, 255).astype(np.uint8)
    mask = (np.asarray(text) > 127).astype(np.uint8) * np.uint8(255)  # noqa: PLR2004 - half covered
    contrast = made.contrast * 0.7
    shown = Written(pixels, mask, made.height * scale, contrast)
    return _legible(shown, lines, LEAST_CONTRAST) if mask.any() else None


def _one(rng: np.random.Generator, faces: Sequence[Font]) -> Font:
    return faces[int(rng.integers(len(faces)))]


def _any(rng: np.random.Generator) -> Colour:
    return _colour(rng.integers(0, 256, 3))


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (int(value) for value in np.clip(values, 0, 255))
    return red, green, blue


def _ink(rng: np.random.Generator, canvas: Pixels) -> Colour:
    """Dark on light or light on dark, sometimes with a hue."""
    light = float(canvas.mean()) > 128  # noqa: PLR2004 - the middle
    return _colour(rng.integers(0, 90, 3) if light else rng.integers(165, 256, 3))


def _ink_on(tone: Colour) -> Colour:
    return BLACK if float(np.dot(tone, LUMA)) > 128 else WHITE  # noqa: PLR2004 - the middle


def _between(first: Colour, second: np.ndarray) -> Colour:
    return _colour((np.array(first) + second.astype(int)) // 2)
