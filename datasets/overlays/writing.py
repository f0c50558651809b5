"""Writes blocks of text over a picture: colour, outline, shadow, backing, angle and place as people do it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.drawing.colour import Colour, Pixels
from datasets.overlays.lettering import Font, Mask, line

Share: TypeAlias = NDArray[np.integer[Any] | np.floating[Any]]
"""How much of a colour each pixel gets, 0 to 1."""

REFERENCE = "Hg"
"""A line is as high as this: from the top of the capitals to the bottom of the descenders."""
LINE_GAP = 0.25
WIDEST = 0.94
"""Share of the picture's width that a line may fill."""
LEAST_CONTRAST = 45.0
"""Difference in brightness (0 to 255) between letters and ground under which nothing is called legible."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True)
class Look:
    """How letters look. `outline` is its width and `shadow` its distance in heights of a line (0: none).

    `backing` is the colour of a box behind the letters (None: none) and `opacity` that of letters and box, 0 to 1.
    `angle` is in degrees; `stretch` makes letters wider (over 1) or narrower; `soft` blurs, in heights of a line.
    """

    colour: Colour = WHITE
    outline: float = 0.0
    outline_colour: Colour = BLACK
    shadow: float = 0.0
    backing: Colour | None = None
    opacity: float = 1.0
    angle: float = 0.0
    stretch: float = 1.0
    soft: float = 0.0


@dataclass(frozen=True, slots=True)
class Written:
    """A picture with text on it: where the text is (255) and is not (0), and the height of a line in picture heights.

    `contrast` is the difference in brightness between letters (or their outline) and what they stand on, 0 to 255.
    """

    pixels: Pixels
    mask: Mask
    height: float
    contrast: float


def write(
    pixels: Pixels, lines: Sequence[str], font: Font, look: Look, *, height: float, at: tuple[float, float]
) -> Written:
    """`lines` over a copy of `pixels`, left aligned, their middle at `at` (x and y in shares of width and height).

    Lines that are too wide are made smaller, and the block is moved inside. Raises `ValueError` when nothing shows.
    """
    letters, ground, drawn = _block(pixels, lines, font, look, height)
    matrix = _placing(pixels, letters, look.angle, at)
    size = (pixels.shape[1], pixels.shape[0])
    coverage: Share = cv2.warpAffine(letters, matrix, size, flags=cv2.INTER_LINEAR) * np.float32(1 / 255)
    area = np.asarray(cv2.warpAffine(ground, matrix, size, flags=cv2.INTER_NEAREST), dtype=np.uint8)
    line_px = drawn * pixels.shape[0]
    canvas = pixels.astype(np.float32)
    if look.backing is not None:
        spread = cv2.dilate(area, np.ones((max(1, int(line_px * 0.2)),) * 2, np.uint8)) * np.float32(1 / 255)
        _blend(canvas, spread * look.opacity, look.backing)
    contrast = _contrast(canvas, area, look)
    if look.shadow:
        moved = np.roll(coverage, (max(1, int(look.shadow * line_px)),) * 2, axis=(0, 1))
        _blend(canvas, cv2.GaussianBlur(moved, (0, 0), max(0.5, line_px * 0.03)) * 0.8, BLACK)
    if look.outline:
        width = max(1, round(look.outline * line_px))
        ring = cv2.dilate(coverage, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1,) * 2))
        _blend(canvas, ring * look.opacity, look.outline_colour)
    if look.soft:
        coverage = np.asarray(cv2.GaussianBlur(coverage, (0, 0), max(0.3, look.soft * line_px)))
    _blend(canvas, coverage * look.opacity, look.colour)
    return Written(np.clip(canvas, 0, 255).astype(np.uint8), area, drawn, contrast)


def _block(pixels: Pixels, lines: Sequence[str], font: Font, look: Look, height: float) -> tuple[Mask, Mask, float]:
    """The lines under each other, the area they fill, and the height of one in picture heights."""
    rows = [line(text, font) for text in lines]
    across = max(row.shape[1] for row in rows) * look.stretch
    reference = line(REFERENCE, font).shape[0]
    scale = min(height * pixels.shape[0] / reference, WIDEST * pixels.shape[1] / across)
    shown = [
        cv2.resize(
            row,
            (max(1, round(row.shape[1] * scale * look.stretch)), max(1, round(row.shape[0] * scale))),
            interpolation=cv2.INTER_AREA,
        )
        for row in rows
    ]
    step = round(reference * scale * (1 + LINE_GAP))
    margin = 2
    letters = np.zeros((step * len(shown) + 2 * margin, max(row.shape[1] for row in shown) + 2 * margin), np.uint8)
    ground = np.zeros_like(letters)
    for index, row in enumerate(shown):
        top = margin + index * step
        kept = row[: letters.shape[0] - top]
        letters[top : top + kept.shape[0], margin : margin + kept.shape[1]] = kept
        ground[top : top + kept.shape[0], margin : margin + kept.shape[1]] = 255
    return letters, ground, reference * scale / pixels.shape[0]


def _placing(pixels: Pixels, letters: Mask, angle: float, at: tuple[float, float]) -> NDArray[np.float64]:
    """The turn and the shift that bring the block's middle to `at`, or as near as keeps it inside."""
    block_height, block_width = letters.shape
    height, width = pixels.shape[:2]
    turn = np.radians(angle)
    half_x = (abs(np.cos(turn)) * block_width + abs(np.sin(turn)) * block_height) / 2
    half_y = (abs(np.sin(turn)) * block_width + abs(np.cos(turn)) * block_height) / 2
    x = _inside(at[0] * width, half_x, width)
    y = _inside(at[1] * height, half_y, height)
    matrix = cv2.getRotationMatrix2D((block_width / 2, block_height / 2), angle, 1.0)
    matrix[:, 2] += (x - block_width / 2, y - block_height / 2)
    return np.asarray(matrix, dtype=np.float64)


def _inside(place: float, half: float, side: int) -> float:
    return side / 2 if 2 * half >= side else float(np.clip(place, half, side - half))


def _contrast(canvas: NDArray[np.float32], area: Mask, look: Look) -> float:
    """How far the letters stand out from the ground, or from their outline; softened by their opacity."""
    inside = canvas[area > 0]
    if not inside.size:
        return 0.0
    ground = inside @ LUMA
    fill = float(np.dot(look.colour, LUMA))
    contrast = abs(fill - float(ground.mean())) - float(ground.std()) / 2
    if look.outline:
        contrast = max(contrast, abs(fill - float(np.dot(look.outline_colour, LUMA))))
    return contrast * look.opacity


def _blend(canvas: NDArray[np.float32], share: Share, colour: Colour) -> None:
    """Paint `colour` over `canvas` where `share` says, 0 to 1."""
    canvas += (np.array(colour, np.float32) - canvas) * share[:, :, None]
