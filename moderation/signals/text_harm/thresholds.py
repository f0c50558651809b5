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
        (Surface.CAPTION, HarmCategory.SEXUAL): _uses(0.14, 0.465, 0.5),
        (Surface.CAPTION, HarmCategory.HATE): _uses(0.075, 0.473, 0.955),
        (Surface.CAPTION, HarmCategory.HATE_THREAT): _uses(0.01, 0.364, 0.763),
        (Surface.CAPTION, HarmCategory.VIOLENCE): _uses(0.018, 0.736, 0.915),
        (Surface.CAPTION, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.015, 0.559, 0.56),
        (Surface.CAPTION, HarmCategory.HARASSMENT): _uses(0.074, 0.24, 0.937),
        (Surface.CAPTION, HarmCategory.SELF_HARM): _uses(0.036, 0.521, 0.971),
        (Surface.CAPTION, HarmCategory.UNSAFE): _uses(0.221, 0.99, 0.99),
        (Surface.PROMPT, HarmCategory.SEXUAL): _uses(0.516, 0.91, 0.91),
        (Surface.PROMPT, HarmCategory.HATE): _uses(0.073, 0.476, 0.953),
        (Surface.PROMPT, HarmCategory.HATE_THREAT): _uses(0.011, 0.364, 0.763),
        (Surface.PROMPT, HarmCategory.VIOLENCE): _uses(0.515, 0.938, 0.938),
        (Surface.PROMPT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.548, 0.987, 0.987),
        (Surface.PROMPT, HarmCategory.HARASSMENT): _uses(0.068, 0.224, 0.93),
        (Surface.PROMPT, HarmCategory.SELF_HARM): _uses(0.054, 0.385, 0.82),
        (Surface.PROMPT, HarmCategory.UNSAFE): _uses(0.389, 0.963, 0.963),
        (Surface.PICTURE_TEXT, HarmCategory.SEXUAL): _uses(0.14, 0.465, 0.5),
        (Surface.PICTURE_TEXT, HarmCategory.HATE): _uses(0.075, 0.473, 0.955),
        (Surface.PICTURE_TEXT, HarmCategory.HATE_THREAT): _uses(0.01, 0.364, 0.763),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE): _uses(0.018, 0.736, 0.915),
        (Surface.PICTURE_TEXT, HarmCategory.VIOLENCE_GRAPHIC): _uses(0.015, 0.559, 0.56),
        (Surface.PICTURE_TEXT, HarmCategory.HARASSMENT): _uses(0.074, 0.24, 0.937),
        (Surface.PICTURE_TEXT, HarmCategory.SELF_HARM): _uses(0.036, 0.521, 0.971),
        (Surface.PICTURE_TEXT, HarmCategory.UNSAFE): _uses(0.221, 0.99, 0.99),
    }
)


def thresholds(surface: Surface, category: HarmCategory) -> Mapping[str, float]:
    """The thresholds by use ("high recall", "balanced", "high precision") of a column."""
    return THRESHOLDS[surface, category]
