"""A picture signal's evaluation as one page."""

import numpy as np
from markupsafe import Markup

from moderation.evaluation.metrics import Judged
from moderation.evaluation.pictures import PictureColumn, PictureFigures
from moderation.reporting.evaluation.charts import (
    histogram_chart,
    interval_bar,
    legend,
    legend_of,
    precision_recall_chart,
    reliability_chart,
)
from moderation.reporting.evaluation.page import DASH, figure, page, percent, ranked, share, table
from moderation.reporting.evaluation.svg import element, join


def picture_report(figures: PictureFigures) -> str:
    """The page; every picture without a score is named on it."""
    found = figures.scores
    models = ", ".join(f"{name} {digest}" for name, digest in found.models.items()) or "none"
    intro = [
        f"Signal {found.spec.name}, version {found.spec.version}; models: {models}",
        (
            f"{len(found.measured)} of {len(found.source.files)} pictures of {found.source.source.name} measured. "
            "Intervals: 95 %, bootstrap over pictures, Wilson where none or all are counted."
        ),
    ]
    sections = [
        (f"score-{number}", each.column, _column(figures, number)) for number, each in enumerate(figures.columns)
    ]
    return page("Evaluation of pictures", intro, [*sections, *_unmeasured(figures)])


def _column(figures: PictureFigures, number: int) -> Markup:
    column = figures.columns[number]
    levels = "; ".join(f"{level * 100:g} % score up to {value:.3f}" for level, value in column.quantiles.items())
    parts = [
        element("p", f"{column.n} values, {column.nulls} NULL. {levels}.", class_="muted"),
        element("h3", "At the recommended thresholds"),
        _thresholds(column),
        element("h3", "Curves"),
        legend(legend_of("recommended threshold")),
        element("div", *_charts(figures, number), class_="charts"),
    ]
    if number == 0 and figures.slices:
        parts += [element("h3", "Folders"), _slices(figures)]
    return join(parts)


def _thresholds(column: PictureColumn) -> Markup:
    rows = []
    for each in column.thresholds:
        point = each.point
        right = (
            (DASH,) * 3 if point is None else (share(point.precision), share(point.recall), share(point.false_alarms))
        )
        rows.append((each.use, f"{each.threshold:.2f}", share(each.flagged), interval_bar(each.flagged), *right))
    head = ("use", "from", "flagged", "0 to 100 %, with interval", "precision", "recall", "false alarms")
    errors = Markup("")
    if column.ranking is not None and column.probabilities is not None:
        told = (
            ("average precision", column.ranking.average_precision),
            ("AUROC", column.ranking.auroc),
            ("calibration error", column.probabilities.calibration_error),
            ("Brier score", column.probabilities.brier),
        )
        errors = table("Ranking and calibration", ("figure", "value"), [(name, ranked(value)) for name, value in told])
    return join([table("Thresholds", head, rows), errors])


def _charts(figures: PictureFigures, number: int) -> list[Markup]:
    column = figures.columns[number]
    held = {each.use: each.threshold for each in column.thresholds}
    if not len(column.judged):
        values = figures.scores.scores[:, number]
        known = values[np.isfinite(values)]
        unlabelled = Judged(np.zeros(len(known), np.bool_), known)
        return [figure("spread of scores, labels unknown", histogram_chart(unlabelled, held))]
    marks = {
        each.use: (each.point.recall.value, each.point.precision.value)
        for each in column.thresholds
        if each.point is not None and each.point.recall.value is not None and each.point.precision.value is not None
    }
    return [
        figure("precision and recall", precision_recall_chart(column.judged, marks)),
        figure("reliability", reliability_chart(column.judged)),
        figure("spread of scores", histogram_chart(column.judged, held)),
    ]


def _slices(figures: PictureFigures) -> Markup:
    uses = list(figures.slices[0].flagged)
    rows = []
    for part in figures.slices:
        cells = (cell for use in uses for cell in (percent(part.flagged[use]), interval_bar(part.flagged[use])))
        rows.append((part.name, str(part.n), *cells))
    head = ("folder", "pictures", *(name for use in uses for name in (use, "with interval")))
    return table("Folders", head, rows)


def _unmeasured(figures: PictureFigures) -> list[tuple[str, str, Markup]]:
    missing = figures.scores.unmeasured
    if not missing:
        return []
    rows = [(each.name, each.reason, each.detail) for each in missing]
    return [
        (
            "unmeasured",
            f"Pictures without a score: {len(missing)}",
            table("Unmeasured", ("file", "reason", "detail"), rows, words={"reason", "detail"}),
        )
    ]
