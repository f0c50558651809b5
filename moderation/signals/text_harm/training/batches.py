"""An epoch of training rows: some joined to long texts, some respelled, cut into batches of like length."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.signals.text_harm.training.examples import UNKNOWN, Options
from moderation.signals.text_harm.training.obfuscate import obfuscated

BATCHES_SORTED = 64
"""So many batches' rows are sorted by length together: little padding, and still a random order."""
MOST_JOINED = 4
JOINED_TOKENS = 48
"""Tokens taken of each text that is set beside another."""

Encode = Callable[[str], list[int]]
"""The tokens of a text as the classifier reads it, without marks."""


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """Tokens without marks, labels (1, 0, `UNKNOWN`), what the first model thinks of each label, and a weight."""

    tokens: list[int]
    labels: NDArray[np.int8]
    opinion: NDArray[np.float32]
    weight: float


@dataclass(frozen=True, slots=True)
class Corpus:
    """The training rows with their texts, how a text becomes tokens, and the marks that stand around them."""

    texts: Sequence[str]
    rows: Sequence[TrainingRow]
    encode: Encode
    marks: tuple[int, int]


def epoch(corpus: Corpus, options: Options, random: np.random.Generator) -> Iterator[list[TrainingRow]]:
    """Every row once, in batches, in random order."""
    rows = [_varied(corpus, place, options, random) for place in range(len(corpus.rows))]
    order = random.permutation(len(rows))
    batches: list[list[TrainingRow]] = []
    for start in range(0, len(order), options.batch_rows * BATCHES_SORTED):
        chosen = [rows[place] for place in order[start : start + options.batch_rows * BATCHES_SORTED]]
        chosen.sort(key=lambda row: len(row.tokens))
        batches += [chosen[at : at + options.batch_rows] for at in range(0, len(chosen), options.batch_rows)]
    for place in random.permutation(len(batches)):
        yield batches[place]


def _varied(corpus: Corpus, place: int, options: Options, random: np.random.Generator) -> TrainingRow:
    row = corpus.rows[place]
    if random.random() < options.obfuscated_share:
        tokens = corpus.encode(obfuscated(corpus.texts[place], random))
        row = TrainingRow(tokens, row.labels, row.opinion, row.weight)
    if random.random() < options.joined_share:
        others = random.choice(len(corpus.rows), int(random.integers(1, MOST_JOINED + 1)))
        row = joined([row, *(corpus.rows[other] for other in others)], random)
    return row


def joined(rows: Sequence[TrainingRow], random: np.random.Generator) -> TrainingRow:
    """Texts one after the other in random order: harmful where any is, harmless where all are, else unknown."""
    labels = np.stack([row.labels for row in rows])
    mixed = np.where((labels == 1).any(0), 1, np.where((labels == UNKNOWN).any(0), UNKNOWN, 0)).astype(np.int8)
    tokens = [token for place in random.permutation(len(rows)) for token in rows[place].tokens[:JOINED_TOKENS]]
    return TrainingRow(tokens, mixed, np.max([row.opinion for row in rows], axis=0), rows[0].weight)
