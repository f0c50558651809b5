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
        (Surface.CAPTION, HarmCategory.SEXUAL): _uses(0.01, 0.441, 0.722),
        (Surface.CAPTION, HarmCategory.HATE): _uses(0.092, 0.762, 0.985),
        (Surface.CAPTION, HarmCategory.HATE_THREAT): _uses(0.032, 0.443, 0.714),
        (Surface.CAPTION, HarmCategory.VIOLENCE): _uses(0.066, 0.412, 0.84),
        (Surface.CAPTION, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.033, 0.527, 0.971),
        (Surface.CAPTION, HarmCategory.HARASSMENT): _uses(0.128, 0.603, 0.891),
        (Surface.CAPTION, HarmCategory.SELF_HARM): _uses(0.058, 0.662, 0.829),
        (Surface.CAPTION, HarmCategory.UNSAFE): _uses(0.249, 0.982, 0.982),
        (Surface.PROMPT, HarmCategory.SEXUAL): _uses(0.473, 0.745, 0.745),
        (Surface.PROMPT, HarmCategory.HATE): _uses(0.129, 0.961, 0.961),
        (Surface.PROMPT, HarmCategory.HATE_THREAT): _uses(0.024, 0.49, 0.721),
        (Surface.PROMPT, HarmCategory.VIOLENCE): _uses(0.574, 0.715, 0.715),
        (Surface.PROMPT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.152, 0.333, 0.585),
        (Surface.PROMPT, HarmCategory.HARASSMENT): _uses(0.066, 0.72, 0.949),
        (Surface.PROMPT, HarmCategory.SELF_HARM): _uses(0.072, 0.804, 0.804),
        (Surface.PROMPT, HarmCategory.UNSAFE): _uses(0.398, 0.968, 0.968),
        (Surface.PICTURE_TEXT, HarmCategory.SEXUAL): _uses(0.01, 0.441, 0.722),
        (Surface.PICTURE_TEXT, HarmCategory.HATE): _uses(0.092, 0.762, 0.985),
        (Surface.PICTURE_TEXT, HarmCategory.HATE_THREAT): _uses(0.032, 0.443, 0.714),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE): _uses(0.066, 0.412, 0.84),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.033, 0.527, 0.971),
        (Surface.PICTURE_TEXT, HarmCategory.HARASSMENT): _uses(0.128, 0.603, 0.891),
        (Surface.PICTURE_TEXT, HarmCategory.SELF_HARM): _uses(0.058, 0.662, 0.829),
        (Surface.PICTURE_TEXT, HarmCategory.UNSAFE): _uses(0.249, 0.982, 0.982),
    }
)


def thresholds(surface: Surface, category: HarmCategory) -> Mapping[str, float]:
    """The thresholds by use ("high recall", "balanced", "high precision") of a column."""
    return THRESHOLDS[surface, category]
