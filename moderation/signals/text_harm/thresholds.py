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
        (Surface.CAPTION, HarmCategory.SEXUAL): _uses(0.061, 0.372, 0.953),
        (Surface.CAPTION, HarmCategory.HATE): _uses(0.079, 0.673, 0.939),
        (Surface.CAPTION, HarmCategory.HATE_THREAT): _uses(0.02, 0.335, 0.707),
        (Surface.CAPTION, HarmCategory.VIOLENCE): _uses(0.053, 0.391, 0.778),
        (Surface.CAPTION, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.524, 0.789, 0.789),
        (Surface.CAPTION, HarmCategory.HARASSMENT): _uses(0.1, 0.392, 0.86),
        (Surface.CAPTION, HarmCategory.SELF_HARM): _uses(0.05, 0.436, 0.88),
        (Surface.CAPTION, HarmCategory.UNSAFE): _uses(0.231, 0.918, 0.949),
        (Surface.PROMPT, HarmCategory.SEXUAL): _uses(0.654, 0.864, 0.864),
        (Surface.PROMPT, HarmCategory.HATE): _uses(0.08, 0.68, 0.942),
        (Surface.PROMPT, HarmCategory.HATE_THREAT): _uses(0.024, 0.282, 0.831),
        (Surface.PROMPT, HarmCategory.VIOLENCE): _uses(0.478, 0.881, 0.881),
        (Surface.PROMPT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.523, 0.523, 0.523),
        (Surface.PROMPT, HarmCategory.HARASSMENT): _uses(0.04, 0.183, 0.832),
        (Surface.PROMPT, HarmCategory.SELF_HARM): _uses(0.257, 0.844, 0.844),
        (Surface.PROMPT, HarmCategory.UNSAFE): _uses(0.32, 0.925, 0.925),
        (Surface.PICTURE_TEXT, HarmCategory.SEXUAL): _uses(0.061, 0.372, 0.953),
        (Surface.PICTURE_TEXT, HarmCategory.HATE): _uses(0.079, 0.673, 0.939),
        (Surface.PICTURE_TEXT, HarmCategory.HATE_THREAT): _uses(0.02, 0.335, 0.707),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE): _uses(0.053, 0.391, 0.778),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.524, 0.789, 0.789),
        (Surface.PICTURE_TEXT, HarmCategory.HARASSMENT): _uses(0.1, 0.392, 0.86),
        (Surface.PICTURE_TEXT, HarmCategory.SELF_HARM): _uses(0.05, 0.436, 0.88),
        (Surface.PICTURE_TEXT, HarmCategory.UNSAFE): _uses(0.231, 0.918, 0.949),
    }
)


def thresholds(surface: Surface, category: HarmCategory) -> Mapping[str, float]:
    """The thresholds by use ("high recall", "balanced", "high precision") of a column."""
    return THRESHOLDS[surface, category]
