"""Thresholds of the shipped model, as chosen on validation data: the same as in its `calibration.json`.

They stand here too, because specs are read where no model is (the policy compiler, the console, the command line).
Written by `moderation.signals.text_harm.training.ship`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface


def _uses(high_recall: float, balanced: float, high_precision: float) -> Mapping[str, float]:
    return MappingProxyType(
        {"high recall": high_recall, "balanced": balanced, "high precision": high_precision},
    )


THRESHOLDS: Mapping[tuple[Surface, HarmCategory], Mapping[str, float]] = MappingProxyType(
    {
        (Surface.CAPTION, HarmCategory.SEXUAL): _uses(0.075, 0.437, 0.95),
        (Surface.CAPTION, HarmCategory.HATE): _uses(0.083, 0.611, 0.949),
        (Surface.CAPTION, HarmCategory.HATE_THREAT): _uses(0.025, 0.309, 0.92),
        (Surface.CAPTION, HarmCategory.VIOLENCE): _uses(0.061, 0.38, 0.899),
        (Surface.CAPTION, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.289, 0.838, 0.838),
        (Surface.CAPTION, HarmCategory.HARASSMENT): _uses(0.068, 0.381, 0.745),
        (Surface.CAPTION, HarmCategory.SELF_HARM): _uses(0.055, 0.423, 0.838),
        (Surface.CAPTION, HarmCategory.UNSAFE): _uses(0.308, 0.88, 0.88),
        (Surface.PROMPT, HarmCategory.SEXUAL): _uses(0.47, 0.548, 0.548),
        (Surface.PROMPT, HarmCategory.HATE): _uses(0.253, 0.972, 0.972),
        (Surface.PROMPT, HarmCategory.HATE_THREAT): _uses(0.026, 0.277, 0.943),
        (Surface.PROMPT, HarmCategory.VIOLENCE): _uses(0.521, 0.744, 0.744),
        (Surface.PROMPT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.499, 0.499, 0.499),
        (Surface.PROMPT, HarmCategory.HARASSMENT): _uses(0.036, 0.204, 0.727),
        (Surface.PROMPT, HarmCategory.SELF_HARM): _uses(0.4, 0.769, 0.769),
        (Surface.PROMPT, HarmCategory.UNSAFE): _uses(0.374, 0.962, 0.962),
        (Surface.PICTURE_TEXT, HarmCategory.SEXUAL): _uses(0.075, 0.437, 0.95),
        (Surface.PICTURE_TEXT, HarmCategory.HATE): _uses(0.083, 0.611, 0.949),
        (Surface.PICTURE_TEXT, HarmCategory.HATE_THREAT): _uses(0.025, 0.309, 0.92),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE): _uses(0.061, 0.38, 0.899),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.289, 0.838, 0.838),
        (Surface.PICTURE_TEXT, HarmCategory.HARASSMENT): _uses(0.068, 0.381, 0.745),
        (Surface.PICTURE_TEXT, HarmCategory.SELF_HARM): _uses(0.055, 0.423, 0.838),
        (Surface.PICTURE_TEXT, HarmCategory.UNSAFE): _uses(0.308, 0.88, 0.88),
    }
)


def thresholds(surface: Surface, category: HarmCategory) -> Mapping[str, float]:
    """The thresholds by use ("high recall", "balanced", "high precision") of a column."""
    return THRESHOLDS[surface, category]
