"""Why an image is refused by the decoder, and what an image is."""

from dataclasses import dataclass
from enum import StrEnum


class RefusalReason(StrEnum):
    """Why an image could not be decoded within the limits."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    """Over the limit on bytes, pixels or side length."""
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNSUPPORTED = "unsupported"
    """Not one of the formats that the decoder takes."""
    DECODER_CRASHED = "decoder_crashed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    MISSING = "missing"
    """The blob store does not have the bytes, or they are not the ones that were stored."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No picture, and why."""

    reason: RefusalReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the decoder knows of an image; `width` and `height` are in pixels after EXIF rotation.

    `frames` counts the animation's frames as the container states it (1 for a still image).
    """

    format: str
    width: int
    height: int
    frames: int
    mode: str
