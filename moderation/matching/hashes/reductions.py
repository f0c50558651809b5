"""What matching needs of the full-size pixels; run inside the decoder's process."""

from collections.abc import Mapping
from types import MappingProxyType

from moderation.matching.hashes.borders import trimmed_luma64
from moderation.matching.hashes.pdq import pdq_luma64
from moderation.matching.hashes.secondary import secondary_luma
from moderation.media.subject import Reduction

PDQ_LUMA64 = "pdq_luma64"
TRIMMED_LUMA64 = "trimmed_luma64"
SECONDARY_LUMA = "secondary_luma"

REDUCTIONS: Mapping[str, Reduction] = MappingProxyType(
    {PDQ_LUMA64: pdq_luma64, TRIMMED_LUMA64: trimmed_luma64, SECONDARY_LUMA: secondary_luma}
)
