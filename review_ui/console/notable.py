"""Which values are worth a moderator's look although no rule fired on them, and which say nothing."""

from collections.abc import Mapping
from enum import StrEnum

from moderation.domain.signal import Value

RECALL, BALANCED, PRECISION = "high recall", "balanced", "high precision"
"""Uses for which signals recommend thresholds."""
MEASURES_NO_HARM = frozenset({"picture_text_likelihood", "caption_language_confidence", "prompt_latin_share"})
"""Columns whose thresholds tell something else than harm apart."""
FINDINGS = frozenset({
    "image_camera",
    "image_location",
    "image_embedded_file",
    "image_match_effect",
    "image_rejected_similar",
    "picture_text_lines_unread",
    "picture_code_unread",
    "picture_code_link_shortener",
    "picture_code_link_disguised",
    "caption_links",
    "caption_link_shortener",
    "caption_link_disguised",
    "caption_contacts",
})  # fmt: skip
"""Columns without thresholds in which anything but nothing is a finding."""
EXPECTED: Mapping[str, Value] = {
    "image_status": "decoded",
    "image_container_complete": True,
    "caption_language_covered": True,
    "prompt_script_covered": True,
}
"""Columns in which anything but this value is a finding."""
ALARMING: Mapping[str, Value] = {"picture_text_status": "not_read"}
"""Columns in which this one value is a finding."""
NOTHING = frozenset({"", "none"})


class Weight(StrEnum):
    """How much a value says by itself."""

    NOTABLE = "notable"
    PLAIN = "plain"
    IDLE = "idle"


def weight(name: str, value: Value, recommended: Mapping[str, float]) -> Weight:
    """What the value of a column says; `recommended` are the thresholds of the column or of its signal.

    Notable is a number past its balanced threshold, or past the one for high precision where no other is recommended,
    and what `FINDINGS`, `EXPECTED` and `ALARMING` say. Idle is nothing (no, none, 0, NULL), and a number
    that does not even reach the threshold for high recall.
    """
    if name in ALARMING and value == ALARMING[name]:
        return Weight.NOTABLE
    if name in EXPECTED:
        return Weight.PLAIN if value == EXPECTED[name] else Weight.NOTABLE
    if value is None or value in NOTHING:
        return Weight.IDLE
    if not isinstance(value, str) and recommended and name not in MEASURES_NO_HARM:
        return _against(float(value), recommended)
    if not value:
        return Weight.IDLE
    return Weight.NOTABLE if name in FINDINGS else Weight.PLAIN


def _against(value: float, recommended: Mapping[str, float]) -> Weight:
    """Where lower numbers are worse, the threshold for high precision is the lower one."""
    recall, precision = recommended.get(RECALL), recommended.get(PRECISION)
    sign = -1.0 if recall is not None and precision is not None and precision < recall else 1.0
    upper = recommended.get(BALANCED, precision)
    if upper is not None and sign * value >= sign * upper:
        return Weight.NOTABLE
    return Weight.IDLE if recall is not None and sign * value < sign * recall else Weight.PLAIN
