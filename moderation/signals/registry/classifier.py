"""How a registry entry turns a model's outputs into the columns of a signal."""

from itertools import pairwise
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from moderation.signals.registry.sources import Strict

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, StringConstraints(min_length=1)]
Task: TypeAlias = Literal["image-classification", "zero-shot-image", "text-classification"]
Use: TypeAlias = Literal["high recall", "balanced", "high precision"]


class Platt(Strict):
    """Calibration of a score p: 1 / (1 + exp(-(a · logit(p) + b))). The identity is a = 1, b = 0."""

    a: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] = 1.0
    b: Finite = 0.0


class Isotonic(Strict):
    """Calibration of a score p by straight lines over logit(p), between points that rise, flat outside them."""

    logits: Annotated[list[Finite], Field(min_length=1)]
    values: Annotated[list[Probability], Field(min_length=1)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        _check(len(self.logits) == len(self.values), "as many values as logits are needed")
        _check(all(one < next_ for one, next_ in pairwise(self.logits)), "the logits must rise")
        _check(all(one <= next_ for one, next_ in pairwise(self.values)), "the values must not fall")
        return self


def _kind(calibration: object) -> str:
    """Which of the two a document means, so that a problem is said of that one alone."""
    points = "logits" in calibration if isinstance(calibration, dict) else isinstance(calibration, Isotonic)
    return "isotonic" if points else "platt"


Calibration: TypeAlias = Annotated[
    Annotated[Platt, Tag("platt")] | Annotated[Isotonic, Tag("isotonic")], Discriminator(_kind)
]


class ClassifierColumn(Strict):
    """One column: which labels (or phrases, for zero-shot) make it, how they combine, and how it is calibrated.

    `labels` are the model's own, as its configuration spells them. Without `calibration` the score is the model's.
    """

    name: Identifier
    description: Text
    labels: list[Text] = Field(default_factory=list)
    phrases: list[Text] = Field(default_factory=list)
    combine: Literal["sum", "max"] = "max"
    calibration: Calibration | None = None
    recommended: dict[Use, Probability] = Field(default_factory=dict)


class Classifier(Strict):
    """A signal made of a transformers model.

    `labels` are all labels of the model, in any order: those of its configuration must be the same set. `activation`
    makes scores of logits: `softmax` for labels of which one is true, `sigmoid` for labels that each are true or not.
    Zero-shot models have phrases instead, each put into `template` at `{}`; with `softmax` a column's phrases stand
    against the `neutral` ones, with `sigmoid` every phrase stands alone.
    """

    task: Task
    signal: Identifier
    description: Text
    activation: Literal["softmax", "sigmoid"]
    labels: list[Text] = Field(default_factory=list)
    template: Annotated[str, StringConstraints(pattern=r"^[^{}]*\{\}[^{}]*$")] = "{}"
    neutral: list[Text] = Field(default_factory=list)
    columns: Annotated[list[ClassifierColumn], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=8, le=512)] | None = None
    languages: list[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]] = Field(default_factory=list)
    known_failures: list[Text] = Field(default_factory=list)
    cost_ms: Annotated[float, Field(gt=0.0)]
    time_limit_s: Annotated[float, Field(gt=0.0)] = 30.0

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        names = [column.name for column in self.columns]
        _check(len(set(names)) == len(names), "two columns have the same name")
        _check(len(set(self.labels)) == len(self.labels), "two labels are the same")
        both = [column.name for column in self.columns if column.combine == "sum" and self.activation == "sigmoid"]
        _check(not both, f"columns {both} add up sigmoid scores, whose sum is no probability")
        return self

    @model_validator(mode="after")
    def _labels_or_phrases(self) -> Self:
        for column in self.columns:
            if self.task == "zero-shot-image":
                _check(bool(column.phrases) and not column.labels, f"column {column.name} needs phrases and no labels")
            else:
                _check(bool(column.labels) and not column.phrases, f"column {column.name} needs labels and no phrases")
                unknown = sorted(set(column.labels) - set(self.labels))
                _check(not unknown, f"column {column.name} names labels that the model does not have: {unknown}")
        return self

    @model_validator(mode="after")
    def _task_fits(self) -> Self:
        if self.task == "zero-shot-image":
            _check(not self.labels, "a zero-shot model has phrases, not labels")
            wanted = self.activation == "softmax"
            _check(wanted == bool(self.neutral), "softmax needs neutral phrases, sigmoid has none")
        else:
            _check(not self.neutral and self.template == "{}", "only zero-shot models have template and neutral")
        is_text = self.task == "text-classification"
        _check(is_text == (self.max_tokens is not None), "max_tokens belongs to text models, and to all of them")
        return self


def _check(holds: object, problem: str) -> None:
    if not holds:
        raise ValueError(problem)
