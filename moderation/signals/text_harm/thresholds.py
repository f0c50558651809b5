"""Thresholds of the shipped model, as chosen on validation data: the same as in its `calibration.json`.

They stand here too, because specs are read where no model is (the policy compiler, the console, the command line).
"""

from collections.abc import Mapping
from types import MappingProxyType

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface

DEFAULT: Mapping[str, float] = MappingProxyType({"high recall": 0.3, "balanced": 0.5, "high precision": 0.8})

THRESHOLDS: Mapping[tuple[Surface, HarmCategory], Mapping[str, float]] = MappingProxyType({})


def thresholds(surface: Surface, category: HarmCategory) -> Mapping[str, float]:
    """The thresholds by use ("high recall", "balanced", "high precision") of a column."""
    return THRESHOLDS.get((surface, category), DEFAULT)
