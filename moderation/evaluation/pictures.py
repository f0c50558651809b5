"""The figures of a picture signal's scores: how they spread, what each recommended threshold flags, how right it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moderation.domain.signal import Column, SignalSpec
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.metrics import (
    DEFAULT_RESAMPLING,
    Estimate,
    Judged,
    OperatingPoint,
    Probabilities,
    Ranking,
    Scores,
    operating_point,
    probabilities,
    ranking,
    share,
)
from moderation.evaluation.picture_files import PictureFile, PictureSet

QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A picture without a score, and why."""

    name: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class PictureScores:
    """A signal's scores of the pictures of a set.

    `measured` are the pictures that have scores, in order; `columns` the signal's score columns (0 to 1); `scores` has
    shape (measured, columns), NaN where a value is NULL. `models` are the digests of what was loaded.
    """

    source: PictureSet
    spec: SignalSpec
    models: Mapping[str, str]
    columns: tuple[Column, ...]
    measured: tuple[PictureFile, ...]
    scores: Scores
    unmeasured: tuple[Unmeasured, ...]

    def judged(self, column: int) -> Judged:
        """One column's pictures with a label and a value."""
        values = self.scores[:, column]
        known = np.isfinite(values)
        labels = np.array([np.nan if each.harmful is None else float(each.harmful) for each in self.measured])
        return Judged.of(labels[known], values[known])

    def thresholds(self, column: int) -> Mapping[str, float]:
        """The recommended thresholds by use, the column's own before the signal's."""
        return self.columns[column].recommended or self.spec.recommended


@dataclass(frozen=True, slots=True)
class ThresholdFigures:
    """What a recommended threshold does; `point` is None where no picture has a label."""

    use: str
    threshold: float
    flagged: Estimate
    point: OperatingPoint | None


@dataclass(frozen=True, slots=True)
class PictureColumn:
    """One score's figures over all pictures with a value; `nulls` have none. The last two need labels."""

    column: str
    n: int
    nulls: int
    quantiles: Mapping[float, float]
    thresholds: tuple[ThresholdFigures, ...]
    judged: Judged
    ranking: Ranking | None
    probabilities: Probabilities | None


@dataclass(frozen=True, slots=True)
class PictureSlice:
    """One sub-folder's share of pictures at or over each threshold of the first column, by use."""

    name: str
    n: int
    flagged: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """All figures of one set of pictures."""

    scores: PictureScores
    columns: tuple[PictureColumn, ...]
    slices: tuple[PictureSlice, ...]


def picture_figures(found: PictureScores, resampling: Resampling = DEFAULT_RESAMPLING) -> PictureFigures:
    """The figures of every score column, and of every sub-folder."""
    columns = tuple(_column(found, column, resampling) for column in range(len(found.columns)))
    return PictureFigures(found, columns, tuple(_slices(found, resampling)))


def _column(found: PictureScores, column: int, resampling: Resampling) -> PictureColumn:
    values, judged = _values(found, column, range(len(found.measured))), found.judged(column)
    thresholds = tuple(
        ThresholdFigures(
            use,
            threshold,
            share(values >= threshold, resampling),
            operating_point(judged, threshold, resampling) if len(judged) else None,
        )
        for use, threshold in sorted(found.thresholds(column).items(), key=lambda item: item[1])
    )
    return PictureColumn(
        found.columns[column].name,
        len(values),
        len(found.measured) - len(values),
        {level: float(np.quantile(values, level)) for level in QUANTILES} if len(values) else {},
        thresholds,
        judged,
        ranking(judged, resampling) if len(judged) else None,
        probabilities(judged, resampling) if len(judged) else None,
    )


def _slices(found: PictureScores, resampling: Resampling) -> list[PictureSlice]:
    names = list(dict.fromkeys(each.slice for each in found.measured if each.slice))
    slices = []
    for name in names:
        values = _values(found, 0, [row for row, each in enumerate(found.measured) if each.slice == name])
        flagged = {use: share(values >= least, resampling) for use, least in found.thresholds(0).items()}
        slices.append(PictureSlice(name, len(values), flagged))
    return slices


def _values(found: PictureScores, column: int, rows: Sequence[int]) -> Scores:
    values = found.scores[list(rows), column]
    return np.asarray(values[np.isfinite(values)], np.float64)
