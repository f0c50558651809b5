"""Horizontal bars: how much of each, in the order given."""

from markupsafe import Markup

from review_ui.console.charts.figure import Table, data_table, drawing, figure, nothing
from review_ui.console.charts.markup import element, join
from review_ui.console.charts.model import Bar, HorizontalBars
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
from review_ui.console.charts.scale import drawable
from review_ui.console.charts.wording import exact, short

BAR_HEIGHT = 14.0
TOLD = 10
"""How many bars a description lists; the table has them all."""


def horizontal_bars(chart: HorizontalBars) -> Markup:
    """The chart as a figure; `chart.empty` where no bar has a value."""
    values = [value for bar in chart.bars if (value := drawable(bar.value)) is not None]
    if not values:
        return figure(chart.id, chart.title, chart.note, chart.size, nothing(chart.empty))
    compared = [reference.value for reference in comparable(chart.references)]
    marks = (min((0.0, *compared)), max(0.0, *values, *compared) or 1.0)
    texts = ((bar.label, f"{short(bar.value, chart.unit)} {bar.note}") for bar in chart.bars)
    rows = make_rows(chart.size, chart.unit, marks, chart.references, texts)
    foot = rows.scale(0.0)
    parts = [
        *(_bar(rows, index, bar) for index, bar in enumerate(chart.bars)),
        element("line", class_="c-zero", x1=foot, x2=foot, y1=rows.top, y2=rows.bottom),
        references_down(rows),
    ]
    cells = tuple((bar.label, exact(bar.value, chart.unit), bar.note) for bar in chart.bars)
    return figure(
        chart.id,
        chart.title,
        chart.note,
        chart.size,
        drawing(chart.id, chart.title, _description(chart), (rows.width, rows.bottom + 6), parts),
        data_table(chart.title, Table(("Name", "Value", "Note"), cells)),
    )


def _bar(rows: Rows, index: int, bar: Bar) -> Markup:
    value, foot = drawable(bar.value), rows.scale(0.0)
    end = foot if value is None else rows.scale(value)
    parts = [row_label(rows, index, bar.label)]
    if value:
        box = {"x": foot, "y": rows.middle(index) - BAR_HEIGHT / 2, "width": max(end - foot, 1.0)}
        parts.append(element("rect", class_="c-bar", height=BAR_HEIGHT, rx=2, **box))
    parts.append(row_text(rows, index, end + GAP, short(value, rows.unit), bar.note))
    return join([*parts, row_tooltip(rows, index, f"{bar.label}: {exact(bar.value, rows.unit)} {bar.note}")])


def _description(chart: HorizontalBars) -> str:
    listed = ", ".join(f"{bar.label} {exact(bar.value, chart.unit)}" for bar in chart.bars[:TOLD])
    more = f", and {len(chart.bars) - TOLD} more" if len(chart.bars) > TOLD else ""
    return f"{len(chart.bars)} horizontal bars: {listed}{more}."
