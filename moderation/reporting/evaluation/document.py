"""Figures of an evaluation as plain values for JSON. Their names are relied on: checks compare releases by them."""

from collections.abc import Sequence

from moderation.evaluation.metrics import Estimate
from moderation.evaluation.pictures import PictureColumn, PictureFigures, ThresholdFigures
from moderation.evaluation.scored import AnyResult, ColumnResult, Evaluation
from moderation.evaluation.texts import ObfuscationResult

VERSION = 1
DIGITS = 6

Document = dict[str, object]


def estimate(value: Estimate) -> Document | None:
    """A figure with its interval; None where it is undefined."""
    if value.value is None:
        return None
    return {"value": _round(value.value), "low": _round(value.low), "high": _round(value.high)}


def column(result: ColumnResult) -> Document:
    """One column's figures."""
    point = result.point
    return {
        "n": result.ranking.n,
        "positives": result.ranking.positives,
        "average_precision": estimate(result.ranking.average_precision),
        "auroc": estimate(result.ranking.auroc),
        "threshold": _round(result.threshold),
        "precision": estimate(point.precision),
        "recall": estimate(point.recall),
        "false_alarms": estimate(point.false_alarms),
        "f1": estimate(point.f1),
        "flagged": estimate(point.flagged),
        "calibration_error": estimate(result.probabilities.calibration_error),
        "brier": estimate(result.probabilities.brier),
    }


def together(result: AnyResult) -> Document:
    """The figures of all columns together."""
    return {
        "examples": result.examples,
        "harmful": result.harmful,
        "harmless": result.harmless,
        "flagged": estimate(result.flagged),
        "recall": estimate(result.recall),
        "false_alarms": estimate(result.false_alarms),
        "worst": result.worst,
        "by_column": {
            name: {"n": each.known, "positives": each.positives, "found": each.found, "alarms": each.alarms}
            for name, each in result.by_column.items()
        },
    }


def obfuscation(result: ObfuscationResult) -> Document:
    """What is left of the recall in another way of writing."""
    return {
        **together(result.together),
        "kept": estimate(result.kept),
        "kept_by_column": {name: estimate(value) for name, value in result.kept_by_column.items()},
    }


def evaluation(result: Evaluation, obfuscations: Sequence[ObfuscationResult] = ()) -> Document:
    """One set's figures."""
    return {
        "columns": {each.column: column(each) for each in result.columns if each.ranking.n},
        "any": together(result.together),
        "slices": {each.name: together(each) for each in result.slices},
        "obfuscations": {str(each.kind): obfuscation(each) for each in obfuscations},
    }


def pictures(figures: PictureFigures) -> Document:
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


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
