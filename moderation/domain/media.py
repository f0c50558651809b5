"""Why an image is refused by the decoder, and what an image is."""

from dataclasses import dataclass, field
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


class EmbeddedFile(StrEnum):
    """What else an image file is, or carries after its end."""

    NONE = "none"
    ARCHIVE = "archive"
    """ZIP, RAR, 7-Zip, gzip and what is made of them."""
    DOCUMENT = "document"
    """A page or a document that a browser would open: HTML, SVG, PDF."""
    PROGRAM = "program"
    """A script or an executable."""
    VIDEO = "video"
    """Phones append a second of film to a photograph."""
    UNKNOWN = "unknown"
    """Bytes that belong to nothing."""


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What an image's file carries beside its pixels, as its bytes state it: anybody can write anything there.

    `camera`, `software` and `prompt` are printable, "" where there is none. `generator` is the known image generator
    that the file names, `source_type` the last part of its IPTC digital source type. `trailing_bytes` come after the
    image's end, zeros and further images left out; `images` counts those that stand one after the other.
    `thumbnail_correlation` compares the EXIF thumbnail with the picture, -1 to 1 (None: no thumbnail, or no picture).
    `provenance` says that there is a C2PA manifest; nobody has verified it. `complete` is False where the file's
    structure is broken or goes on over the limits, so that the rest was not looked at.
    """

    exif: bool = False
    location: bool = False
    camera: str = ""
    software: str = ""
    generator: str = ""
    prompt: str = ""
    trailing_bytes: int = 0
    embedded_file: EmbeddedFile = EmbeddedFile.NONE
    images: int = 1
    thumbnail_correlation: float | None = None
    provenance: bool = False
    source_type: str = ""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """No picture, and why. `container` is what its file carries, where that was looked at; it is not kept."""

    reason: RefusalReason
    detail: str = ""
    container: ContainerFacts | None = field(default=None, compare=False, repr=False)


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
