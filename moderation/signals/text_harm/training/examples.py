"""What training takes: labelled texts, with what is unknown kept apart from what is not so."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import InvalidInputError
from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface

TOXIC = "T"
"""A label that is learned beside the categories, because it tells insults from hate; it is not part of the product."""
LETTERS = (*(category.label for category in HarmCategory), TOXIC)
"""The outputs in training, in order."""
UNKNOWN = -1


Limits = Mapping[Surface, Mapping[str, float]]
"""By surface and pool of harmless texts: the share that any category may flag there at "balanced"."""


class Part(StrEnum):
    """What an example is used for. There is no third part here: the untouched test split is never passed in."""

    TRAIN = "train"
    VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Example:
    """One text. A letter that is absent from `labels` is unknown, not 0.

    `surfaces` are where such texts are found: they choose the curves that a validation example helps to fit. `pool`
    names a kind of harmless text whose false alarms are limited.
    """

    text: str
    labels: Mapping[str, int]
    source: str
    surfaces: tuple[Surface, ...]
    part: Part
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to train; the defaults are those of the shipped model.

    The shipped weights are the mean of `runs` tunings, each with the next seed. `caps` bounds the rows of a source
    (rare positives are kept first); `soft_weight` is the weight of the first model's opinion where a label is unknown;
    `word_sources` are lists of words, which only the sum over word pieces learns from: in the encoder they cost hate
    that is said without listed words (Stormfront 0.46 to 0.41, with two of the corpora held out).
    `interpolation` is how far the weights stand from the pretrained ones (0) towards the tuned ones (1); `limits` is
    what may be flagged of harmless texts.
    """

    seed: int = 20261122
    runs: int = 2
    epochs: float = 1.3
    batch_rows: int = 32
    learning_rate: float = 1e-4
    head_rate: float = 2e-4
    layer_decay: float = 0.8
    frozen_layers: int = 2
    train_tokens: int = 192
    window_tokens: int = 256
    part_tokens: int = 66
    joined_share: float = 0.2
    obfuscated_share: float = 0.15
    soft_weight: float = 0.4
    interpolation: float = 0.9
    threads: int = 1
    caps: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    word_sources: Collection[str] = ()
    limits: Limits = field(default_factory=dict)


def label_matrix(examples: Sequence[Example]) -> NDArray[np.int8]:
    """1, 0 or `UNKNOWN`, of shape (examples, letters). Raises `InvalidInputError` for any other label."""
    matrix = np.full((len(examples), len(LETTERS)), UNKNOWN, np.int8)
    for row, example in enumerate(examples):
        for letter, value in example.labels.items():
            if letter not in LETTERS or value not in {0, 1}:
                raise InvalidInputError(f"{example.source}: {letter} is {value!r}; labels are 1 or 0.")
            matrix[row, LETTERS.index(letter)] = value
    return matrix


def capped(examples: Iterable[Example], options: Options) -> list[Example]:
    """The examples with each source cut to its cap: those with the most harmful labels stay, then a random choice."""
    random = np.random.default_rng(options.seed)
    by_source: dict[str, list[Example]] = {}
    for example in examples:
        by_source.setdefault(example.source, []).append(example)
    kept: list[Example] = []
    for source, own in by_source.items():
        cap = options.caps.get(source, len(own))
        order = random.permutation(len(own)) if len(own) > cap else np.arange(len(own))
        rare = sorted(order, key=lambda place: -_harms(own[place])) if len(own) > cap else order
        kept.extend(own[place] for place in rare[:cap])
    return kept


def _harms(example: Example) -> bool:
    return any(value == 1 for letter, value in example.labels.items() if letter != TOXIC)
