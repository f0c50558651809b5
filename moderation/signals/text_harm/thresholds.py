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
        (Surface.CAPTION, HarmCategory.SEXUAL): _uses(0.019, 0.58, 0.801),
        (Surface.CAPTION, HarmCategory.HATE): _uses(0.091, 0.687, 0.986),
        (Surface.CAPTION, HarmCategory.HATE_THREAT): _uses(0.023, 0.471, 0.751),
        (Surface.CAPTION, HarmCategory.VIOLENCE): _uses(0.039, 0.344, 0.845),
        (Surface.CAPTION, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.011, 0.483, 0.711),
        (Surface.CAPTION, HarmCategory.HARASSMENT): _uses(0.074, 0.87, 0.919),
        (Surface.CAPTION, HarmCategory.SELF_HARM): _uses(0.024, 0.616, 0.719),
        (Surface.CAPTION, HarmCategory.UNSAFE): _uses(0.222, 0.983, 0.983),
        (Surface.PROMPT, HarmCategory.SEXUAL): _uses(0.503, 0.716, 0.716),
        (Surface.PROMPT, HarmCategory.HATE): _uses(0.089, 0.902, 0.902),
        (Surface.PROMPT, HarmCategory.HATE_THREAT): _uses(0.026, 0.505, 0.755),
        (Surface.PROMPT, HarmCategory.VIOLENCE): _uses(0.565, 0.6, 0.6),
        (Surface.PROMPT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.211, 0.449, 0.641),
        (Surface.PROMPT, HarmCategory.HARASSMENT): _uses(0.067, 0.875, 0.924),
        (Surface.PROMPT, HarmCategory.SELF_HARM): _uses(0.075, 0.635, 0.635),
        (Surface.PROMPT, HarmCategory.UNSAFE): _uses(0.331, 0.97, 0.97),
        (Surface.PICTURE_TEXT, HarmCategory.SEXUAL): _uses(0.019, 0.58, 0.801),
        (Surface.PICTURE_TEXT, HarmCategory.HATE): _uses(0.091, 0.687, 0.986),
        (Surface.PICTURE_TEXT, HarmCategory.HATE_THREAT): _uses(0.023, 0.471, 0.751),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE): _uses(0.039, 0.344, 0.845),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.011, 0.483, 0.711),
        (Surface.PICTURE_TEXT, HarmCategory.HARASSMENT): _uses(0.074, 0.87, 0.919),
        (Surface.PICTURE_TEXT, HarmCategory.SELF_HARM): _uses(0.024, 0.616, 0.719),
        (Surface.PICTURE_TEXT, HarmCategory.UNSAFE): _uses(0.222, 0.983, 0.983),
    }
)


def thresholds(surface: Surface, category: HarmCategory) -> Mapping[str, float]:
    """The thresholds by use ("high recall", "balanced", "high precision") of a column."""
    return THRESHOLDS[surface, category]
