"""What models need of the full-size pixels, as module-level callables that run inside the decoder's process."""

from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moderation.media.subject import Rgb

OPENNSFW_RESIZED = 256
OPENNSFW_SIDE = 224
MAX_RESIZED_SIDE = 512
"""Larger inputs of several models would not fit what one frame may send to the lane."""
NARROW = 64.0
"""Pictures of a larger aspect are resized only where the crop falls: 1 by 16,384 pixels would become 3.7 million wide.

Rounding then happens in another order in some of them, which noise can show as differences of a few levels."""


def opennsfw_224(rgb: Rgb) -> NDArray[np.uint8]:
    """The pixels that OpenNSFW looks at: uint8 of shape (224, 224, 3), blue first, without the mean subtracted.

    As the model's publisher does it (`classify_nsfw.py` in yahoo/open_nsfw): bilinear to 256 by 256 without regard
    to aspect, a JPEG round trip at the encoder's default quality (leaving it out moves scores by more than 0.1),
    centre crop. Bytes, not floats, so that a quarter crosses to the lane.
    """
    resized = Image.fromarray(rgb).resize((OPENNSFW_RESIZED, OPENNSFW_RESIZED), Image.Resampling.BILINEAR)
    with BytesIO() as buffer:
        resized.save(buffer, format="JPEG")
        with Image.open(buffer) as reloaded:
            pixels = np.asarray(reloaded)
    start = (OPENNSFW_RESIZED - OPENNSFW_SIDE) // 2
    end = start + OPENNSFW_SIDE
    return np.ascontiguousarray(pixels[start:end, start:end, ::-1])


class Filter(StrEnum):
    """How pixels are interpolated; Pillow's names, lower case."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


@dataclass(frozen=True, slots=True)
class Resized:
    """A reduction to `height` by `width`: uint8 of shape (height, width, 3), red first.

    With `shortest` 0 the picture is resized to `full_height` by `full_width` without regard to aspect; else its shorter
    side becomes `shortest`, the longer one is rounded down. Then the centre is cut out; where it falls between two
    pixels, the upper left one is taken, or with `even` the one of even number. With Pillow's filters, as the image
    processors of transformers do without torchvision; `even` is torchvision's way, and so timm's.

    Raises `ValueError` when a side is under 1 or over `MAX_RESIZED_SIDE`, or the crop larger than what it is cut from.
    """

    filter: str
    height: int
    width: int
    shortest: int = 0
    full_height: int = 0
    full_width: int = 0
    even: bool = False

    def __post_init__(self) -> None:
        """Check the sizes."""
        Filter(self.filter)
        low_height, low_width = (self.shortest, self.shortest) if self.shortest else (self.full_height, self.full_width)
        if not (0 < self.height <= low_height <= MAX_RESIZED_SIDE and 0 < self.width <= low_width <= MAX_RESIZED_SIDE):
            raise ValueError(f"sizes that cannot be made: {self}")

    @property
    def name(self) -> str:
        """What the frames hold it under: the same for everybody who needs the same pixels."""
        whole = f"shortest{self.shortest}" if self.shortest else f"{self.full_height}x{self.full_width}"
        return f"rgb_{self.filter}_{whole}_centre{self.height}x{self.width}{'_even' if self.even else ''}"

    def __call__(self, rgb: Rgb) -> NDArray[np.uint8]:
        """The reduced pixels of one frame."""
        height, width = self._resized_size(rgb.shape[0], rgb.shape[1])
        top, left = self._start(height - self.height), self._start(width - self.width)
        image = Image.fromarray(rgb)
        method = Image.Resampling[self.filter.upper()]
        if self.shortest and max(rgb.shape[:2]) > NARROW * min(rgb.shape[:2]):
            across, down = rgb.shape[1] / width, rgb.shape[0] / height
            # Across first and then down, each rounded to bytes, as Pillow mostly does where it enlarges.
            columns = (left * across, 0, (left + self.width) * across, rgb.shape[0])
            rows = (0, top * down, self.width, (top + self.height) * down)
            narrow = image.resize((self.width, rgb.shape[0]), method, box=columns)
            return np.asarray(narrow.resize((self.width, self.height), method, box=rows))
        pixels = np.asarray(image.resize((width, height), method))
        return np.ascontiguousarray(pixels[top : top + self.height, left : left + self.width])

    def _start(self, spare: int) -> int:
        return round(spare / 2) if self.even else spare // 2

    def _resized_size(self, height: int, width: int) -> tuple[int, int]:
        if not self.shortest:
            return self.full_height, self.full_width
        long = int(self.shortest * max(height, width) / min(height, width))
        return (long, self.shortest) if width <= height else (self.shortest, long)
