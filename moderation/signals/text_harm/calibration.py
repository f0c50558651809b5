"""From the classifier's logits to probabilities, per surface and category, and the thresholds chosen on them.

A threshold that was set on posts does not hold on prompts for pictures, so each surface has its own curve.
"""

from typing import Annotated, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface

SURFACES = (Surface.CAPTION, Surface.PROMPT, Surface.PICTURE_TEXT)
"""Where the classifier looks, in the order of its columns."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Platt(_Strict):
    """`1 / (1 + exp(-(slope x + intercept)))`, after Platt (1999)."""

    kind: Literal["platt"] = "platt"
    slope: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    intercept: Finite

    def apply(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities in (0, 1), rising with `logits`, of the same shape."""
        exponent = np.clip(self.slope * logits + self.intercept, -60.0, 60.0)
        return np.asarray(1.0 / (1.0 + np.exp(-exponent)), np.float64)


class Isotonic(_Strict):
    """Straight lines between the points of a rising curve, flat outside them."""

    kind: Literal["isotonic"] = "isotonic"
    logits: Annotated[tuple[Finite, ...], Field(min_length=1)]
    values: Annotated[tuple[Probability, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.logits) != len(self.values):
            raise ValueError("as many values as logits are needed")
        if any(np.diff(self.logits) <= 0) or any(np.diff(self.values) < 0):
            raise ValueError("the logits must rise, and the values must not fall")
        return self

    def apply(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities in [0, 1], never falling with `logits`, of the same shape."""
        return np.asarray(np.interp(logits, self.logits, self.values), np.float64)


Curve: TypeAlias = Annotated[Platt | Isotonic, Field(discriminator="kind")]


class Thresholds(_Strict):
    """Scores from which on a text counts, for three uses. `balanced` is the one to hold posts at."""

    high_recall: Probability
    balanced: Probability
    high_precision: Probability

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not self.high_recall <= self.balanced <= self.high_precision:
            raise ValueError("high_recall, balanced and high_precision must not fall")
        return self

    def by_use(self) -> dict[str, float]:
        """The thresholds by the names that signal specs use."""
        return {
            "high recall": self.high_recall,
            "balanced": self.balanced,
            "high precision": self.high_precision,
        }


class CategoryCalibration(_Strict):
    """One category on one surface."""

    curve: Curve
    thresholds: Thresholds


class Calibration(_Strict):
    """What stands in `calibration.json`. It holds for exactly the model and the tokenizer whose digests it names."""

    version: Literal[1] = 1
    model: Sha256
    tokenizer: Sha256
    max_tokens: Annotated[int, Field(ge=8, le=512)]
    """Tokens of one window, its two marks included; longer texts are read in several."""
    part_tokens: Annotated[int, Field(ge=4, le=512)] | None = None
    """Tokens of one part, marks included. A longer text is read once more in parts that overlap; None: it is not."""
    surfaces: dict[Surface, dict[HarmCategory, CategoryCalibration]]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.surfaces) != set(SURFACES):
            raise ValueError(f"exactly these surfaces are needed: {', '.join(SURFACES)}")
        for surface, categories in self.surfaces.items():
            if set(categories) != set(HarmCategory):
                raise ValueError(f"{surface}: every category is needed")
        return self

    def apply(self, logits: NDArray[np.floating], surface: Surface) -> NDArray[np.float64]:
        """Calibrated scores in [0, 1] of logits of shape (texts, categories). Raises `KeyError` for other surfaces."""
        own = self.surfaces[surface]
        columns = [
            own[category].curve.apply(logits[:, i].astype(np.float64)) for i, category in enumerate(HarmCategory)
        ]
        return np.stack(columns, axis=1)
