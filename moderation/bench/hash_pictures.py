"""JPEG files for `bench hash`: drawn with the spectrum of photographs, or made of a folder's pictures."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moderation.domain.errors import InvalidInputError

SIZES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "512": (512, 512),
        "500": (500, 500),
        "1024": (1024, 1024),
        "1000": (1000, 1000),
        "12mp": (3000, 4000),
        "12mp_power2": (3072, 4096),
    }
)
"""Height and width. The peers' hash is slower at sides that are powers of two: both kinds are measured."""
QUALITY = 90
COARSEST = 4
FALL = 0.6
"""Contrast of an octave over the one before it is 2 to the minus this; so the files are as large as photographs are."""
CONTRAST = 70.0
FILE_TYPES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def jpegs(height: int, width: int, count: int, images: Path | None) -> list[bytes]:
    """So many JPEG files of that size. Raises `InvalidInputError` for a folder without pictures."""
    if images is None:
        return [encoded(drawn(height, width, seed)) for seed in range(count)]
    return [encoded(np.asarray(picture.resize((width, height)))) for picture in _opened(images, count)]


def encoded(rgb: NDArray[np.uint8]) -> bytes:
    """A JPEG file as cameras and generators write them: quality 90, colour at half resolution."""
    with BytesIO() as file:
        Image.fromarray(rgb).save(file, "JPEG", quality=QUALITY, subsampling="4:2:0")
        return file.getvalue()


def drawn(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Noise in octaves (height, width, 3): as much detail, and as many bytes, as a photograph."""
    generator = np.random.default_rng(seed)
    total = np.full((height, width, 3), 128, dtype=np.float32)
    side, share = COARSEST, 1.0
    while side <= min(height, width) // 2:
        octave = generator.standard_normal((side, side, 3)).astype(np.float32) + generator.standard_normal(
            (side, side, 1)
        ).astype(np.float32)
        total += cv2.resize(octave, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(CONTRAST * share / 2)
        side, share = side * 2, share * 2**-FALL
    return np.clip(total, 0, 255).astype(np.uint8)


def _opened(folder: Path, count: int) -> Iterator[Image.Image]:
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in FILE_TYPES)[:count]
    if not found:
        raise InvalidInputError(f"{folder} holds no pictures.", hint="Give --images a folder of JPEG, PNG or WebP.")
    for path in found:
        with Image.open(path) as picture:
            yield picture.convert("RGB")
