"""A text classifier's evaluation as one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from moderation.evaluation.metrics import Estimate
from moderation.evaluation.scored import AnyResult, ColumnResult, Evaluation, Scored
from moderation.evaluation.texts import ObfuscationResult
from moderation.reporting.evaluation.charts import (
    histogram_chart,
    interval_bar,
    legend,
    legend_of,
    precision_recall_chart,
    reliability_chart,
)
from moderation.reporting.evaluation.page import DASH, figure, page, percent, ranked, share, table, tiles
from moderation.reporting.evaluation.svg import element, join

LEAST_SLICE = 5


@dataclass(frozen=True, slots=True)
class TextSection:
    """One set of texts: its name and digest, the scores, and what follows from them."""

    name: str
    sha256: str
    scored: Scored
    result: Evaluation
    obfuscations: tuple[ObfuscationResult, ...]
    baseline: Evaluation | None


def text_report(model: str, digest: str, sections: Sequence[TextSection]) -> str:
    """The page. Intervals are 95 % bootstrap intervals over whole texts."""
    intro = [
        f"Model {model}" + (f", SHA-256 {digest}" if digest else ""),
        (
            "Intervals: 95 %, bootstrap over whole texts, Wilson where none or all are counted. "
            "Texts whose label is unknown are left out of the category that it is about. "
            "Captions and prompts are held from their own thresholds: two numbers are one for each."
        ),
    ]
    parts = [(f"set-{number}", section.name, _section(section)) for number, section in enumerate(sections, 1)]
    return page("Evaluation of texts", intro, parts)


def _section(section: TextSection) -> Markup:
    together = section.result.together
    numbers = f"{together.examples} texts, {together.harmful} harmful, {together.harmless} harmless"
    return join(
        [
            element("p", f"{numbers}. SHA-256 {section.sha256}", class_="muted"),
            tiles(
                (
                    ("flagged", together.flagged, "of all texts"),
                    ("recall", together.recall, "of harmful texts, by any category"),
                    ("false alarms", together.false_alarms, "of harmless texts, by any category"),
                )
            ),
            element("h3", "Categories at the thresholds that posts are held at"),
            _columns(section.result, section.scored),
            *_baseline(section),
            element("h3", "Curves"),
            legend(legend_of("threshold at which posts are held")),
            element("div", *_charts(section), class_="charts"),
            *_obfuscations(section),
            element("h3", "Slices"),
            _together("slice", section.result.slices),
        ]
    )


def _columns(result: Evaluation, scored: Scored | None = None) -> Markup:
    head = ("category", "texts", "harmful", "average precision", "AUROC", "held from", "precision", "recall")
    held = [[] if scored is None else scored.distinct_thresholds(index) for index in range(len(result.columns))]
    rows = [_column(each, values) for each, values in zip(result.columns, held, strict=True) if each.ranking.n]
    return table("Categories", (*head, "false alarms", "calibration error", "Brier score"), rows)


def _column(each: ColumnResult, held: Sequence[float]) -> tuple[str, ...]:
    varies = " or ".join(f"{value:.3f}" for value in held) or "varies"
    return (
        each.column,
        str(each.ranking.n),
        str(each.ranking.positives),
        ranked(each.ranking.average_precision),
        ranked(each.ranking.auroc),
        varies if each.threshold is None else f"{each.threshold:.3f}",
        share(each.point.precision),
        share(each.point.recall),
        share(each.point.false_alarms),
        ranked(each.probabilities.calibration_error),
        ranked(each.probabilities.brier),
    )


def _baseline(section: TextSection) -> list[Markup]:
    if section.baseline is None:
        return []
    return [element("h3", "The term lists, for comparison"), _columns(section.baseline)]


def _charts(section: TextSection) -> list[Markup]:
    found = []
    for index, each in enumerate(section.result.columns):
        judged = section.scored.judged(index)
        held = {f"held from {value:.3f}": value for value in section.scored.distinct_thresholds(index)}
        marks = {}
        if each.point.recall.value is not None and each.point.precision.value is not None:
            marks = {"held": (each.point.recall.value, each.point.precision.value)}
        if each.ranking.positives:
            found += [
                figure(f"{each.column}: precision and recall", precision_recall_chart(judged, marks)),
                figure(f"{each.column}: reliability", reliability_chart(judged)),
            ]
        if len(judged):
            found.append(figure(f"{each.column}: spread of scores", histogram_chart(judged, held)))
    return found


def _obfuscations(section: TextSection) -> list[Markup]:
    if not section.obfuscations:
        return []
    columns = [
        each.column
        for each in section.result.columns
        if any(each.column in other.kept_by_column for other in section.obfuscations)
    ]
    rows = [
        (
            str(each.kind),
            share(each.kept),
            *(share(each.kept_by_column.get(column, Estimate(None))) for column in columns),
            share(each.together.false_alarms),
        )
        for each in section.obfuscations
    ]
    head = ("written", "recall kept", *(f"{column}: kept" for column in columns), "false alarms")
    return [element("h3", "Other ways of writing, beside the same texts as they were"), table("Writing", head, rows)]


def _together(first: str, results: Sequence[AnyResult]) -> Markup:
    rows: list[tuple[str, ...]] = [
        (
            each.name,
            str(each.examples),
            percent(each.flagged),
            interval_bar(each.flagged),
            share(each.recall),
            share(each.false_alarms),
            each.worst or DASH,
        )
        for each in results
        if each.examples >= LEAST_SLICE
    ]
    head = (first, "texts", "flagged", "0 to 100 %, with interval", "recall", "false alarms", "mostly as")
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row[0].partition(":")[0])]
    return table("Slices", head, *groups, words={"mostly as"})
