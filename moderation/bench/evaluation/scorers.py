"""Classifiers of texts as evaluations call them: the trained model, and the term lists as a baseline."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.signals.models import ModelStore
from moderation.signals.terms.document import Category, term_lists
from moderation.signals.terms.matcher import Matcher, severities

HIGHEST_SEVERITY = 3
CLEAR = 2 / HIGHEST_SEVERITY
"""Terms of severity 2 and 3 say something without their context."""

TERMS_OF: Mapping[HarmCategory, Category] = MappingProxyType(
    {
        HarmCategory.SEXUAL: Category.ADULT,
        HarmCategory.HATE: Category.HATE,
        HarmCategory.VIOLENCE: Category.VIOLENCE,
        HarmCategory.HARASSMENT: Category.HARASSMENT,
        HarmCategory.SELF_HARM: Category.SELF_HARM,
    }
)


class HarmScorer:
    """The text classifier of the model store, or of a folder that training wrote."""

    def __init__(self, store: ModelStore, *, name: str, folder: Path | None = None, threads: int = 1) -> None:
        """Load it. Raises ModelStoreError, and NotFoundError for a name that the registry does not have."""
        from moderation.signals.text_harm.model import TextHarmModel  # noqa: PLC0415 - the API needs neither
        from moderation.signals.text_harm.product import Product  # noqa: PLC0415

        product = Product.load(store, name) if folder is None else Product.open(folder)
        self._model = TextHarmModel.of(product, threads=threads)
        self.name = name if folder is None else folder.name
        self.digest: str = product.digest

    def scores(self, texts: Sequence[str], surface: Surface) -> NDArray[np.float64]:
        """See `TextScorer`."""
        return self._model.scores(texts, surface)

    def thresholds(self, surface: Surface) -> Mapping[HarmCategory, float]:
        """The thresholds called "balanced" in the model's own calibration."""
        own = self._model.calibration.surfaces[surface]
        return {
            category: calibrated.thresholds.balanced
            for category, calibrated in own.items()
            if category is not HarmCategory.UNSAFE or surface is Surface.PROMPT
        }


class TermScorer:
    """The term lists: a text's score is its highest severity by three, flagged from "clear" on."""

    name = "terms"
    digest = ""

    def __init__(self) -> None:
        self._matcher = Matcher(term_lists())

    def scores(self, texts: Sequence[str], _surface: Surface) -> NDArray[np.float64]:
        """See `TextScorer`; categories without a list score 0."""
        return np.array([self._row(text) for text in texts]).reshape(len(texts), len(HarmCategory))

    def thresholds(self, _surface: Surface) -> Mapping[HarmCategory, float]:
        """The same everywhere."""
        return dict.fromkeys(TERMS_OF, CLEAR)

    def _row(self, text: str) -> list[float]:
        found = severities(self._matcher.hits(text))
        return [found[TERMS_OF[each]] / HIGHEST_SEVERITY if each in TERMS_OF else 0.0 for each in HarmCategory]
