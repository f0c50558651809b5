"""Evaluating a text classifier: labelled texts in, figures out, whatever the classifier is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.examples import Example, label_matrix
from moderation.evaluation.metrics import DEFAULT_RESAMPLING, Estimate, Scores, share_ratio
from moderation.evaluation.obfuscation import Obfuscation, obfuscate
from moderation.evaluation.scored import AnyResult, Scored, any_result
from moderation.evaluation.slices import slices_of

BATCH = 256
ESSENTIAL = tuple(
    str(category)
    for category in (
        HarmCategory.SEXUAL,
        HarmCategory.HATE,
        HarmCategory.VIOLENCE,
        HarmCategory.HARASSMENT,
        HarmCategory.SELF_HARM,
    )
)
"""The broad categories: who is none of these is no narrower one either."""

Progress = Callable[[int], None]
"""Told how many texts were done since the last time."""


class TextScorer(Protocol):
    """A classifier of texts with the thresholds that its posts are held at."""

    def scores(self, texts: Sequence[str], surface: Surface) -> NDArray[np.float64]:
        """Calibrated scores 0 to 1 of shape (texts, 8), in the order of `HarmCategory`."""
        ...

    def thresholds(self, surface: Surface) -> Mapping[HarmCategory, float]:
        """From which score on a post is held; a category that is not looked at on that surface is absent."""
        ...


@dataclass(frozen=True, slots=True)
class ObfuscationResult:
    """What is left when the texts are written in another way.

    `together` has the figures of the rewritten texts. `kept` is the recall of any harm by that of the clean texts, and
    `kept_by_column` the same for each category with at least one harmful text found before.
    """

    kind: Obfuscation
    together: AnyResult
    kept: Estimate
    kept_by_column: Mapping[str, Estimate]


def score_texts(examples: list[Example], scorer: TextScorer, *, progress: Progress | None = None) -> Scored:
    """Every example's scores on its surface; an example that names none counts as a caption."""
    surfaces = [example.surface or Surface.CAPTION for example in examples]
    scores = np.zeros((len(examples), len(HarmCategory)))
    thresholds = np.full(scores.shape, np.inf)
    for each in dict.fromkeys(surfaces):
        rows = [row for row, its in enumerate(surfaces) if its is each]
        thresholds[rows] = _row(scorer.thresholds(each))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            scores[batch] = scorer.scores([examples[row].text for row in batch], each)
            if progress is not None:
                progress(len(batch))
    slices = tuple(_slices(example) for example in examples)
    columns = tuple(map(str, HarmCategory))
    return Scored(columns, label_matrix(examples), scores, thresholds, slices, ESSENTIAL)


def obfuscated(
    examples: list[Example],
    clean: Scored,
    scorer: TextScorer,
    kind: Obfuscation,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> ObfuscationResult:
    """The same examples, written in the way `kind`, beside the `clean` scores."""
    rewritten = [replace(example, text=obfuscate(example.text, kind, seed=seed)) for example in examples]
    written = score_texts(rewritten, scorer, progress=progress)
    harmful = clean.harmful == 1
    by_column = {
        name: share_ratio(written.flagged[positive, column], clean.flagged[positive, column], resampling)
        for column, name in enumerate(clean.columns)
        if (positive := (clean.labels[:, column] == 1)).any() and clean.flagged[positive, column].any()
    }
    return ObfuscationResult(
        kind,
        any_result(written, np.ones(len(examples), np.bool_), f"written: {kind}", resampling),
        share_ratio(_alarmed(written)[harmful], _alarmed(clean)[harmful], resampling),
        by_column,
    )


def on_surface(examples: list[Example], surface: Surface) -> list[Example]:
    """The same examples, all on `surface`."""
    return [replace(example, surface=surface) for example in examples]


def _row(thresholds: Mapping[HarmCategory, float]) -> Scores:
    return np.array([thresholds.get(category, np.inf) for category in HarmCategory])


def _slices(example: Example) -> tuple[str, ...]:
    own = (f"part: {example.slice}",) if example.slice else ()
    return (*own, *slices_of(example.text))


def _alarmed(scored: Scored) -> NDArray[np.bool_]:
    return np.asarray(np.any(scored.flagged, axis=1), np.bool_)
