"""What a decoded picture would be banked as. The picture itself is not kept."""

from moderation.domain.bank import MIN_QUALITY, EntryDraft
from moderation.domain.errors import InvalidInputError
from moderation.matching.geometry.keypoints import keypoints_of, pack
from moderation.matching.hashes.frame_hashes import FrameHashes, frame_hashes
from moderation.matching.hashes.pdq import to_hex
from moderation.matching.hashes.secondary import to_hex64
from moderation.media.subject import Picture, Rgb


def drafts_of(picture: Picture, *, min_quality: int = MIN_QUALITY) -> list[EntryDraft]:
    """One draft for each frame whose PDQ quality is at least `min_quality` and whose hash is new, in order.

    Raises `InvalidInputError` when no frame has it: such an entry would match nothing, and nobody would notice.
    """
    found: dict[str, EntryDraft] = {}
    hashes = frame_hashes([frame.reduced for frame in picture.frames])
    for frame, hashed in zip(picture.frames, hashes, strict=True):
        if hashed.quality >= min_quality:
            draft = draft_of(hashed, frame.rgb)
            found.setdefault(draft.pdq, draft)
    if not found:
        raise InvalidInputError(
            f"The picture is too flat to be known again: quality {max(hashed.quality for hashed in hashes)} is below "
            f"{min_quality}.",
            hint="Bank another version of the picture.",
        )
    return list(found.values())


def draft_of(hashed: FrameHashes, preview: Rgb) -> EntryDraft:
    """The draft of one frame, with its keypoints if it has any."""
    keypoints = keypoints_of(preview)
    return EntryDraft(
        pdq=to_hex(hashed.pdq[0]),
        quality=hashed.quality,
        phash=to_hex64(hashed.phash),
        dhash=to_hex64(hashed.dhash),
        keypoints=pack(keypoints) if len(keypoints.points) else None,
    )
