"""Figures as tables of an asset's metadata."""

import dagster as dg

from moderation.evaluation.metrics import Estimate
from moderation.evaluation.pictures import PictureFigures
from moderation.evaluation.scored import Evaluation


def categories(result: Evaluation) -> dg.TableMetadataValue:
    """Every category with a known label."""
    records = [
        dg.TableRecord(
            {
                "category": each.column,
                "texts": each.ranking.n,
                "harmful": each.ranking.positives,
                "average precision": shown(each.ranking.average_precision),
                "precision": shown(each.point.precision),
                "recall": shown(each.point.recall),
                "false alarms": shown(each.point.false_alarms),
            }
        )
        for each in result.columns
        if each.ranking.n
    ]
    return dg.MetadataValue.table(
        records, _schema("category", "average precision", "precision", "recall", "false alarms")
    )


def slices(result: Evaluation) -> dg.TableMetadataValue:
    """All texts together, and every slice."""
    records = [
        dg.TableRecord(
            {
                "slice": each.name,
                "texts": each.examples,
                "flagged": shown(each.flagged),
                "recall": shown(each.recall),
                "false alarms": shown(each.false_alarms),
            }
        )
        for each in (result.together, *result.slices)
    ]
    return dg.MetadataValue.table(records, _schema("slice", "flagged", "recall", "false alarms"))


def _schema(first: str, *rest: str) -> dg.TableSchema:
    whole = ["texts", "harmful"] if first == "category" else ["texts"]
    columns = [dg.TableColumn(first), *(dg.TableColumn(name, "int") for name in whole)]
    return dg.TableSchema([*columns, *(dg.TableColumn(name) for name in rest)])


def shown(value: Estimate) -> str:
    """A figure with its interval; "" where it is undefined."""
    if value.value is None:
        return ""
    if value.low is None or value.high is None:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"


def thresholds(figures: PictureFigures) -> dg.TableMetadataValue:
    """What each recommended threshold of each score flags."""
    records = [
        dg.TableRecord(
            {
                "score": column.column,
                "use": each.use,
                "threshold": each.threshold,
                "flagged": shown(each.flagged),
                "precision": "" if each.point is None else shown(each.point.precision),
                "recall": "" if each.point is None else shown(each.point.recall),
            }
        )
        for column in figures.columns
        for each in column.thresholds
    ]
    texts = [dg.TableColumn(name) for name in ("flagged", "precision", "recall")]
    head = [dg.TableColumn("score"), dg.TableColumn("use"), dg.TableColumn("threshold", "float")]
    return dg.MetadataValue.table(records, dg.TableSchema([*head, *texts]))
