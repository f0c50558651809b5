"""Charts with one row per label: horizontal bars, and estimates with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from review_ui.console.charts.figure import Table, data_table, drawing, figure, nothing, width_of
from review_ui.console.charts.markup import clipped, element, join, one_line, text_width
from review_ui.console.charts.model import Bar, Dot, DotPlot, HorizontalBars, Reference, Unit, known
from review_ui.console.charts.plot import FONT
from review_ui.console.charts.scale import Scale, drawable, ticks
from review_ui.console.charts.wording import exact, short

ROW, BAR_HEIGHT = 26.0, 14.0
AXIS_HEIGHT, HEAD_HEIGHT = 24.0, 20.0
LABEL_SHARE, VALUE_SHARE = 0.36, 0.34
CAP, DOT_RADIUS = 4.5, 4.5


@dataclass(frozen=True, slots=True)
class Rows:
    """Where rows are drawn: labels end left of `left`, what is said of the values begins right of `right`."""

    left: float
    right: float
    top: float
    bottom: float
    marks: tuple[float, ...]
    unit: Unit

    @property
    def scale(self) -> Scale:
        """From values to x."""
        return Scale(self.marks[0], self.marks[-1], self.left, self.right)

    def middle(self, index: int) -> float:
        """The height of a row's middle."""
        return self.top + ROW * (index + 0.5)


def horizontal_bars(chart: HorizontalBars) -> Markup:
    """The chart as a figure; `chart.empty` where no bar has a value."""
    values = [value for bar in chart.bars if (value := drawable(bar.value)) is not None]
    if not values:
        return figure(chart.id, chart.title, chart.note, chart.size, nothing(chart.empty))
    texts = [_beside(bar, chart.unit) for bar in chart.bars]
    labels = [bar.label for bar in chart.bars]
    width = width_of(chart.size)
    rows = _rows(width, labels, texts, [0.0, *values], chart.references, chart.unit)
    parts = [
        *(_bar(chart, rows, index) for index in range(len(chart.bars))),
        element("line", class_="zero", x1=rows.left, x2=rows.left, y1=rows.top, y2=rows.bottom),
        _references_down(rows, chart.references),
    ]
    table = Table(("Name", "Value", "Note"), tuple((b.label, exact(b.value, chart.unit), b.note) for b in chart.bars))
    listed = ", ".join(f"{bar.label} {exact(bar.value, chart.unit)}" for bar in chart.bars[:10])
    description = f"{len(chart.bars)} bars: {listed}{'' if len(chart.bars) <= 10 else ' …'}."  # noqa: PLR2004
    return figure(
        chart.id,
        chart.title,
        chart.note,
        chart.size,
        drawing(chart.id, chart.title, description, (width, rows.bottom + 6), parts),
        data_table(chart.title, table),
    )


def dot_plot(chart: DotPlot) -> Markup:
    """The chart as a figure; `chart.empty` where there is no row, or no row has a value or a note."""
    if not any(known(dot.value) is not None or dot.note for dot in chart.dots):
        return figure(chart.id, chart.title, chart.note, chart.size, nothing(chart.empty))
    values = [
        value for dot in chart.dots for value in map(drawable, (dot.value, dot.low, dot.high)) if value is not None
    ]
    bounds = [bound for bound in map(drawable, (chart.low, chart.high)) if bound is not None]
    width = width_of(chart.size)
    texts = [_estimate(dot, chart.unit) for dot in chart.dots]
    labels = [dot.label for dot in chart.dots]
    rows = _rows(width, labels, texts, [*bounds, *values] or [0.0], chart.references, chart.unit)
    parts = [
        _axis_below(rows),
        _references_down(rows, chart.references),
        *(_dot(chart, rows, index) for index in range(len(chart.dots))),
    ]
    known_rows = sum(known(dot.value) is not None for dot in chart.dots)
    description = f"{known_rows} estimates with their intervals, {len(chart.dots) - known_rows} without a value."
    return figure(
        chart.id,
        chart.title,
        chart.note,
        chart.size,
        drawing(chart.id, chart.title, description, (width, rows.bottom + AXIS_HEIGHT), parts),
        data_table(chart.title, _dot_table(chart)),
    )


def _rows(
    width: float,
    labels: Sequence[str],
    texts: Sequence[str],
    values: Sequence[float],
    references: Sequence[Reference],
    unit: Unit,
) -> Rows:
    """The rows' area, with the room that labels and texts need and the values' axis (references included)."""
    label_room = min(max(text_width(one_line(label), FONT) for label in labels), width * LABEL_SHARE)
    text_room = min(max(text_width(one_line(text), FONT) for text in texts), width * VALUE_SHARE)
    compared = [value for reference in references if (value := drawable(reference.value)) is not None]
    top = HEAD_HEIGHT if compared else 4.0
    marks = ticks([*values, *compared], count=4, unit=unit)
    return Rows(label_room + 14, width - text_room - 22, top, top + ROW * len(labels), marks, unit)


def _row_label(rows: Rows, index: int, label: str) -> Markup:
    shown = clipped(label, rows.left - 14, FONT)
    return element("text", shown, class_="row-label", x=rows.left - 10, y=rows.middle(index) + 4, text_anchor="end")


def _row_text(rows: Rows, x: float, index: int, texts: Sequence[tuple[str, str]], room: float) -> Markup:
    """A value and its note behind it, each with its class."""
    spans: list[Markup] = []
    used = 0.0
    for kind, text in texts:
        shown = clipped(text, max(room - used, FONT), FONT)
        used += text_width(shown, FONT) + 6
        spans.append(element("tspan", shown, class_=kind, dx=6 if spans else None))
    return element("text", *spans, class_="row-text", x=x, y=rows.middle(index) + 4)


def _beside(bar: Bar, unit: Unit) -> str:
    return f"{short(bar.value, unit)} {bar.note}".strip()


def _bar(chart: HorizontalBars, rows: Rows, index: int) -> Markup:
    bar = chart.bars[index]
    value = drawable(bar.value)
    end = rows.left if value is None else rows.scale(value)
    box = {"x": rows.left, "y": rows.middle(index) - BAR_HEIGHT / 2, "width": max(end - rows.left, 1.0)}
    parts = [_row_label(rows, index, bar.label)]
    if value is not None:
        parts.append(element("rect", class_="bar", height=BAR_HEIGHT, rx=2, **box))
    texts = (
        [("value", short(value, chart.unit)), ("note", bar.note)] if bar.note else [("value", short(value, chart.unit))]
    )
    parts.append(_row_text(rows, end + 8, index, texts, width_of(chart.size) - rows.right - 14))
    return join([*parts, _hit(rows, chart.size, index, f"{bar.label}: {exact(bar.value, chart.unit)} {bar.note}")])


def _estimate(dot: Dot, unit: Unit) -> str:
    if known(dot.value) is None:
        return dot.note or "not known"
    return f"{short(dot.value, unit)} {_interval(dot, unit)} {dot.note}"


def _interval(dot: Dot, unit: Unit) -> str:
    if known(dot.low) is None or known(dot.high) is None:
        return ""
    return f"{short(dot.low, unit)} to {short(dot.high, unit)}"


def _dot(chart: DotPlot, rows: Rows, index: int) -> Markup:
    dot, y = chart.dots[index], rows.middle(index)
    value, low, high = map(drawable, (dot.value, dot.low, dot.high))
    parts = [_row_label(rows, index, dot.label)]
    room = width_of(chart.size) - rows.right - 14
    if value is None:
        parts.append(_row_text(rows, rows.right + 14, index, [("note", dot.note or "not known")], room))
        return join([*parts, _hit(rows, chart.size, index, f"{dot.label}: not known. {dot.note}")])
    if low is not None and high is not None:
        parts.append(_whisker(rows.scale(low), rows.scale(high), y))
    parts.append(element("circle", class_="dot", cx=rows.scale(value), cy=y, r=DOT_RADIUS))
    interval = _interval(dot, chart.unit)
    texts = [("value", short(value, chart.unit)), ("note", " ".join(filter(None, (interval, dot.note))))]
    parts.append(_row_text(rows, rows.right + 14, index, [pair for pair in texts if pair[1]], room))
    told = f"{dot.label}: {exact(value, chart.unit)}" + (f" ({interval})" if interval else "")
    return join([*parts, _hit(rows, chart.size, index, f"{told} {dot.note}")])


def _whisker(left: float, right: float, y: float) -> Markup:
    path = f"M{left:.2f} {y - CAP:.2f}v{2 * CAP}M{left:.2f} {y:.2f}H{right:.2f}M{right:.2f} {y - CAP:.2f}v{2 * CAP}"
    return element("path", class_="whisker", d=path)


def _hit(rows: Rows, size: str, index: int, told: str) -> Markup:
    box = {"x": 0, "y": rows.top + ROW * index, "width": width_of(size), "height": ROW}  # type: ignore[arg-type]
    return element("rect", element("title", one_line(told)), class_="hit", **box)


def _axis_below(rows: Rows) -> Markup:
    parts = []
    for mark in rows.marks:
        x = rows.scale(mark)
        kind = "zero" if mark == 0 else "grid"
        parts.append(element("line", class_=kind, x1=x, x2=x, y1=rows.top, y2=rows.bottom))
        text = short(mark, rows.unit)
        parts.append(element("text", text, class_="tick", x=x, y=rows.bottom + 16, text_anchor="middle"))
    return join(parts)


def _references_down(rows: Rows, references: Sequence[Reference]) -> Markup:
    parts = []
    for reference in references:
        value = drawable(reference.value)
        if value is not None:
            x = rows.scale(value)
            parts.append(element("line", class_="reference", x1=x, x2=x, y1=rows.top - 4, y2=rows.bottom))
            label = clipped(f"{reference.label} {short(value, rows.unit)}", rows.right - rows.left, FONT)
            anchor = "end" if x > (rows.left + rows.right) / 2 else "start"
            parts.append(element("text", label, class_="reference-label", x=x, y=FONT, text_anchor=anchor))
    return join(parts)


def _dot_table(chart: DotPlot) -> Table:
    rows = tuple(
        (dot.label, *(exact(v, chart.unit) for v in (dot.value, dot.low, dot.high)), dot.note) for dot in chart.dots
    )
    return Table(("Name", "Value", "From", "To", "Note"), rows)
