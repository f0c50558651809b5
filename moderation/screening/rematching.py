"""What the banks say now of stored hashes, as the signal would have said it."""

from collections.abc import Sequence
from dataclasses import replace

from moderation.domain.bank import Tier
from moderation.domain.signal import Match, PictureHash
from moderation.matching.hits import Hit, Matched
from moderation.matching.image_match import IMAGE_MATCH, bank_hit, match_values


def known_only(matched: Matched, hashes: Sequence[PictureHash]) -> Matched:
    """Without what only pHash and dHash can have found where these are not known of the picture."""
    if all(one.phash and one.dhash for one in hashes):
        return matched
    return replace(matched, hits=tuple(hit for hit in matched.hits if _by_pdq(hit)))


def match_result(matched: Matched, hashes: Sequence[PictureHash]) -> Match:
    """The signal's result for a picture of these stored hashes, one of each frame, at least one."""
    values = match_values(matched.hits, min(one.quality for one in hashes))
    hits = tuple(map(bank_hit, matched.hits))
    return Match(IMAGE_MATCH.name, values, hits, matched.checkpoint, tuple(hashes), matched.at, matched.capped)


def _by_pdq(hit: Hit) -> bool:
    return hit.tier is not Tier.REVIEW or hit.distance_bits <= max(hit.bank.distance_bits, hit.bank.review_bits)
