"""Pixels to file bytes, with fixed options so that equal pixels give equal files."""

import io
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from PIL import Image

from datasets.drawing.colour import Pixels

FRAME_MS = 120
EXIF_ORIENTATION = 0x0112
TURNED_LEFT = 6
"""EXIF orientation 6: show the stored pixels turned by 90 degrees clockwise."""


class FileFormat(StrEnum):
    """How a sample is stored."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GREY_JPEG = "grey-jpeg"
    CMYK_JPEG = "cmyk-jpeg"
    TURNED_JPEG = "turned-jpeg"
    PALETTE_PNG = "palette-png"


def encode(pixels: Pixels, file_format: FileFormat, *, quality: int = 88) -> bytes:
    """`pixels` as a file; `quality` (1 to 100) is for the lossy formats."""
    image = Image.fromarray(pixels)
    if file_format is FileFormat.PNG:
        return _save(image, "PNG", compress_level=3)
    if file_format is FileFormat.PALETTE_PNG:
        return _save(image.quantize(64, Image.Quantize.FASTOCTREE), "PNG", compress_level=3)
    if file_format is FileFormat.WEBP:
        return _save(image, "WEBP", quality=quality, method=0)
    if file_format is FileFormat.AVIF:
        return _save(image, "AVIF", quality=quality, speed=10, max_threads=1)
    return _jpeg(image, file_format, quality)


def _jpeg(image: Image.Image, file_format: FileFormat, quality: int) -> bytes:
    exif = Image.Exif()
    if file_format is FileFormat.GREY_JPEG:
        image = image.convert("L")
    if file_format is FileFormat.CMYK_JPEG:
        image = image.convert("CMYK")
    if file_format is FileFormat.TURNED_JPEG:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[EXIF_ORIENTATION] = TURNED_LEFT
    return _save(image, "JPEG", quality=quality, exif=exif)


def animate(frames: Sequence[Pixels], container: str) -> bytes:
    """An endless animation in `container` ("GIF" or "WEBP")."""
    images = [Image.fromarray(frame) for frame in frames]
    if container == "GIF":
        images = [image.quantize(128, Image.Quantize.FASTOCTREE) for image in images]
    first, *others = images
    return _save(first, container, save_all=True, append_images=others, duration=FRAME_MS, loop=0)


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """`pixels` at another size."""
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def oversize(width: int, height: int) -> bytes:
    """A PNG of `width` x `height` black and white pixels whose file is small: stripes compress well."""
    image = Image.new("1", (width, height))
    image.paste(1, (width // 4, 0, width // 2, height))
    return _save(image, "PNG", compress_level=6)


def _save(image: Image.Image, container: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()
