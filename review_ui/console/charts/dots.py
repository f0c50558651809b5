"""Estimates with their intervals, one row each."""

from markupsafe import Markup

from review_ui.console.charts.figure import Table, data_table, drawing, figure, nothing
from review_ui.console.charts.markup import element, join
from review_ui.console.charts.model import Dot, DotPlot, Unit, known
from review_ui.console.charts.rows import (
    GAP,
    Rows,
    comparable,
    make_rows,
    references_down,
    row_label,
    row_text,
    row_tooltip,
)
from review_ui.console.charts.scale import drawable, ticks
from review_ui.console.charts.wording import exact, short

AXIS_HEIGHT = 24.0
CAP, RADIUS = 4.5, 4.5


def dot_plot(chart: DotPlot) -> Markup:
    """The chart as a figure; `chart.empty` where no row has a value, nor a note why it has none."""
    if not any(known(dot.value) is not None or dot.note for dot in chart.dots):
        return figure(chart.id, chart.title, chart.note, chart.size, nothing(chart.empty))
    texts = ((dot.label, " ".join(_told(dot, chart.unit))) for dot in chart.dots)
    rows = make_rows(chart.size, chart.unit, _marks(chart), chart.references, texts)
    parts = [
        _axis(rows),
        references_down(rows),
        *(_row(rows, index, dot) for index, dot in enumerate(chart.dots)),
    ]
    count = sum(known(dot.value) is not None for dot in chart.dots)
    description = f"{count} estimates with their intervals, {len(chart.dots) - count} without a value."
    return figure(
        chart.id,
        chart.title,
        chart.note,
        chart.size,
        drawing(chart.id, chart.title, description, (rows.width, rows.bottom + AXIS_HEIGHT), parts),
        data_table(chart.title, _table(chart)),
    )


def _marks(chart: DotPlot) -> tuple[float, ...]:
    """The axis' ticks: the chart's bounds, every value, every reference."""
    given = [chart.low, chart.high, *(reference.value for reference in comparable(chart.references))]
    every = [*given, *(value for dot in chart.dots for value in (dot.value, dot.low, dot.high))]
    return ticks([value for value in map(drawable, every) if value is not None] or [0.0], count=5, unit=chart.unit)


def _told(dot: Dot, unit: Unit) -> tuple[str, str]:
    """The value, and what stands behind it: its interval and its note."""
    if known(dot.value) is None:
        return "", dot.note or "not known"
    parts = (_interval(dot, unit), dot.note)
    return short(dot.value, unit), " \N{MIDDLE DOT} ".join(part for part in parts if part)


def _interval(dot: Dot, unit: Unit) -> str:
    if known(dot.low) is None or known(dot.high) is None:
        return ""
    return f"{short(dot.low, unit)} to {short(dot.high, unit)}"


def _row(rows: Rows, index: int, dot: Dot) -> Markup:
    value, low, high = map(drawable, (dot.value, dot.low, dot.high))
    parts = [row_label(rows, index, dot.label)]
    if value is not None and low is not None and high is not None:
        parts.append(_whisker(rows.scale(low), rows.scale(high), rows.middle(index)))
    if value is not None:
        parts.append(element("circle", class_="c-dot", cx=rows.scale(value), cy=rows.middle(index), r=RADIUS))
    shown, behind = _told(dot, rows.unit)
    parts.append(row_text(rows, index, rows.right + 2 * GAP, shown, behind))
    return join([*parts, row_tooltip(rows, index, f"{dot.label}: {shown} {behind}")])


def _whisker(left: float, right: float, y: float) -> Markup:
    path = f"M{left:.2f} {y - CAP:.2f}v{2 * CAP}M{left:.2f} {y:.2f}H{right:.2f}M{right:.2f} {y - CAP:.2f}v{2 * CAP}"
    return element("path", class_="c-whisker", d=path)


def _axis(rows: Rows) -> Markup:
    """Grid lines down the rows with their values below; the one at zero is stronger."""
    parts = []
    for mark in rows.marks:
        x, text = rows.scale(mark), short(mark, rows.unit)
        kind = "c-zero" if mark == 0 else "c-grid"
        parts.append(element("line", class_=kind, x1=x, x2=x, y1=rows.top, y2=rows.bottom))
        parts.append(element("text", text, class_="c-tick", x=x, y=rows.bottom + 16, text_anchor="middle"))
    return join(parts)


def _table(chart: DotPlot) -> Table:
    rows = tuple(
        (dot.label, *(exact(value, chart.unit) for value in (dot.value, dot.low, dot.high)), dot.note)
        for dot in chart.dots
    )
    return Table(("Name", "Value", "From", "To", "Note"), rows)
