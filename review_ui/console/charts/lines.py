"""Lines over time, with gaps where nothing is known."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from markupsafe import Markup

from review_ui.console.charts.figure import Table, data_table, drawing, figure, nothing, width_of
from review_ui.console.charts.markup import element, join, one_line
from review_ui.console.charts.model import LineChart, Series, known
from review_ui.console.charts.plot import (
    HEIGHTS,
    EndLabel,
    Plot,
    end_labels,
    line_sample,
    look,
    make_plot,
    marker,
    references_across,
    shown_label,
    time_axis,
    value_axis,
)
from review_ui.console.charts.scale import Scale, drawable
from review_ui.console.charts.timeline import time_ticks
from review_ui.console.charts.wording import exact, short, time_element, utc

MARKERS = 10
"""About how many points of a long line carry their marker; every point does on a line of twice as many."""

MOST_TOOLTIPS = 400
"""With more times than this a tooltip's column would be about a pixel wide; the table has the numbers."""

TICK_SPACING = 64.0
ALONE = timedelta(minutes=30)
"""What is shown on both sides of a single point in time."""


def line_chart(chart: LineChart) -> Markup:
    """The chart as a figure; `chart.empty` where no series has a value."""
    values = [value for series in chart.series for value in map(drawable, series.values) if value is not None]
    if not values:
        return figure(chart.id, chart.title, chart.note, chart.size, nothing(chart.empty))
    width = width_of(chart.size)
    bounds = [chart.low, chart.high, *(reference.value for reference in chart.references)]
    values += [bound for bound in map(drawable, bounds) if bound is not None]
    plot = make_plot(chart.size, width, values, chart.unit, _labels(chart, None))
    return figure(
        chart.id,
        chart.title,
        chart.note,
        chart.size,
        drawing(chart.id, chart.title, _description(chart), (width, HEIGHTS[chart.size]), _parts(chart, plot)),
        data_table(chart.title, _table(chart)),
    )


def _parts(chart: LineChart, plot: Plot) -> list[Markup]:
    across = _across(chart.times, plot)
    xs = [across(time.timestamp()) for time in chart.times]
    shown = time_ticks(chart.times[0], chart.times[-1], most=int((plot.right - plot.left) / TICK_SPACING))
    places = [(across(tick.time.timestamp()), tick) for tick in shown]
    lines = [_line(chart, index, series, xs, plot) for index, series in enumerate(chart.series)]
    return [
        value_axis(plot),
        time_axis(plot, places),
        *lines,
        references_across(plot, chart.references),
        end_labels(plot, _labels(chart, plot), line_sample),
        _columns(chart, xs, plot),
    ]


def _across(times: Sequence[datetime], plot: Plot) -> Scale:
    first, last = times[0], times[-1]
    if first == last:
        first, last = first - ALONE, last + ALONE
    return Scale(first.timestamp(), last.timestamp(), plot.left + 4, plot.right - 4)


def _line(chart: LineChart, style: int, series: Series, xs: Sequence[float], plot: Plot) -> Markup:
    points = [
        None if value is None else (x, plot.scale(value))
        for x, value in zip(xs, map(drawable, series.values), strict=True)
    ]
    runs = list(_runs(points))
    path = "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in run) for run in runs if len(run) > 1)
    marked = {run[0] for run in runs if len(run) == 1} | {run[-1] for run in runs[-1:]}
    marked |= {point for point in points[_every(chart, style)] if point is not None}
    parts = [_shade(run, plot.floor, style) for run in runs if chart.filled and len(run) > 1]
    if path:
        parts.append(element("path", class_=f"c-line {look(style)}", d=path))
    return join([*parts, *(marker(style, x, y) for x, y in sorted(marked))])


def _every(chart: LineChart, style: int) -> slice:
    """Which points carry a marker: all of few; of many some, elsewhere on every line, and none on a line by itself."""
    count, lines = len(chart.times), len(chart.series)
    if count <= 2 * MARKERS:
        return slice(None)
    if lines == 1:
        return slice(0, 0)
    step = -(-count // MARKERS)
    return slice(style * step // (lines + 1), None, step)


def _shade(run: Sequence[tuple[float, float]], floor: float, style: int) -> Markup:
    top = "L".join(f"{x:.2f} {y:.2f}" for x, y in run)
    return element(
        "path", class_=f"c-area {look(style)}", d=f"M{run[0][0]:.2f} {floor:.2f}L{top}L{run[-1][0]:.2f} {floor:.2f}z"
    )


def _runs(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    """The stretches between gaps."""
    run: list[tuple[float, float]] = []
    for point in (*points, None):
        if point is not None:
            run.append(point)
        elif run:
            yield run
            run = []


def _labels(chart: LineChart, plot: Plot | None) -> list[EndLabel]:
    """What stands at the ends of the lines; without a plot only for measuring."""
    labels = []
    for style, series in enumerate(chart.series):
        value = next((value for value in map(drawable, reversed(series.values)) if value is not None), None)
        at = plot.bottom if plot and value is None else plot.scale(value) if plot and value is not None else 0.0
        text = short(known(series.values[-1]), chart.unit)
        if len(chart.series) == 1:
            labels.append(EndLabel(style, "", text, at))
        else:
            labels.append(shown_label(series, style, at=at, value=text, size=chart.size))
    return labels


def _columns(chart: LineChart, xs: Sequence[float], plot: Plot) -> Markup:
    """Invisible columns, one per time, whose tooltips name all values at that time."""
    if len(chart.times) > MOST_TOOLTIPS:
        return Markup()
    middles = [(left + right) / 2 for left, right in pairwise(xs)]
    edges = [plot.left, *middles, plot.right]
    parts = []
    for index, time in enumerate(chart.times):
        lines = (f"{one_line(series.label)}: {exact(series.values[index], chart.unit)}" for series in chart.series)
        title = element("title", "\n".join((utc(time), *lines)))
        box = {"x": edges[index], "y": plot.top, "width": edges[index + 1] - edges[index]}
        parts.append(element("rect", title, class_="c-hit", height=plot.bottom - plot.top, **box))
    return join(parts)


def _description(chart: LineChart) -> str:
    last = ", ".join(f"{series.label} {exact(series.values[-1], chart.unit)}" for series in chart.series)
    return f"Lines over time from {utc(chart.times[0])} to {utc(chart.times[-1])}. Last values: {last}."


def _table(chart: LineChart) -> Table:
    columns = zip(*(series.values for series in chart.series), strict=True)
    rows = tuple(
        (time_element(time), *(exact(value, chart.unit) for value in values))
        for time, values in zip(chart.times, columns, strict=True)
    )
    return Table(("Time", *(series.label for series in chart.series)), rows)
