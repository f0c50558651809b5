"""Banks of known images. Bank contents are secrets: hashes can be turned back into recognisable pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Literal

from moderation.domain.ids import EntryId

MAX_DISTANCE_BITS = 31
"""PDQ's recommended match distance; 256-bit hashes of unrelated pictures differ in about 128 bits."""
MAX_REVIEW_BITS = 64
"""The widest distance at which a match is shown to a person."""
VERIFIED_BITS = 90
"""Entries within this distance are compared by their stored keypoints."""
SECONDARY_BITS = 10
"""The distance of pHash and of dHash (64 bits each) at which both together are evidence for a person."""
MIN_QUALITY = 50
"""Below this PDQ quality (0 to 100) a picture has no usable hash."""
MIN_INLIERS = 15
"""So many corners of two pictures must agree. Of 10,920 wrong pairs of photographs two reached it, neither in enough
parts of the picture; all others had 9 at most."""


class BankEffect(StrEnum):
    """What a match means to policy, strictest first."""

    BLOCK = "block"
    REVIEW = "review"
    DUPLICATE = "duplicate"
    ALLOW = "allow"


EFFECT_ORDER: tuple[BankEffect, ...] = tuple(BankEffect)


class Tier(StrEnum):
    """How a match was found, surest first.

    Automatic: PDQ within the bank's distance, both qualities sufficient. Verified: a wider candidate whose keypoints
    agree with the entry's under one homography. Review: within the bank's wider distance, or by secondary hashes.
    """

    AUTOMATIC = "automatic"
    VERIFIED = "verified"
    REVIEW = "review"


TIER_ORDER: tuple[Tier, ...] = tuple(Tier)


class Opinion(StrEnum):
    """What is said of an entry, in the words of the field's exchanges. Only a positive one acts automatically."""

    POSITIVE = "positive_class"
    SEED = "investigation_seed"
    NEGATIVE = "negative_class"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Bank:
    """A named set of entries.

    `distance_bits` (0 to 31) is how far a picture may be and match automatically; `review_bits` (0 to 64) how far to be
    shown to a person, never less than `distance_bits`; `secondary_bits` (0 to 16, None: not used) is the distance of
    pHash and dHash; `verify` compares keypoints. A bank that is not `enabled` matches nothing.
    """

    name: str
    effect: BankEffect
    distance_bits: int = MAX_DISTANCE_BITS
    min_quality: int = MIN_QUALITY
    description: str = ""
    review_bits: int = MAX_REVIEW_BITS
    secondary_bits: int | None = SECONDARY_BITS
    verify: bool = True
    enabled: bool = True

    @property
    def compares_keypoints(self) -> bool:
        """Whether pictures are compared with its entries by their keypoints."""
        return self.enabled and self.verify and self.effect is not BankEffect.ALLOW


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One known picture. `pdq` is 64 hexadecimal characters, most significant bit first; `phash` and `dhash` are 16, or
    empty where unknown.

    `number` is that of the change that added it: it orders entries, and indexes name entries by it. The entry matches
    from `disable_until` on (None: at once) and before `expires_at` (None: for ever). `demoted` entries (flood
    quarantine) match in the review tier only. `provenance` says where it came from: an exchange and its identifier, a
    decision, a post. `has_keypoints` says that keypoints were stored; they go when the entry is removed. `banked_by`
    names whoever banked it by hand or through the API, first to last; exchanges that stand for it are not among them.
    """

    id: EntryId
    bank: str
    pdq: str = field(repr=False)
    quality: int
    added_at: datetime
    source: str = ""
    note: str = ""
    category: str = ""
    number: int = 0
    phash: str = field(default="", repr=False)
    dhash: str = field(default="", repr=False)
    opinion: Opinion = Opinion.POSITIVE
    disable_until: datetime | None = None
    expires_at: datetime | None = None
    demoted: bool = False
    has_keypoints: bool = False
    provenance: Mapping[str, str] = field(default_factory=dict)
    banked_by: tuple[str, ...] = ()

    def active(self, now: datetime) -> bool:
        """Whether it matches at that time."""
        begun = self.disable_until is None or self.disable_until <= now
        return begun and (self.expires_at is None or now < self.expires_at)


class Keep(Enum):
    """Stands for what an amendment or a draft leaves as it is, where None would mean "no such time"."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """A picture to be banked; the words are those of `BankEntry`. `keypoints` are packed, None where there are none.

    The opinion `KEEP` is that of the entry that has the hash already, and a positive one where there is none.
    """

    pdq: str = field(repr=False)
    quality: int
    source: str = ""
    note: str = ""
    category: str = ""
    phash: str = field(default="", repr=False)
    dhash: str = field(default="", repr=False)
    opinion: Opinion | Keep = Opinion.POSITIVE
    disable_until: datetime | None = None
    expires_at: datetime | None = None
    keypoints: bytes | None = field(default=None, repr=False)
    provenance: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryAmendment:
    """What changes of an entry; whatever is `KEEP` stays. None clears a time."""

    opinion: Opinion | Keep = KEEP
    disable_until: datetime | Keep | None = KEEP
    expires_at: datetime | Keep | None = KEEP
    note: str | Keep = KEEP
    category: str | Keep = KEEP
    demoted: bool | Keep = KEEP

    def applied(self, entry: BankEntry) -> BankEntry:
        """The entry with the changes."""
        return replace(
            entry,
            opinion=entry.opinion if self.opinion is KEEP else self.opinion,
            disable_until=entry.disable_until if self.disable_until is KEEP else self.disable_until,
            expires_at=entry.expires_at if self.expires_at is KEEP else self.expires_at,
            note=entry.note if self.note is KEEP else self.note,
            category=entry.category if self.category is KEEP else self.category,
            demoted=entry.demoted if self.demoted is KEEP else self.demoted,
        )


@dataclass(frozen=True, slots=True)
class BankChange:
    """One change to the banks. A checkpoint is the number of a change: the contents after it.

    `bank` is set for `create`, `update` (the new definition) and `delete` (the last one; its entries were removed
    before); `entry` for `add`, `amend` (its new state) and `remove` (its last state).
    """

    number: int
    operation: Literal["create", "update", "delete", "add", "amend", "remove"]
    bank: Bank | None = None
    entry: BankEntry | None = None


@dataclass(frozen=True, slots=True)
class BankContents:
    """Every bank and entry as of one checkpoint.

    `checkpoint` is the number of the last change, as text; equal checkpoints have equal contents.
    """

    checkpoint: str
    banks: tuple[Bank, ...] = ()
    entries: tuple[BankEntry, ...] = field(default=(), repr=False)
