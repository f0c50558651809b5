"""From what is known of a candidate to how it counts: which tier, which effect, and what an allowing bank silences.

Pure: no index, no database, no clock. The order of views, hits and effects that everything else relies on is here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from moderation.domain.bank import EFFECT_ORDER, MIN_INLIERS, TIER_ORDER, VERIFIED_BITS, Bank, BankEffect, Opinion, Tier

RECALLED_INLIERS = 20
"""Keypoints that must agree where no hash says that the pictures resemble each other."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one entry near one view of one frame.

    `distance_bits` counts the differing bits of the PDQ hashes (0 to 256); `picture_quality` is the view's and
    `entry_quality` the entry's PDQ quality (0 to 100). `secondary` are the distances of pHash and dHash (0 to 64), None
    where one side has none. `inliers` are keypoints that agree, None where nobody compared. `trusted`: the entry may
    act by itself, see `trusted`. `recalled`: the entry was proposed by its keypoints, and nothing is known of hashes.
    """

    distance_bits: int
    picture_quality: int
    entry_quality: int
    secondary: tuple[int, int] | None = None
    inliers: int | None = None
    trusted: bool = True
    recalled: bool = False


def trusted(opinion: Opinion, *, demoted: bool) -> bool:
    """Whether an entry may act without a person: a positive opinion, and no flood of matches behind it."""
    return opinion is Opinion.POSITIVE and not demoted


def tier_of(facts: Facts, bank: Bank) -> Tier | None:
    """The surest tier in which the entry matches; None when it does not.

    Automatic within the bank's distance. Verified when `MIN_INLIERS` keypoints agree within `VERIFIED_BITS`, or
    `RECALLED_INLIERS` at any distance. Review within the bank's wider distance, when pHash and dHash both are within
    its secondary one, or when `MIN_INLIERS` keypoints agree at any distance. All of them need the bank's quality on
    both sides: below it a hash says nothing. An entry that is not trusted matches for review only, and an allowing bank
    automatically or not at all, since what only resembles a harmless picture is not known to be one.
    """
    if not bank.enabled or min(facts.picture_quality, facts.entry_quality) < bank.min_quality:
        return None
    tier = _reached(facts, bank)
    if bank.effect is BankEffect.ALLOW:
        return tier if tier is Tier.AUTOMATIC and facts.trusted else None
    return tier if tier is None or facts.trusted else Tier.REVIEW


def effect_of(bank: Bank, tier: Tier) -> BankEffect:
    """What a match does: what its bank asks for, but a blocking bank's match in the review tier asks for a person."""
    return BankEffect.REVIEW if bank.effect is BankEffect.BLOCK and tier is Tier.REVIEW else bank.effect


def silenced(distance_bits: int, allowed: Sequence[int]) -> bool:
    """Whether one of a frame's allowed matches, at these distances, silences another bank's match of that frame.

    Only a match that is no nearer: what is nearer to a banned picture than to a harmless one stays banned.
    """
    return bool(allowed) and min(allowed) <= distance_bits


def rank(effect: BankEffect, tier: Tier, distance_bits: int) -> tuple[int, int, int]:
    """Sort key of matches: strictest effect first, then the surest tier, then the nearest."""
    return EFFECT_ORDER.index(effect), TIER_ORDER.index(tier), distance_bits


def wanted_bits(bank: Bank) -> int:
    """How far an enabled bank's entries match by their PDQ hash alone; -1 for a bank that matches nothing."""
    if not bank.enabled:
        return -1
    return bank.distance_bits if bank.effect is BankEffect.ALLOW else max(bank.distance_bits, bank.review_bits)


def verified_bits(bank: Bank) -> int:
    """How far a bank's entries are compared by their keypoints; -1 where they are not."""
    return VERIFIED_BITS if bank.compares_keypoints else -1


def wants_secondary(banks: Sequence[Bank]) -> int | None:
    """The widest distance of pHash and dHash that an enabled bank wants; None when no bank does."""
    wanted = [bank.secondary_bits for bank in banks if bank.enabled and bank.effect is not BankEffect.ALLOW]
    return max((bits for bits in wanted if bits is not None), default=None)


def wants_keypoints(facts: Facts, bank: Bank) -> bool:
    """Whether comparing keypoints could make the match surer than it is."""
    if min(facts.picture_quality, facts.entry_quality) < bank.min_quality:
        return False
    if facts.recalled:
        return verified_bits(bank) >= 0
    return bank.distance_bits < facts.distance_bits <= verified_bits(bank)


def _reached(facts: Facts, bank: Bank) -> Tier | None:
    if facts.distance_bits <= bank.distance_bits:
        return Tier.AUTOMATIC
    agreeing = facts.inliers or 0
    if facts.recalled:
        return _recalled(agreeing, bank)
    if agreeing >= MIN_INLIERS and facts.distance_bits <= verified_bits(bank):
        return Tier.VERIFIED
    if facts.distance_bits <= bank.review_bits or _secondary_agrees(facts, bank):
        return Tier.REVIEW
    return None


def _recalled(agreeing: int, bank: Bank) -> Tier | None:
    if agreeing < MIN_INLIERS or verified_bits(bank) < 0:
        return None
    return Tier.VERIFIED if agreeing >= RECALLED_INLIERS else Tier.REVIEW


def _secondary_agrees(facts: Facts, bank: Bank) -> bool:
    if facts.secondary is None or bank.secondary_bits is None:
        return False
    return max(facts.secondary) <= bank.secondary_bits
