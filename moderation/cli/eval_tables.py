"""Evaluations as tables on a terminal, and as rows of a Markdown table."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from moderation.cli.output import console
from moderation.evaluation.metrics import Estimate
from moderation.evaluation.pictures import QUANTILES, PictureFigures
from moderation.evaluation.scored import AnyResult, ColumnResult, Evaluation

if TYPE_CHECKING:
    from moderation.bench.evaluation.text import TextEvaluation

UNKNOWN = "–"  # noqa: RUF001 - a dash is what is meant
WIDTH = 180
LEAST_SLICE = 5
"""Smaller slices say nothing; the JSON has them all."""


def print_text(found: "TextEvaluation") -> None:
    """One file's tables."""
    console.print(f"\n[bold]{escape(found.source.name)}[/]  {len(found.source.examples)} texts")
    _print_columns(found.result)
    lacking = [each.column for each in found.result.columns if each.ranking.n and not each.ranking.positives]
    if lacking:
        console.print(f"{UNKNOWN}: no harmful text of {', '.join(lacking)}", style="dim", soft_wrap=True)
    if found.baseline is not None:
        console.print("term lists, for comparison:")
        _print_columns(found.baseline)
    _print_together("slice", [found.result.together, *found.result.slices])
    if found.obfuscations:
        _print_together("written", [each.together for each in found.obfuscations])
        table = _table("written", "recall kept", *(column for column in _kept_columns(found)))
        for each in found.obfuscations:
            kept = (each.kept_by_column.get(column, Estimate(None)) for column in _kept_columns(found))
            table.add_row(each.kind, shown(each.kept), *(shown(value, interval=False) for value in kept))
        _print(table)


def print_pictures(figures: PictureFigures) -> None:
    """One signal's tables, and the pictures that have no score, by name."""
    found = figures.scores
    console.print(f"\n[bold]{found.spec.name}[/]  {len(found.measured)} of {len(found.source.files)} pictures measured")
    spread = _table("score", "n", "NULL", *(f"{level * 100:g} %" for level in QUANTILES), "AP", "AUROC")
    held = _table("score", "use", "from", "flagged", "precision", "recall", "false alarms")
    for each in figures.columns:
        levels = (f"{value:.3f}" for value in each.quantiles.values())
        ranked = (UNKNOWN,) * 2
        if each.ranking is not None:
            ranked = shown(each.ranking.average_precision), shown(each.ranking.auroc)
        if each.n:
            spread.add_row(each.column, str(each.n), str(each.nulls), *levels, *ranked)
        for row in each.thresholds:
            point = (
                (UNKNOWN,) * 3
                if row.point is None
                else (percent(row.point.precision), percent(row.point.recall), percent(row.point.false_alarms))
            )
            held.add_row(each.column, row.use, f"{row.threshold:.2f}", percent(row.flagged), *point)
    _print(spread)
    _print(held)
    if figures.slices:
        uses = list(figures.slices[0].flagged)
        parts = _table("folder", "n", *uses)
        for part in figures.slices:
            parts.add_row(part.name, str(part.n), *(percent(part.flagged[use]) for use in uses))
        _print(parts)
    for missing in found.unmeasured:
        console.print(f"not measured: {missing.name}: {missing.reason} {missing.detail}", markup=False, soft_wrap=True)
    if found.source.ignored:
        console.print(f"no pictures: {', '.join(found.source.ignored)}", markup=False, soft_wrap=True)


def text_row(found: "TextEvaluation") -> str:
    """One set as a row of a Markdown table: name, texts, flagged, recall, false alarms, average precision."""
    together = found.result.together
    ranked = (
        f"{each.column} {shown(each.ranking.average_precision)}"
        for each in found.result.columns
        if each.ranking.positives
    )
    cells = (
        found.source.name,
        str(together.examples),
        percent(together.flagged),
        percent(together.recall),
        percent(together.false_alarms),
        ", ".join(ranked) or UNKNOWN,
    )
    return f"| {' | '.join(cells)} |"


def shown(value: Estimate, *, interval: bool = True) -> str:
    """`0.912 (0.890 to 0.931)`."""
    if value.value is None:
        return UNKNOWN
    if value.low is None or value.high is None or not interval:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"


def percent(value: Estimate) -> str:
    """`1.5 % (0.4 to 3.1)`."""
    if value.value is None:
        return UNKNOWN
    if value.low is None or value.high is None:
        return f"{value.value * 100:.1f} %"
    return f"{value.value * 100:.1f} % ({value.low * 100:.1f} to {value.high * 100:.1f})"


def _print_columns(result: Evaluation) -> None:
    table = _table("category", "n", "pos", "AP", "AUROC", "from", "precision", "recall", "false alarms")
    for each in result.columns:
        if each.ranking.n:
            table.add_row(*_column_cells(each))
    _print(table)


def _column_cells(each: ColumnResult) -> tuple[str, ...]:
    ranking, point = each.ranking, each.point
    return (
        each.column,
        str(ranking.n),
        str(ranking.positives),
        shown(ranking.average_precision),
        shown(ranking.auroc),
        "varies" if each.threshold is None else f"{each.threshold:.3f}",
        percent(point.precision),
        percent(point.recall),
        percent(point.false_alarms),
    )


def _print_together(heading: str, results: list[AnyResult]) -> None:
    table = _table(heading, "n", "flagged", "harmful", "recall", "harmless", "false alarms", "mostly")
    for each in results:
        if each.examples >= LEAST_SLICE or each is results[0]:
            counts = str(each.harmful), str(each.harmless)
            rates = percent(each.recall), percent(each.false_alarms)
            cells = str(each.examples), percent(each.flagged), counts[0], rates[0], counts[1], rates[1], each.worst
            table.add_row(each.name, *cells)
    _print(table)


def _kept_columns(found: "TextEvaluation") -> list[str]:
    return [
        each.column for each in found.result.columns if any(each.column in o.kept_by_column for o in found.obfuscations)
    ]


def _print(table: Table) -> None:
    """At its own width: on a narrow terminal lines go on in the next one, but no figure is cut off."""
    Console(highlight=False, markup=False, width=max(console.width, WIDTH), no_color=console.no_color).print(table)


def _table(first: str, *rest: str) -> Table:
    table = Table(box=None, header_style="bold")
    table.add_column(first, overflow="fold")
    for name in rest:
        table.add_column(name, justify="right", no_wrap=True)
    return table
