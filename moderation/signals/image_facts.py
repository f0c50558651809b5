"""`image_facts`: what the decoder knows of an image, or why there is no picture. It measures every post."""

from collections.abc import Sequence

from moderation.domain.media import ImageFacts as Facts
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Surface, Value
from moderation.media.subject import Subject

DECODED = "decoded"

IMAGE_FACTS = SignalSpec(
    name="image_facts",
    version="1",
    surface=Surface.IMAGE,
    description="Size, format and animation of the image, and whether it could be decoded at all.",
    columns=(
        Column(
            "image_status",
            ColumnKind.TEXT,
            "'decoded', or why the decoder refused the image; the other image columns are NULL then",
            choices=(DECODED, *(reason.value for reason in RefusalReason)),
        ),
        Column("image_bytes", ColumnKind.INTEGER, "Size of the file as it was sent, in bytes; never NULL", low=0),
        Column("image_format", ColumnKind.TEXT, "Container format, lower case: jpeg, png, webp…", nullable=True),
        Column("image_width", ColumnKind.INTEGER, "Pixels, after EXIF rotation", low=1, nullable=True),
        Column("image_height", ColumnKind.INTEGER, "Pixels, after EXIF rotation", low=1, nullable=True),
        Column("image_megapixels", ColumnKind.FLOAT, "Width by height, in millions", low=0.0, nullable=True),
        Column("image_aspect", ColumnKind.FLOAT, "Longer side by shorter side", low=1.0, nullable=True),
        Column("image_frames", ColumnKind.INTEGER, "Frames as the container states; 1 if still", low=1, nullable=True),
        Column("image_animated", ColumnKind.BOOLEAN, "Whether it has more than one frame", nullable=True),
    ),
    cost_ms=0.01,
    time_limit_s=5.0,
    known_failures=("Frames are counted as the file states them: only as many as the decoder looks at are seen.",),
)


class ImageFacts:
    """Reads the facts off the decoded picture or the refusal."""

    @property
    def spec(self) -> SignalSpec:
        """See `IMAGE_FACTS`."""
        return IMAGE_FACTS

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post, for refused images too."""
        return [Score(IMAGE_FACTS.name, _values(subject)) for subject in batch]


def _values(subject: Subject) -> dict[str, Value]:
    unknown: dict[str, Value] = dict.fromkeys(column.name for column in IMAGE_FACTS.columns)
    size = {"image_bytes": subject.post.image_bytes}
    if isinstance(subject.picture, Refusal):
        return unknown | size | {"image_status": subject.picture.reason.value}
    return unknown | size | {"image_status": DECODED} | _decoded(subject.picture.facts)


def _decoded(facts: Facts) -> dict[str, Value]:
    longer, shorter = max(facts.width, facts.height), min(facts.width, facts.height)
    return {
        "image_format": facts.format.lower(),
        "image_width": facts.width,
        "image_height": facts.height,
        "image_megapixels": facts.width * facts.height / 1e6,
        "image_aspect": longer / shorter,
        "image_frames": facts.frames,
        "image_animated": facts.frames > 1,
    }
