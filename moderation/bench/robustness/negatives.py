"""Hard negatives: pictures that look alike to a hash, and are not copies of each other.

A family has members that share a frame, a head or nothing but flatness. Every member is looked up in a bank of all the
others: each pair found is a false positive. Only of `other_captions` is this not said: the same picture with other
words is a copy to some and not to others, so its pairs are reported apart.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np

from moderation.bench.robustness.overlays import interface
from moderation.bench.robustness.scenes import fitted, scene, words, write
from moderation.media.subject import Rgb

Member: TypeAlias = Callable[[int, Sequence[Rgb], np.random.Generator], Rgb]
"""Makes one member by its number, of pictures to show inside, with a seeded generator."""


class Family(NamedTuple):
    """Pictures of one kind. `negative` is false where a match is no mistake."""

    name: str
    member: Member
    negative: bool = True

    @property
    def said(self) -> str:
        """What its members are, in a sentence."""
        return (self.member.__doc__ or "").strip()


def flat(_number: int, _pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """One colour with a little grain."""
    colour = random.integers(0, 256, 3)
    return np.clip(colour + random.normal(0.0, 2.0, (400, 400, 3)), 0, 255).astype(np.uint8)


def gradient(_number: int, _pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """From one colour to another, straight or round."""
    y, x = np.mgrid[-1:1:400j, -1:1:400j]
    angle = random.uniform(0.0, 2 * np.pi)
    along = (x * np.cos(angle) + y * np.sin(angle)) / 2.8 + 0.5 if random.integers(0, 2) else np.hypot(x, y) / 1.5
    start, end = random.uniform(0.0, 255.0, 3), random.uniform(0.0, 255.0, 3)
    mixed = start + np.clip(along, 0.0, 1.0)[:, :, np.newaxis] * (end - start)
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def letterhead(_number: int, _pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """A page of text under the same letterhead."""
    page = np.full((840, 600, 3), 255, dtype=np.uint8)
    _logo(page, (30, 24), 64)
    write(page, "Northern Harbour Company", (120, 56), 20, (20, 40, 90))
    write(page, "12 Quay Street, Postbox 4401", (120, 86), 11, (90, 90, 90))
    cv2.line(page, (30, 108), (570, 108), (20, 40, 90), 2)
    for line in range(int(random.integers(14, 24))):
        if random.integers(0, 6):
            write(page, words(random, int(random.integers(5, 8))), (40, 150 + 28 * line), 11, (30, 30, 30))
    return page


def logo(_number: int, _pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """The same logo with another line of text on a plain card."""
    card = np.full((500, 500, 3), 245, dtype=np.uint8)
    size = int(random.integers(110, 170))
    _logo(card, (int(random.integers(20, 480 - size)), int(random.integers(20, 300 - size))), size)
    for line in range(3):
        write(card, words(random, 3), (30, 350 + 50 * line), 20, (40, 40, 40))
    return card


def same_interface(number: int, pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """A screenshot of the same app that shows another picture."""
    screen = interface("harbour daily", "9:41", (540, 960))
    screen[150:690] = fitted(pictures[number], 540, 540)
    for place in range(3):
        cv2.circle(screen, (40 + 60 * place, 730), 16, (40, 40, 40), 3, cv2.LINE_AA)
    write(screen, words(random, 5), (20, 785), 15, (40, 40, 40))
    return screen


def same_chat(_number: int, _pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """A screenshot of the same messenger with other messages."""
    screen = interface("harbour group", "9:41", (540, 960))
    for message in range(6):
        top, mine = 160 + 115 * message, bool(random.integers(0, 2))
        wide = int(random.integers(180, 400))
        left = 540 - wide - 20 if mine else 20
        cv2.rectangle(screen, (left, top), (left + wide, top + 90), (215, 245, 210) if mine else (230, 230, 235), -1)
        for line in range(2):
            write(screen, words(random, wide // 90), (left + 12, top + 34 + 34 * line), 13, (30, 30, 30))
    return screen


def same_template(number: int, pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """A news card: the same frame, band and logo around another picture."""
    card = np.full((600, 600, 3), (150, 20, 30), dtype=np.uint8)
    card[30:430, 30:570] = fitted(pictures[number], 540, 400)
    _logo(card, (470, 40), 90)
    write(card, "HARBOUR NEWS", (40, 480), 28, (255, 255, 255))
    for line in range(2):
        write(card, words(random, 4), (40, 530 + 40 * line), 18, (255, 255, 255))
    return card


def same_watermark(number: int, pictures: Sequence[Rgb], _random: np.random.Generator) -> Rgb:
    """Another picture under the same agency's watermark, all over at 40 % opacity."""
    picture = fitted(pictures[number], 512, 512)
    drawn = picture.copy()
    for top in range(40, 540, 90):
        for left in range(-40, 512, 220):
            write(drawn, "harbour stock", (left, top), 20, (255, 255, 255))
    return np.asarray(cv2.addWeighted(drawn, 0.4, picture, 0.6, 0.0), dtype=np.uint8)


def same_poster(number: int, pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """Another picture in which the same poster hangs, seen from another side; it covers a fifth of it."""
    size, side = 512, 230
    picture = fitted(pictures[number], size, size)
    poster = scene(np.random.default_rng(0), side, side)
    left, top = random.uniform(10.0, size - side - 10.0, 2)
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], dtype=np.float32)
    seen = (corners + np.array([left, top]) + random.uniform(-12.0, 12.0, (4, 2))).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    inside = cv2.warpPerspective(np.full((side, side), 255, dtype=np.uint8), matrix, (size, size))
    shown = cv2.warpPerspective(poster, matrix, (size, size))
    return np.where(inside[:, :, np.newaxis] > 0, shown, picture).astype(np.uint8)


def other_captions(number: int, pictures: Sequence[Rgb], random: np.random.Generator) -> Rgb:
    """The same picture with another caption: a fifth of the members show one and the same picture."""
    picture = fitted(pictures[number % min(len(pictures), 5)], 512, 512)
    for low in (60, 490):
        write(picture, words(random, 3), (20, low), 34, (255, 255, 255), outline=True)
    return picture


def _logo(rgb: Rgb, place: tuple[int, int], size: int) -> None:
    """A company's mark in a square of that size."""
    x, y = place
    middle = (x + size // 2, y + size // 2)
    cv2.circle(rgb, middle, size // 2, (20, 40, 90), -1, cv2.LINE_AA)
    cv2.circle(rgb, middle, size // 3, (230, 180, 40), max(2, size // 16), cv2.LINE_AA)
    for ray in range(9):
        angle = 2 * np.pi * ray / 9
        end = (int(middle[0] + 0.45 * size * np.cos(angle)), int(middle[1] + 0.45 * size * np.sin(angle)))
        cv2.line(rgb, middle, end, (255, 255, 255), max(1, size // 24), cv2.LINE_AA)
    write(rgb, "NH", (x + size // 3, y + int(size * 0.6)), size * 0.22, (255, 90, 60))


FAMILIES: tuple[Family, ...] = (
    Family("flat", flat),
    Family("gradient", gradient),
    Family("letterhead", letterhead),
    Family("logo", logo),
    Family("same_interface", same_interface),
    Family("same_chat", same_chat),
    Family("same_template", same_template),
    Family("same_watermark", same_watermark),
    Family("same_poster", same_poster),
    Family("other_captions", other_captions, negative=False),
)


def members(family: Family, pictures: Sequence[Rgb], count: int) -> list[Rgb]:
    """So many members, always the same ones; each shows another picture, drawn ones where there are too few."""
    place = FAMILIES.index(family)
    missing = range(len(pictures), count)
    shown = [*pictures, *(scene(np.random.default_rng([len(FAMILIES), number])) for number in missing)]
    return [
        family.member(number, shown, np.random.default_rng(np.random.SeedSequence([place, number])))
        for number in range(count)
    ]
