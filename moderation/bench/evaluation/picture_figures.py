"""The figures of a picture signal's scores: how they spread, what each recommended threshold flags, how right it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from moderation.bench.evaluation.pictures import PictureScores
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
from moderation.reporting.evaluation.document import VERSION, Document, estimate

QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)


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


def picture_document(figures: PictureFigures) -> Document:
    """The figures for JSON."""
    found = figures.scores
    return {
        "eval": "image",
        "version": VERSION,
        "signal": found.spec.name,
        "signal_version": found.spec.version,
        "models": dict(found.models),
        "source": found.source.source.name,
        "pictures": len(found.source.files),
        "measured": len(found.measured),
        "unmeasured": [{"name": each.name, "reason": each.reason, "detail": each.detail} for each in found.unmeasured],
        "ignored": list(found.source.ignored),
        "columns": {each.column: _column_document(each) for each in figures.columns},
        "slices": {
            each.name: {"n": each.n, "flagged": {use: estimate(value) for use, value in each.flagged.items()}}
            for each in figures.slices
        },
    }


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


def _column_document(column: PictureColumn) -> Document:
    told: Document = {
        "n": column.n,
        "nulls": column.nulls,
        "quantiles": {f"{level:g}": round(value, 6) for level, value in column.quantiles.items()},
        "thresholds": {each.use: _threshold_document(each) for each in column.thresholds},
    }
    if column.ranking is not None and column.probabilities is not None:
        told |= {
            "labelled": column.ranking.n,
            "positives": column.ranking.positives,
            "average_precision": estimate(column.ranking.average_precision),
            "auroc": estimate(column.ranking.auroc),
            "calibration_error": estimate(column.probabilities.calibration_error),
            "brier": estimate(column.probabilities.brier),
        }
    return told


def _threshold_document(figures: ThresholdFigures) -> Document:
    told: Document = {"threshold": figures.threshold, "flagged": estimate(figures.flagged)}
    if figures.point is not None:
        told |= {
            "precision": estimate(figures.point.precision),
            "recall": estimate(figures.point.recall),
            "false_alarms": estimate(figures.point.false_alarms),
            "f1": estimate(figures.point.f1),
        }
    return told
