"""Container facts on their way out of the decoder's process, which hostile bytes may rule: everything is checked."""

import math
from collections.abc import Mapping
from dataclasses import asdict

from moderation.domain.media import ContainerFacts, EmbeddedFile
from moderation.media.generators import NAMES
from moderation.media.untrusted_text import printable

MAX_CLAIM_CHARS = 120
"""Of the camera's and the software's name."""
MAX_PROMPT_CHARS = 4_000
MAX_SOURCE_TYPE_CHARS = 60
MAX_IMAGES = 8
"""Images one after the other in a file that are walked through: phones add a depth map or a brighter version."""


def container_fields(facts: ContainerFacts) -> dict[str, object]:
    """The facts as JSON."""
    return asdict(facts)


def read_container(value: object, max_bytes: int) -> ContainerFacts:
    """The facts again. Raises `ValueError` for what `container_fields` cannot have made of at most `max_bytes`."""
    if not isinstance(value, dict) or set(value) != set(ContainerFacts.__dataclass_fields__):
        raise ValueError("container facts with other fields")
    generator = _text(value, "generator", MAX_CLAIM_CHARS)
    if generator and generator not in NAMES:
        raise ValueError("a generator that is not known")
    return ContainerFacts(
        exif=_truth(value, "exif"),
        location=_truth(value, "location"),
        camera=_text(value, "camera", MAX_CLAIM_CHARS),
        software=_text(value, "software", MAX_CLAIM_CHARS),
        generator=generator,
        prompt=_text(value, "prompt", MAX_PROMPT_CHARS),
        trailing_bytes=_count(value, "trailing_bytes", 0, max_bytes),
        embedded_file=EmbeddedFile(_text(value, "embedded_file", MAX_CLAIM_CHARS)),
        images=_count(value, "images", 1, MAX_IMAGES),
        thumbnail_correlation=_correlation(value["thumbnail_correlation"]),
        provenance=_truth(value, "provenance"),
        source_type=_text(value, "source_type", MAX_SOURCE_TYPE_CHARS),
        complete=_truth(value, "complete"),
    )


def _truth(fields: Mapping[str, object], name: str) -> bool:
    value = fields[name]
    if not isinstance(value, bool):
        raise ValueError(f"{name} is not true or false")  # noqa: TRY004 - whatever is wrong is the same error
    return value


def _text(fields: Mapping[str, object], name: str, most: int) -> str:
    value = fields[name]
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"{name} is not a text of at most {most} characters")
    return printable(value, most)


def _count(fields: Mapping[str, object], name: str, least: int, most: int) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is not a number from {least} to {most}")
    return value


def _correlation(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, float) or not math.isfinite(value):
        raise ValueError("a correlation that is not a number")
    return min(1.0, max(-1.0, value))
