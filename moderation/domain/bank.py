"""Banks of known images. Bank contents are secrets: hashes can be turned back into recognisable pictures."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import EntryId

MAX_DISTANCE_BITS = 31
"""PDQ's recommended match distance; 256-bit hashes of unrelated pictures differ in about 128 bits."""
MIN_QUALITY = 50
"""Below this PDQ quality (0 to 100) a picture has no usable hash."""


class BankEffect(StrEnum):
    """What a match means to policy, strictest first."""

    BLOCK = "block"
    REVIEW = "review"
    ALLOW = "allow"


EFFECT_ORDER: tuple[BankEffect, ...] = tuple(BankEffect)


@dataclass(frozen=True, slots=True)
class Bank:
    """A named set of entries. `distance_bits` (0 to 31) is how far a picture may be and still match."""

    name: str
    effect: BankEffect
    distance_bits: int = MAX_DISTANCE_BITS
    min_quality: int = MIN_QUALITY
    description: str = ""


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One known picture. `pdq` is 64 hexadecimal characters, most significant bit first."""

    id: EntryId
    bank: str
    pdq: str
    quality: int
    added_at: datetime
    source: str = ""
    note: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class BankContents:
    """Every bank and entry as of one checkpoint.

    `checkpoint` is the number of the last change, as text; equal checkpoints have equal contents.
    """

    checkpoint: str
    banks: tuple[Bank, ...] = ()
    entries: tuple[BankEntry, ...] = field(default=(), repr=False)
