"""`image_container`: what the file carries beside pixels, and whether it fits a generated picture."""

import re
from collections.abc import Sequence

from moderation.domain.media import ContainerFacts, EmbeddedFile
from moderation.domain.post import Post
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
    Value,
)
from moderation.media.generators import NAMES
from moderation.media.subject import Picture, Subject
from moderation.media.text import fold

NONE = "none"
OTHER = "other"
SOURCE_TYPES = {
    "trainedAlgorithmicMedia": "generated",
    "compositeWithTrainedAlgorithmicMedia": "edited_by_generator",
    "algorithmicMedia": "computed",
    "digitalCapture": "captured",
}
"""Digital source types of the IPTC's vocabulary, as the columns name them; all others are "other"."""

IMAGE_CONTAINER = SignalSpec(
    name="image_container",
    version="2",
    surface=Surface.IMAGE,
    description="Metadata and oddities of the image file. Anybody can write or remove them: signs, never proofs.",
    columns=(
        Column("image_exif", ColumnKind.BOOLEAN, "Whether the file has EXIF metadata"),
        Column("image_location", ColumnKind.BOOLEAN, "Whether it says where the picture was taken (GPS)"),
        Column("image_camera", ColumnKind.BOOLEAN, "Whether it names a camera: a generated picture has none"),
        Column(
            "image_generator",
            ColumnKind.TEXT,
            "The image generator that the file names, 'none' if it names none that is known",
            choices=(NONE, *sorted(NAMES)),
        ),
        Column("image_embedded_prompt", ColumnKind.BOOLEAN, "Whether it says from which prompt it was made"),
        Column(
            "image_embedded_prompt_overlap",
            ColumnKind.FLOAT,
            "Share of the embedded prompt's words that the post's prompt has too; NULL without an embedded prompt",
            low=0.0,
            high=1.0,
            nullable=True,
            recommended={"high recall": 0.5, "high precision": 0.2},
        ),
        Column(
            "image_trailing_bytes",
            ColumnKind.INTEGER,
            "Bytes after the image's end, other than zeros and further images",
            low=0,
            recommended={"high recall": 16, "high precision": 1024},
        ),
        Column(
            "image_embedded_file",
            ColumnKind.TEXT,
            "What else the file is or carries: an archive, a page, a program, a film, or bytes of no known kind",
            choices=tuple(EmbeddedFile),
        ),
        Column("image_file_images", ColumnKind.INTEGER, "Images one after the other in the file", low=1),
        Column(
            "image_thumbnail_correlation",
            ColumnKind.FLOAT,
            "How alike the EXIF thumbnail and the picture are, 1 the same; NULL without a thumbnail or a picture",
            low=-1.0,
            high=1.0,
            nullable=True,
            recommended={"high recall": 0.8, "high precision": 0.4},
        ),
        Column(
            "image_provenance",
            ColumnKind.BOOLEAN,
            "Whether there is a C2PA manifest; its signature is not verified, so it proves nothing",
        ),
        Column(
            "image_source_type",
            ColumnKind.TEXT,
            "The IPTC digital source type: 'generated' is trainedAlgorithmicMedia, 'captured' a camera's",
            choices=(NONE, *SOURCE_TYPES.values(), OTHER),
        ),
        Column(
            "image_container_complete",
            ColumnKind.BOOLEAN,
            "False where the file's structure is broken or so large that the rest was not looked at",
        ),
    ),
    cost_ms=0.3,
    time_limit_s=10.0,
    known_failures=(
        "Most services strip metadata: its absence says nothing.",
        "Metadata can be forged; a C2PA manifest is noticed, not verified.",
        "Metadata inside AVIF files is found by its marks, not by the tables that point at it.",
        "Thumbnails of pictures that were cropped later differ for harmless reasons.",
        "What hides in the pixels (steganography) or inside valid compressed data is not seen.",
    ),
)
_WORD = re.compile(r"[a-z0-9]{2,}|[^\W\d_a-z]")
"""Words of Latin letters and digits; of other scripts, letter by letter."""


class ImageContainer:
    """Reads what the decoder gathered; a refused picture's file is described as far as its bytes could be walked."""

    @property
    def spec(self) -> SignalSpec:
        """See `IMAGE_CONTAINER`."""
        return IMAGE_CONTAINER

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; a file that was not looked at is `undecodable`."""
        return [_result(subject) for subject in batch]


def _result(subject: Subject) -> SignalResult:
    facts = subject.picture.container
    if facts is None:
        detail = "nobody looked" if isinstance(subject.picture, Picture) else str(subject.picture.reason)
        return SignalFailure(IMAGE_CONTAINER.name, FailureReason.UNDECODABLE, detail)
    return Score(IMAGE_CONTAINER.name, _values(facts, subject.post), detail=_detail(facts))


def _values(facts: ContainerFacts, post: Post) -> dict[str, Value]:
    return {
        "image_exif": facts.exif,
        "image_location": facts.location,
        "image_camera": bool(facts.camera),
        "image_generator": facts.generator or NONE,
        "image_embedded_prompt": bool(facts.prompt),
        "image_embedded_prompt_overlap": overlap(facts.prompt, post.prompt),
        "image_trailing_bytes": facts.trailing_bytes,
        "image_embedded_file": facts.embedded_file.value,
        "image_file_images": facts.images,
        "image_thumbnail_correlation": facts.thumbnail_correlation,
        "image_provenance": facts.provenance,
        "image_source_type": SOURCE_TYPES.get(facts.source_type, OTHER) if facts.source_type else NONE,
        "image_container_complete": facts.complete,
    }


def overlap(embedded: str, stated: str) -> float | None:
    """Share, 0 to 1, of the different words of `embedded` that `stated` has too; None if it has no words."""
    words = set(_WORD.findall(fold(embedded).text))
    return len(words & set(_WORD.findall(fold(stated).text))) / len(words) if words else None


def _detail(facts: ContainerFacts) -> dict[str, Value]:
    """What a moderator may want to read, where there is any."""
    texts = {"camera": facts.camera, "software": facts.software, "prompt": facts.prompt}
    return {name: text for name, text in texts.items() if text}
