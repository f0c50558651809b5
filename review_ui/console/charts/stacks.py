"""Stacked bars over time: how a total divides."""

from collections.abc import Sequence
from functools import partial

from markupsafe import Markup

from review_ui.console.charts.figure import Table, data_table, drawing, figure, nothing, width_of
from review_ui.console.charts.markup import element, join, one_line, text_width
from review_ui.console.charts.model import Series, StackedBars, known
from review_ui.console.charts.patterns import fill, patterns
from review_ui.console.charts.plot import (
    FONT,
    HEIGHTS,
    EndLabel,
    Plot,
    end_labels,
    look,
    make_plot,
    shown_label,
    time_axis,
    value_axis,
)
from review_ui.console.charts.scale import LARGEST, drawable
from review_ui.console.charts.timeline import TimeTick, bucket_clock
from review_ui.console.charts.wording import exact, short, time_element, utc

WIDEST_BAR = 44.0
BAR_SHARE = 0.74
TICK_SPACING = 62.0


def stacked_bars(chart: StackedBars) -> Markup:
    """The chart as a figure; `chart.empty` where no series has a value."""
    totals = [total for total in map(_total, _columns(chart)) if total is not None]
    if not totals:
        return figure(chart.id, chart.title, chart.note, chart.size, nothing(chart.empty))
    width = width_of(chart.size)
    plot = make_plot(chart.size, width, [0.0, *totals], chart.unit, _labels(chart, None))
    return figure(
        chart.id,
        chart.title,
        chart.note,
        chart.size,
        drawing(chart.id, chart.title, _description(chart), (width, HEIGHTS[chart.size]), _parts(chart, plot)),
        data_table(chart.title, _table(chart)),
    )


def _parts(chart: StackedBars, plot: Plot) -> list[Markup]:
    step = (plot.right - plot.left) / len(chart.times)
    middles = [plot.left + step * (index + 0.5) for index in range(len(chart.times))]
    every = max(1, -int(-TICK_SPACING // step))
    clock = bucket_clock(chart.times)
    places = [(x, TimeTick(time, clock)) for x, time in zip(middles, chart.times, strict=True)]
    return [
        patterns(chart.id, len(chart.series)),
        value_axis(plot),
        time_axis(plot, places[(len(places) - 1) % every :: every]),
        *(_bar(chart, index, values, middles[index], plot) for index, values in enumerate(_columns(chart))),
        end_labels(plot, _labels(chart, plot), partial(_patch, chart.id)),
    ]


def _bar(chart: StackedBars, index: int, values: Sequence[float | None], middle: float, plot: Plot) -> Markup:
    step = (plot.right - plot.left) / len(chart.times)
    width = min(WIDEST_BAR, step * BAR_SHARE)
    parts = []
    for style, (low, high) in enumerate(_segments(values)):
        top, foot = plot.scale(high), plot.scale(low)
        if foot > top:
            box = {"x": middle - width / 2, "y": top, "width": width, "height": foot - top}
            parts.append(element("rect", class_=f"c-segment {look(style)}", fill=fill(chart.id, style), **box))
    total = _total(values)
    label = short(total, chart.unit)
    if total is not None and text_width(label, FONT) + 6 <= step:
        y = plot.scale(total) - 5
        parts.append(element("text", label, class_="c-bar-total", x=middle, y=y, text_anchor="middle"))
    box = {"x": middle - step / 2, "y": plot.top, "width": step, "height": plot.bottom - plot.top}
    parts.append(element("rect", element("title", _tooltip(chart, index, total)), class_="c-hit", **box))
    return join(parts)


def _tooltip(chart: StackedBars, index: int, total: float | None) -> str:
    lines = [
        f"{one_line(series.label)}: {exact(series.values[index], chart.unit)}" for series in reversed(chart.series)
    ]
    return "\n".join((utc(chart.times[index]), *lines, f"Total: {exact(total, chart.unit)}"))


def _columns(chart: StackedBars) -> list[tuple[float | None, ...]]:
    """Each bar's values."""
    return list(zip(*(series.values for series in chart.series), strict=True))


def _total(values: Sequence[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    given = [value for value in map(drawable, values) if value is not None]
    return min(sum(given), LARGEST) if given else None


def _segments(values: Sequence[float | None]) -> list[tuple[float, float]]:
    """From where to where each part goes, in the order of the series, upwards."""
    base, segments = 0.0, []
    for value in values:
        high = min(base + (drawable(value) or 0.0), LARGEST)
        segments.append((base, high))
        base = high
    return segments


def _labels(chart: StackedBars, plot: Plot | None) -> list[EndLabel]:
    """Each part's name beside the last bar that has values; without a plot only for measuring."""
    shown = next(values for values in reversed(_columns(chart)) if _total(values) is not None)
    labels = []
    for style, (series, (low, high)) in enumerate(zip(chart.series, _segments(shown), strict=True)):
        at = plot.scale((low + high) / 2) if plot else 0.0
        labels.append(_label(chart, style, series, at))
    return labels


def _label(chart: StackedBars, style: int, series: Series, at: float) -> EndLabel:
    value = short(_told(chart, series), chart.unit)
    return shown_label(series, style, at=at, value=value, size=chart.size)


def _told(chart: StackedBars, series: Series) -> float | None:
    """What the label of a series tells; None where nothing is known."""
    return _total(series.values) if chart.sums else known(series.values[-1])


def _patch(name: str, style: int, x: float, y: float) -> Markup:
    box = {"x": x + 6, "y": y - 6, "width": 13, "height": 12}
    return element("rect", class_=f"c-segment {look(style)}", fill=fill(name, style), **box)


def _description(chart: StackedBars) -> str:
    told = ", ".join(f"{series.label} {exact(_told(chart, series), chart.unit)}" for series in chart.series)
    which = "Altogether" if chart.sums else "Last bar"
    return f"Stacked bars from {utc(chart.times[0])} to {utc(chart.times[-1])}. {which}: {told}."


def _table(chart: StackedBars) -> Table:
    rows = tuple(
        (time_element(time), *(exact(value, chart.unit) for value in values), exact(_total(values), chart.unit))
        for time, values in zip(chart.times, _columns(chart), strict=True)
    )
    return Table(("From", *(series.label for series in chart.series), "Total"), rows)
