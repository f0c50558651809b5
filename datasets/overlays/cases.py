"""Pictures with known words on them, as people put them there: what the reader and the detector are measured with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from datasets.drawing.colour import Pixels
from datasets.overlays.compose import ATTEMPTS, stored
from datasets.overlays.layouts import LAYOUTS
from datasets.overlays.lettering import Font, font_file, fonts
from datasets.overlays.phrases import phrase
from datasets.overlays.writing import BLACK, LEAST_CONTRAST, WHITE, Look, write

PICTURE_SIDE = 768
UNSEEN_FONTS = ("DejaVuSerif.ttf", "DejaVuSansMono.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSansCondensed-Bold.ttf")
"""Fonts that nothing was trained on, used where the machine has them."""
FONT_FOLDER = Path("/usr/share/fonts/truetype/dejavu")
PHOTO_SUFFIXES = (".jpg", ".png", ".webp")
LOOKS = ("meme", "sign", "watermark", "plain", "turned")


@dataclass(frozen=True, slots=True)
class Case:
    """A picture, the words on it, how they look, and how high a line is in picture heights."""

    pixels: Pixels
    words: tuple[str, ...]
    look: str
    height: float
    unseen_font: bool


def photographs(folder: Path, side: int = PICTURE_SIDE) -> Iterator[Pixels]:
    """The pictures of a folder in order of their names, the shorter side made `side` pixels long."""
    for path in sorted(folder.iterdir()):
        if path.suffix not in PHOTO_SUFFIXES:
            continue
        decoded = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if decoded is None:
            continue
        scale = side / min(decoded.shape[:2])
        size = (round(decoded.shape[1] * scale), round(decoded.shape[0] * scale))
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        yield np.asarray(cv2.resize(decoded, size, interpolation=kind), dtype=np.uint8)


def cases(seed: int, grounds: Sequence[Pixels], heights: Sequence[float]) -> Iterator[Case]:
    """One picture for each ground and height, with one to three lines of one to four words that can be seen."""
    rng = np.random.default_rng(seed)
    faces = _faces()
    for height in heights:
        for ground in grounds:
            case = _case(rng, ground, height, faces)
            if case is not None:
                yield case


def laid_cases(seed: int, grounds: Sequence[Pixels]) -> Iterator[Case]:
    """One picture for each ground and kind of layout, in trained fonts and others; `look` is the layout's name."""
    rng = np.random.default_rng(seed)
    faces = _faces()
    for name, layout in LAYOUTS.items():
        for ground in grounds:
            laid = layout(rng, ground, [font for font, _ in faces])
            if laid is not None:
                words = tuple(word.lower() for word in laid.words)
                yield Case(stored(rng, laid.written.pixels), words, name, laid.written.height, unseen_font=False)


def _faces() -> list[tuple[Font, bool]]:
    unseen = [font_file(FONT_FOLDER / name) for name in UNSEEN_FONTS if (FONT_FOLDER / name).is_file()]
    return [*((font, False) for font in fonts().values()), *((font, True) for font in unseen for _ in range(3))]


def _case(rng: np.random.Generator, ground: Pixels, height: float, faces: Sequence[tuple[Font, bool]]) -> Case | None:
    """None when no attempt gave letters that stand out."""
    for _ in range(ATTEMPTS):
        kind = LOOKS[int(rng.integers(len(LOOKS)))]
        font, unseen = faces[int(rng.integers(len(faces)))]
        room = max(1, int(0.45 / height / 6))
        lines = [
            phrase(rng, int(rng.integers(1, min(4, room) + 1))) for _ in range(int(rng.integers(1, min(3, room) + 1)))
        ]
        place = (float(rng.uniform(0.2, 0.8)), float(rng.choice([0.1, 0.5, 0.9])))
        made = write(ground, lines, font, _look(rng, kind), height=height, at=place)
        if made.contrast >= LEAST_CONTRAST and made.height >= 0.9 * height:
            words = tuple(word.lower() for text in lines for word in text.split())
            return Case(stored(rng, made.pixels), words, kind, made.height, unseen)
    return None


def _look(rng: np.random.Generator, kind: str) -> Look:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    colour = (WHITE, BLACK, (red, green, blue))[int(rng.integers(3))]
    match kind:
        case "meme":
            return Look(WHITE, 0.07, BLACK)
        case "sign":
            return Look(colour, backing=(255 - red, 255 - green, 255 - blue), opacity=0.9)
        case "watermark":
            return Look(WHITE, opacity=0.5)
        case "turned":
            return Look(colour, shadow=0.05, angle=float(rng.uniform(-30, 30)))
        case _:
            return Look(colour)
