"""What the clean matching routes answer: one shape for each thing, distances as numbers, nothing left out."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from moderation.domain.bank import MIN_QUALITY, Bank, BankEffect, BankEntry, Opinion, Tier
from moderation.matching.hashes.frame_hashes import FrameHashes, Orientation
from moderation.matching.hashes.pdq import to_hex
from moderation.matching.hashes.secondary import to_hex64
from moderation.matching.hits import Hit, IndexStatus, LookedUp, Matched
from review_ui.api.matching.pictures import Hashed


class FrameView(BaseModel):
    """One frame's hashes."""

    frame: int
    pdq: str = Field(description="64 hexadecimal characters.")
    quality: int = Field(description="PDQ quality, 0 to 100.")
    usable: bool = Field(description=f"The quality is {MIN_QUALITY} or more: the absence of a match means something.")
    phash: str = Field(description="16 hexadecimal characters, as imagehash writes it.")
    dhash: str = Field(description="16 hexadecimal characters, as imagehash writes it.")
    orientations: dict[str, str] = Field(
        description="PDQ of the frame turned and mirrored, by name; `upright` is `pdq`."
    )
    trimmed_pdq: str | None = Field(description="PDQ without the frame's border; null where it has none.")
    trimmed_quality: int | None


class HashView(BaseModel):
    """A picture's hashes."""

    format: str
    width: int
    height: int
    usable: bool = Field(description="Every frame's hash is usable.")
    frames: list[FrameView]


class HitView(BaseModel):
    """One entry that was matched, how surely, and what its bank asks for."""

    model_config = ConfigDict(json_schema_extra={"title": "Hit"})

    bank: str
    bank_effect: BankEffect = Field(description="What the bank asks for.")
    effect: BankEffect = Field(description="What this match asks for: blocking banks ask for a person in tier review.")
    entry: str
    number: int = Field(description="The entry's number; HMA calls it `bank_content_id`.")
    distance_bits: int = Field(description="Differing bits of the PDQ hashes, 0 to 256.")
    tier: Tier
    orientation: Orientation = Field(description="How the picture is to be turned to match.")
    trimmed: bool = Field(description="It matches without its border.")
    inliers: int | None = Field(description="Agreeing keypoints; null where they were not compared.")
    frame: int
    entry_quality: int
    opinion: Opinion
    demoted: bool = Field(description="In flood quarantine.")
    category: str
    source: str


class LookupView(BaseModel):
    """What one hash matches, nearest first."""

    index: int = Field(description="The hash's place in the request, from 0.")
    usable: bool = Field(description="False where the stated quality is so low that no match means nothing.")
    checkpoint: str = Field(description="The state of the banks that was searched.")
    capped: bool = Field(description="There are more hits than these.")
    hits: list[HitView]


class LookupsView(BaseModel):
    """One result for each hash, in order."""

    results: list[LookupView]


class MatchView(BaseModel):
    """What a picture matches: strictest effect first, then the surest tier, then the nearest."""

    usable: bool = Field(description="Every frame's hash is usable: the absence of a match means something.")
    qualities: list[int] = Field(description="PDQ quality of each frame.")
    checkpoint: str
    capped: bool
    uncompared: int = Field(description="Candidates whose keypoints could not be compared; they count for review.")
    complete: bool = Field(
        description="Everything was compared that keypoints could tell; where it was not, no match means nothing."
    )
    hits: list[HitView]


class BankView(BaseModel):
    """A bank."""

    name: str
    effect: BankEffect
    description: str
    enabled: bool
    distance_bits: int
    review_bits: int
    secondary_bits: int | None
    min_quality: int
    verify: bool


class SizedBankView(BankView):
    """A bank, and how many entries it has."""

    entries: int


class BanksView(BaseModel):
    """Banks by name."""

    items: list[SizedBankView]
    next_cursor: str | None


class EntryView(BaseModel):
    """An entry of a bank. Its hashes are secrets: pictures can be made from them."""

    id: str
    number: int
    bank: str
    quality: int
    source: str
    note: str
    category: str
    opinion: Opinion
    active: bool = Field(description="It matches now.")
    demoted: bool
    disable_until: datetime | None
    expires_at: datetime | None
    added_at: datetime
    has_keypoints: bool
    provenance: dict[str, str]
    banked_by: list[str] = Field(description="Who banked it; exchanges that tell it are not among them.")
    pdq: str | None = Field(description="Null for a key without the scope `banks:read`.")
    phash: str | None
    dhash: str | None


class EntriesView(BaseModel):
    """One page of a bank's entries, newest first."""

    items: list[EntryView]
    next_cursor: str | None


class StatusView(BaseModel):
    """What is searched, and what is wrong with it."""

    ready: bool
    problem: str
    checkpoint: str
    built_to: int = Field(description="The change up to which the published index file goes; 0: there is none.")
    size: int
    delta: int = Field(description="Entries added since.")
    tombstones: int = Field(description="Entries removed since.")
    stale_s: float | None


def hash_view(hashed: Hashed) -> HashView:
    """A picture's hashes."""
    frames = [_frame_view(number, frame) for number, frame in enumerate(hashed.frames)]
    usable = all(frame.usable for frame in frames)
    return HashView(format=hashed.format, width=hashed.width, height=hashed.height, usable=usable, frames=frames)


def match_view(hashed: Hashed, matched: Matched) -> MatchView:
    """What a picture matches."""
    qualities = [frame.quality for frame in hashed.frames]
    return MatchView(
        usable=min(qualities) >= MIN_QUALITY,
        qualities=qualities,
        checkpoint=matched.checkpoint,
        capped=matched.capped,
        uncompared=matched.uncompared,
        complete=matched.complete,
        hits=[hit_view(hit) for hit in matched.hits],
    )


def lookup_view(index: int, quality: int | None, found: LookedUp) -> LookupView:
    """What one hash matches."""
    return LookupView(
        index=index,
        usable=quality is None or quality >= MIN_QUALITY,
        checkpoint=found.checkpoint,
        capped=found.capped,
        hits=[hit_view(hit) for hit in found.hits],
    )


def hit_view(hit: Hit) -> HitView:
    """One hit."""
    entry = hit.entry
    return HitView(
        bank=hit.bank.name,
        bank_effect=hit.bank.effect,
        effect=hit.effect,
        entry=entry.id,
        number=entry.number,
        distance_bits=hit.distance_bits,
        tier=hit.tier,
        orientation=hit.orientation,
        trimmed=hit.trimmed,
        inliers=hit.inliers,
        frame=hit.frame,
        entry_quality=entry.quality,
        opinion=entry.opinion,
        demoted=entry.demoted,
        category=entry.category,
        source=entry.source,
    )


def bank_view(bank: Bank) -> BankView:
    """A bank."""
    return BankView.model_validate(_bank_fields(bank))


def sized_bank_view(bank: Bank, entries: int) -> SizedBankView:
    """A bank and its size."""
    return SizedBankView.model_validate(_bank_fields(bank) | {"entries": entries})


def entry_view(entry: BankEntry, now: datetime, *, hashes: bool) -> EntryView:
    """An entry, with its hashes only for those who may see them."""
    return EntryView(
        id=entry.id,
        number=entry.number,
        bank=entry.bank,
        quality=entry.quality,
        source=entry.source,
        note=entry.note,
        category=entry.category,
        opinion=entry.opinion,
        active=entry.active(now),
        demoted=entry.demoted,
        disable_until=entry.disable_until,
        expires_at=entry.expires_at,
        added_at=entry.added_at,
        has_keypoints=entry.has_keypoints,
        provenance=dict(entry.provenance),
        banked_by=list(entry.banked_by),
        pdq=entry.pdq if hashes else None,
        phash=(entry.phash or None) if hashes else None,
        dhash=(entry.dhash or None) if hashes else None,
    )


def status_view(status: IndexStatus) -> StatusView:
    """How the index is."""
    return StatusView(
        ready=not status.problem,
        problem=status.problem,
        checkpoint=status.checkpoint,
        built_to=status.built_to,
        size=status.size,
        delta=status.delta,
        tombstones=status.tombstones,
        stale_s=status.stale_s,
    )


def _frame_view(number: int, frame: FrameHashes) -> FrameView:
    turned = {view.value: to_hex(code) for view, code in zip(Orientation, frame.pdq, strict=True)}
    return FrameView(
        frame=number,
        pdq=to_hex(frame.pdq[0]),
        quality=frame.quality,
        usable=frame.quality >= MIN_QUALITY,
        phash=to_hex64(frame.phash),
        dhash=to_hex64(frame.dhash),
        orientations=turned,
        trimmed_pdq=None if frame.trimmed is None else to_hex(frame.trimmed[0]),
        trimmed_quality=None if frame.trimmed is None else frame.trimmed_quality,
    )


def _bank_fields(bank: Bank) -> dict[str, object]:
    return {
        "name": bank.name,
        "effect": bank.effect,
        "description": bank.description,
        "enabled": bank.enabled,
        "distance_bits": bank.distance_bits,
        "review_bits": bank.review_bits,
        "secondary_bits": bank.secondary_bits,
        "min_quality": bank.min_quality,
        "verify": bank.verify,
    }
