"""What the banks say now of stored hashes, as the signal would have said it."""

from collections.abc import Sequence
from dataclasses import replace

from moderation.domain.bank import MIN_QUALITY, Tier
from moderation.domain.signal import BankHit, Match, PictureHash
from moderation.matching.hits import Hit, Matched
from moderation.matching.image_match import IMAGE_MATCH, NO_MATCH


def known_only(matched: Matched) -> Matched:
    """Without what only pHash and dHash can have found: of stored hashes these are not known."""
    return replace(matched, hits=tuple(hit for hit in matched.hits if _by_pdq(hit)))


def match_result(matched: Matched, hashes: Sequence[PictureHash]) -> Match:
    """The signal's result for a picture of these stored hashes, one of each frame, at least one."""
    nearest = matched.hits[0] if matched.hits else None
    worst = min(one.quality for one in hashes)
    values = {
        "image_match_effect": nearest.effect.value if nearest else NO_MATCH,
        "image_match_distance": nearest.distance_bits if nearest else None,
        "image_match_bank": nearest.bank.name if nearest else "",
        "image_match_category": nearest.entry.category if nearest else "",
        "image_pdq_quality": worst,
        "image_hash_usable": worst >= MIN_QUALITY,
    }
    return Match(IMAGE_MATCH.name, values, tuple(map(_bank_hit, matched.hits)), matched.checkpoint, tuple(hashes))


def _by_pdq(hit: Hit) -> bool:
    return hit.tier is not Tier.REVIEW or hit.distance_bits <= max(hit.bank.distance_bits, hit.bank.review_bits)


def _bank_hit(hit: Hit) -> BankHit:
    return BankHit(
        hit.bank.name,
        hit.entry.id,
        hit.effect.value,
        hit.distance_bits,
        hit.entry.quality,
        hit.frame,
        hit.entry.note,
    )
