"""Banking the picture of a post that somebody decided about: one call for the console, the API and the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from moderation.domain.bank import KEEP, BankEntry, EntryDraft
from moderation.domain.decision import Decision, Fate
from moderation.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.media import Refusal
from moderation.domain.post import Post
from moderation.matching.entries.entry_drafts import draft_of
from moderation.matching.hashes.frame_hashes import frame_hashes
from moderation.media.subject import Picture
from moderation.screening.ports import Blobs, Decoder
from moderation.storage.bank_checks import MAX_NOTE_CHARS
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.hashes import HashStore, StoredHash

SAME_BITS = 10
"""A frame that is decoded again is the one that was hashed then if their hashes differ in no more bits: what reduced
decoding may change of a hash."""


@dataclass(frozen=True, slots=True)
class BankedPost:
    """The entries of a post's picture, one for each hash that can match; `missing` says what they lack, and why."""

    entries: tuple[BankEntry, ...]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Where pictures come from."""

    blobs: Blobs
    decoder: Decoder


def bank_post(  # noqa: PLR0913 - one keyword for each fact
    database: Database,
    pixels: Pixels,
    bank: str,
    post_id: PostId,
    *,
    actor: str,
    now: datetime,
    category: str = "",
    note: str = "",
) -> BankedPost:
    """Add a post's picture to a bank: the hashes stored when it was screened, and the rest from its picture.

    Category and note are those of the newest decision that was not undone, unless given. Where the picture is gone or
    the blob store does not answer, entries have no keypoints, and only the secondary hashes that were stored: the same
    call brings them later. Who may see the post is for the caller to check.

    An entry that the bank has already keeps its opinion: what was disputed since does not act again by being banked
    again. No picture's digest, and nothing of where pictures are kept, is in `missing`.

    Raises `NotFoundError` for an unknown post or bank, `InvalidInputError` when no frame has a hash of the quality that
    the bank asks for.
    """
    banks = BankStore(database)
    min_quality = banks.bank(bank).min_quality
    post = PostStore(database).get(post_id)
    if post is None:
        raise NotFoundError(f"There is no post {post_id}.")
    picture = _picture(pixels, post)
    frames = [] if isinstance(picture, str) else _frames(picture)
    hashes = HashStore(database).of_post(post_id)
    found = [_completed(one, frames) for one in hashes] or frames
    usable = {draft.pdq: draft for draft in found if draft.quality >= min_quality}
    if not usable:
        raise InvalidInputError(
            f"No frame of post {post_id} has a hash of quality {min_quality} or more, so it could not be known again."
        )
    decision = _newest(DecisionStore(database).of_post(post_id))
    drafts = [_explained(draft, post_id, decision, category, note) for draft in usable.values()]
    entries = banks.add_many(bank, drafts, actor=actor, now=now)
    return BankedPost(tuple(entries), picture if isinstance(picture, str) else "")


def _picture(pixels: Pixels, post: Post) -> Picture | str:
    """The decoded picture, or what entries lack without it."""
    try:
        decoded = pixels.decoder.decode([pixels.blobs.read(post.image)])[0]
    except NotFoundError:
        return "without keypoints: the picture is no longer stored."
    except UnavailableError:
        return "without keypoints: the picture cannot be read now."
    if isinstance(decoded, Refusal):
        return f"without keypoints: the picture cannot be decoded ({decoded.reason})"
    return decoded


def _frames(picture: Picture) -> list[EntryDraft]:
    hashes = frame_hashes([frame.reduced for frame in picture.frames])
    return [draft_of(hashed, frame.rgb) for hashed, frame in zip(hashes, picture.frames, strict=True)]


def _completed(stored: StoredHash, frames: Sequence[EntryDraft]) -> EntryDraft:
    """The hash that was stored, with what else is known of the same frame."""
    place = stored.place.frame
    if place < len(frames) and _bits(stored.pdq, frames[place].pdq) <= SAME_BITS:
        return replace(frames[place], pdq=stored.pdq, quality=stored.quality)
    return EntryDraft(stored.pdq, stored.quality, phash=stored.phash, dhash=stored.dhash)


def _bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _newest(decisions: Sequence[Decision]) -> Decision | None:
    standing = [decision for decision in decisions if decision.binding and decision.fate is not Fate.UNDONE]
    return standing[-1] if standing else None


def _explained(draft: EntryDraft, post_id: PostId, decision: Decision | None, category: str, note: str) -> EntryDraft:
    """The draft with where it comes from."""
    draft = replace(draft, opinion=KEEP)
    if decision is None:
        return replace(draft, source="post", category=category, note=note, provenance={"post": post_id})
    return replace(
        draft,
        source="decision",
        category=category or decision.category,
        note=note or decision.note[:MAX_NOTE_CHARS],
        provenance={"post": post_id, "decision": decision.id},
    )
