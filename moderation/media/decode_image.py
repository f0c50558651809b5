"""Bytes to full-size RGB frames, with the limits that can be checked between steps.

Runs in the decoder's child process only: what it calls may crash, hang or exhaust memory for hostile bytes.
"""

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import AvifImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.ImageFile import ImageFile

from moderation.domain.media import ImageFacts, RefusalReason
from moderation.media.decode_limits import DecodeLimits
from moderation.media.decode_pixels import orientation_of, oriented, to_rgb
from moderation.media.sniff import Format, is_cut_off, sniff, stated_size
from moderation.media.subject import Rgb

PLUGINS: dict[Format, type[ImageFile]] = {
    Format.JPEG: JpegImagePlugin.JpegImageFile,
    Format.PNG: PngImagePlugin.PngImageFile,
    Format.WEBP: WebPImagePlugin.WebPImageFile,
    Format.AVIF: AvifImagePlugin.AvifImageFile,
    Format.GIF: GifImagePlugin.GifImageFile,
}
JPEG_MODES = frozenset({"L", "RGB"})
"""JPEG modes that OpenCV decodes to the same pixels as Pillow, and faster; CMYK is left to Pillow."""


class RefusedError(Exception):
    """This image yields no picture."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Decoded:
    """Facts, and the chosen frames at full size, each decoded when it is asked for."""

    facts: ImageFacts
    frames: Iterator[Rgb]


def configure(limits: DecodeLimits) -> None:
    """Set the image libraries' process-wide limits. Call once, before the first image."""
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def decode_image(data: bytes, limits: DecodeLimits) -> Decoded:
    """The picture in `data`. Raises `RefusedError` here or while its frames are taken, for whatever it contains."""
    deadline = time.monotonic() + limits.seconds
    kind = sniff(data)
    if kind is None:
        raise RefusedError(RefusalReason.UNSUPPORTED, "not a JPEG, PNG, WebP, AVIF or GIF file")
    if size := stated_size(kind, data):
        _check_size(size, limits)
    if kind is Format.JPEG and is_cut_off(kind, data):
        raise RefusedError(RefusalReason.TRUNCATED, "the file ends before its end mark")
    try:
        return _decode(kind, data, limits, deadline)
    except Exception as error:
        raise _refusal(kind, data, error) from error


def preview(rgb: Rgb, side: int) -> Rgb:
    """`rgb` itself, or reduced so that its longer side is `side`.

    Halved by exact averaging while that leaves enough, then interpolated: one pass of area averaging by a fraction
    looks the same and takes five times as long.
    """
    while max(rgb.shape[:2]) >= 2 * side and min(rgb.shape[:2]) > 1:
        height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
        even = rgb[: height * 2, : width * 2]
        rgb = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def chosen_frames(count: int, most: int) -> list[int]:
    """At most `most` evenly spaced frame numbers out of `count`, first and last included."""
    if count <= most:
        return list(range(count))
    return [round(number) for number in np.linspace(0, count - 1, most)]


def _decode(kind: Format, data: bytes, limits: DecodeLimits, deadline: float) -> Decoded:
    image = PLUGINS[kind](BytesIO(data))
    _check_size(image.size, limits)
    count = 1 if kind is Format.JPEG else int(getattr(image, "n_frames", 1))
    mode = image.mode
    first = _jpeg_pixels(image, data) if kind is Format.JPEG else _pixels(image, limits)
    turn = orientation_of(image)
    first = oriented(first, turn)
    height, width = first.shape[:2]
    facts = ImageFacts(kind.value, width, height, count, mode)
    later = chosen_frames(count, limits.max_frames)[1:]
    return Decoded(facts, _frames(kind, data, image, first, _Later(later, turn, limits, deadline)))


@dataclass(frozen=True, slots=True)
class _Later:
    """Which frames of an animation follow the first, and under which limits they are decoded."""

    numbers: list[int]
    turn: int
    limits: DecodeLimits
    deadline: float


def _frames(kind: Format, data: bytes, image: ImageFile, first: Rgb, later: _Later) -> Iterator[Rgb]:
    yield first
    del first
    try:
        wanted = iter(later.numbers)
        number = next(wanted, None)
        for current in range(1, later.numbers[-1] + 1 if later.numbers else 1):
            _check_time(later.deadline, current)
            image.seek(current)
            image.load()
            if current == number:
                yield oriented(_pixels(image, later.limits), later.turn)
                number = next(wanted, None)
    except Exception as error:
        raise _refusal(kind, data, error) from error


def _pixels(image: ImageFile, limits: DecodeLimits) -> Rgb:
    image.load()
    _check_size(image.size, limits)
    return to_rgb(image)


def _jpeg_pixels(image: ImageFile, data: bytes) -> Rgb:
    """OpenCV's pixels where they are Pillow's; Pillow for the rest, and for the reason when OpenCV gives up."""
    if image.mode in JPEG_MODES:
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
        if decoded is not None:
            pixels = np.asarray(decoded, dtype=np.uint8)
            if pixels.shape != (image.height, image.width, 3):
                raise RefusedError(RefusalReason.CORRUPT, "the pixels are not of the size that the header states")
            return pixels
    image.load()
    return to_rgb(image)


def _check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    if min(size) < 1:
        raise RefusedError(RefusalReason.CORRUPT, f"states a size of {size[0]}x{size[1]}")
    if max(size) > limits.max_side or math.prod(size) > limits.max_pixels:
        raise RefusedError(
            RefusalReason.TOO_LARGE,
            f"{size[0]}x{size[1]} pixels; the limit is {limits.max_pixels} pixels and {limits.max_side} a side",
        )


def _check_time(deadline: float, frame: int) -> None:
    if time.monotonic() > deadline:
        raise RefusedError(RefusalReason.TIMEOUT, f"frame {frame} was not reached in time")


def _refusal(kind: Format, data: bytes, error: Exception) -> RefusedError:
    """What went wrong inside an image library, as one of the refusal reasons."""
    if isinstance(error, RefusedError):
        return error
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or "memory" in str(error).lower():
        return RefusedError(RefusalReason.OUT_OF_MEMORY, detail)
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return RefusedError(RefusalReason.TOO_LARGE, detail)
    if "truncated" in str(error).lower() or is_cut_off(kind, data):
        return RefusedError(RefusalReason.TRUNCATED, detail)
    return RefusedError(RefusalReason.CORRUPT, detail)
