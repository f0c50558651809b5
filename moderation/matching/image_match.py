"""The signal that says which known images a post's image is."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from moderation.domain.bank import EFFECT_ORDER, MIN_INLIERS, MIN_QUALITY, TIER_ORDER, BankEffect, Opinion
from moderation.domain.errors import BanksUnreadableError, CorruptIndexError, UnavailableError
from moderation.domain.media import Refusal
from moderation.domain.signal import (
    BankHit,
    Column,
    ColumnKind,
    FailureReason,
    Match,
    PictureHash,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
    Value,
)
from moderation.matching.hashes.frame_hashes import FrameHashes, frame_hashes
from moderation.matching.hashes.orientations import ORIENTATIONS
from moderation.matching.hashes.pdq import BITS, to_hex
from moderation.matching.hashes.secondary import to_hex64
from moderation.matching.hits import Hit, Matched
from moderation.matching.matcher import MAX_HITS
from moderation.matching.weighing.recall_room import MAX_ENTRIES
from moderation.media.subject import Picture, Rgb, Subject

__all__ = ["IMAGE_MATCH", "MAX_HITS", "NO_MATCH", "ImageMatch", "bank_hit", "match_values", "picture_hash"]

log = structlog.get_logger(__name__)

NO_MATCH = "none"
COST_MS = 30.0
"""Where banks have keypoints, of a picture that none matches automatically: its corners are looked for twice, as it is
and mirrored, and up to sixteen entries compared. Hashes alone take 3."""

IMAGE_MATCH = SignalSpec(
    name="image_match",
    version="2",
    surface=Surface.IMAGE,
    description=(
        "The banked images that the picture is a copy of: by PDQ hash in eight orientations and without its border "
        "(automatic), by keypoints (verified), or by wider distances (review)."
    ),
    columns=(
        Column(
            "image_match_effect",
            ColumnKind.TEXT,
            "Strictest effect among the matches; a blocking bank's match in the review tier has the effect review",
            choices=(NO_MATCH, *reversed([effect.value for effect in EFFECT_ORDER])),
        ),
        Column(
            "image_match_tier",
            ColumnKind.TEXT,
            "How the surest match of that effect was found: automatic, verified by keypoints, or wider, for review",
            choices=(NO_MATCH, *[tier.value for tier in TIER_ORDER]),
        ),
        Column(
            "image_match_verified",
            ColumnKind.BOOLEAN,
            f"At least {MIN_INLIERS} keypoints agree with a match of that effect; these are compared where hashes are "
            "not enough",
        ),
        Column(
            "image_match_distance",
            ColumnKind.INTEGER,
            "Differing bits of the PDQ hashes of that match; unknown when nothing matches",
            low=0,
            high=BITS,
            nullable=True,
        ),
        Column(
            "image_match_orientation",
            ColumnKind.TEXT,
            "How the picture has to be turned to look like that match",
            choices=(NO_MATCH, *[orientation.value for orientation in ORIENTATIONS]),
        ),
        Column("image_match_bank", ColumnKind.TEXT, "Bank of that match, empty when nothing matches"),
        Column("image_match_category", ColumnKind.TEXT, "Category of that match's entry, empty when it has none"),
        Column(
            "image_match_opinion",
            ColumnKind.TEXT,
            "What is said of that match's entry; any but a positive one matches for review only",
            choices=(NO_MATCH, *[opinion.value for opinion in Opinion]),
        ),
        Column(
            "image_match_duplicates",
            ColumnKind.INTEGER,
            f"How many entries of duplicate banks match, at most {MAX_HITS}",
            low=0,
            high=MAX_HITS,
        ),
        Column(
            "image_match_complete",
            ColumnKind.BOOLEAN,
            "There was time for every comparison of keypoints; if not, no match means nothing",
        ),
        Column("image_pdq_quality", ColumnKind.INTEGER, "PDQ quality of the worst frame", low=0, high=100),
        Column(
            "image_hash_usable",
            ColumnKind.BOOLEAN,
            f"PDQ quality is at least {MIN_QUALITY} on every frame, so that the absence of a match means something",
        ),
    ),
    cost_ms=COST_MS,
    known_failures=(
        "Crops by more than a tenth, collages and big overlays are found only where an entry has keypoints.",
        f"Of more than {MAX_ENTRIES:,} entries with keypoints the rest is found by hashes only: see `bank list`.",
        "Of collages most are missed, of small crops and of copies that were shrunk and overlaid some.",
        "Flat pictures, gradients and pages of text have no usable hash.",
        "Pages with one letterhead and screenshots of one program can resemble each other: review, not proof.",
    ),
)


class PictureMatcher(Protocol):
    """What the signal needs of a matcher; `matcher.Matcher` is one."""

    def prepare(self) -> None:
        """Do what takes long before the first search. Raises `UnavailableError`."""
        ...

    def refresh(self) -> None:
        """See the newest contents of the banks. Raises `UnavailableError`."""
        ...

    def match(
        self, pictures: Sequence[Sequence[FrameHashes]], previews: Sequence[Sequence[Rgb]] | None
    ) -> list[Matched]:
        """Which entries each picture matches. Raises `UnavailableError`."""
        ...


class ImageMatch:
    """Implements `SignalType`. A batch is searched in one checkpoint: the one that the last `refresh` saw."""

    def __init__(self, matcher: PictureMatcher) -> None:
        self._matcher = matcher

    @property
    def spec(self) -> SignalSpec:
        """`IMAGE_MATCH`."""
        return IMAGE_MATCH

    def prepare(self) -> None:
        """Do what takes long before the first batch. Raises nothing: what is wrong fails the batches."""
        try:
            self._matcher.prepare()
        except UnavailableError as error:
            log.warning("banks_not_ready", reason=error.message)

    def refresh(self) -> None:
        """See the newest contents of the banks. Call before each batch.

        Raises `UnavailableError` when the database does not answer: the batch can wait. Banks or an index file that
        make no sense are no reason to wait: then every picture's match fails, and its post is held.
        """
        try:
            self._matcher.refresh()
        except (CorruptIndexError, BanksUnreadableError):
            return

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One `Match` for each decoded picture, a `SignalFailure` for every other, or for all if there are no banks."""
        pictures = [subject.picture for subject in batch if isinstance(subject.picture, Picture)]
        measured = iter(self._match(pictures))
        return [
            SignalFailure(IMAGE_MATCH.name, FailureReason.UNDECODABLE, subject.picture.reason)
            if isinstance(subject.picture, Refusal)
            else next(measured)
            for subject in batch
        ]

    def _match(self, pictures: Sequence[Picture]) -> list[SignalResult]:
        if not pictures:
            return []
        flat = iter(frame_hashes([frame.reduced for picture in pictures for frame in picture.frames]))
        hashes = [[next(flat) for _ in picture.frames] for picture in pictures]
        previews = [[frame.rgb for frame in picture.frames] for picture in pictures]
        try:
            matched = self._matcher.match(hashes, previews)
        except UnavailableError as error:
            return [SignalFailure(IMAGE_MATCH.name, FailureReason.BANKS_UNAVAILABLE, error.message) for _ in pictures]
        return [_result(found, frames) for found, frames in zip(matched, hashes, strict=True)]


def match_values(hits: Sequence[Hit], worst_quality: int, *, complete: bool = True) -> dict[str, Value]:
    """The value of every column, from a picture's hits in their order and its worst frame's quality."""
    first = hits[0] if hits else None
    same = [hit for hit in hits if first is not None and hit.effect is first.effect]
    return {
        "image_match_effect": first.effect.value if first else NO_MATCH,
        "image_match_tier": first.tier.value if first else NO_MATCH,
        "image_match_verified": any((hit.inliers or 0) >= MIN_INLIERS for hit in same),
        "image_match_distance": first.distance_bits if first else None,
        "image_match_orientation": first.orientation.value if first else NO_MATCH,
        "image_match_bank": first.bank.name if first else "",
        "image_match_category": first.entry.category if first else "",
        "image_match_opinion": first.entry.opinion.value if first else NO_MATCH,
        "image_match_duplicates": len({hit.entry.id for hit in hits if hit.effect is BankEffect.DUPLICATE}),
        "image_match_complete": complete,
        "image_pdq_quality": worst_quality,
        "image_hash_usable": worst_quality >= MIN_QUALITY,
    }


def bank_hit(hit: Hit) -> BankHit:
    """A hit as it is kept in evidence."""
    return BankHit(
        bank=hit.bank.name,
        entry_id=hit.entry.id,
        effect=hit.effect.value,
        distance_bits=hit.distance_bits,
        entry_quality=hit.entry.quality,
        frame=hit.frame,
        note=hit.entry.note,
        tier=hit.tier.value,
        orientation=hit.orientation.value,
        inliers=hit.inliers,
        opinion=hit.entry.opinion.value,
        trimmed=hit.trimmed,
    )


def picture_hash(frame: int, hashes: FrameHashes) -> PictureHash:
    """The hashes of a frame as they are kept in evidence."""
    trimmed = hashes.trimmed
    return PictureHash(
        frame=frame,
        pdq=to_hex(hashes.pdq[0]),
        quality=hashes.quality,
        phash=to_hex64(hashes.phash),
        dhash=to_hex64(hashes.dhash),
        trimmed="" if trimmed is None else to_hex(trimmed[0]),
        trimmed_quality=hashes.trimmed_quality,
    )


def _result(matched: Matched, frames: Sequence[FrameHashes]) -> Match:
    return Match(
        IMAGE_MATCH.name,
        match_values(matched.hits, min(frame.quality for frame in frames), complete=matched.complete),
        tuple(map(bank_hit, matched.hits)),
        matched.checkpoint,
        tuple(picture_hash(number, frame) for number, frame in enumerate(frames)),
        matched.at,
        matched.capped,
    )
