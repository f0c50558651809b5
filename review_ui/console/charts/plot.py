"""The plot area that charts over time share: value axis, grid, reference lines, and labels at the last values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from review_ui.console.charts.markup import clipped, element, join, text_width
from review_ui.console.charts.model import Reference, Series, Size, Unit
from review_ui.console.charts.scale import Scale, drawable, ticks
from review_ui.console.charts.timeline import TimeTick
from review_ui.console.charts.wording import short, time_attributes, utc

FONT = 12.0
TOP, BOTTOM = 14.0, 28.0
HEIGHTS = {Size.HALF: 250.0, Size.FULL: 280.0}
LABEL_WIDTHS = {Size.HALF: 118.0, Size.FULL: 170.0}
SAMPLE_WIDTH = 24.0
LINE_HEIGHT = 17.0
STYLES = 6
"""Series look different up to this number; from then on looks repeat and the labels alone tell them apart."""


@dataclass(frozen=True, slots=True)
class Plot:
    """The rectangle that data is drawn in, with its value axis."""

    left: float
    right: float
    top: float
    bottom: float
    marks: tuple[float, ...]
    unit: Unit

    @property
    def scale(self) -> Scale:
        """From values to heights."""
        return Scale(self.marks[0], self.marks[-1], self.bottom, self.top)

    @property
    def floor(self) -> float:
        """The height of zero, or the edge nearest to it."""
        return self.scale(0.0)


@dataclass(frozen=True, slots=True)
class EndLabel:
    """A series named at its last value; `style` picks its look, `at` is the height it would like."""

    style: int
    label: str
    value: str
    at: float


def make_plot(size: Size, width: float, values: Sequence[float], unit: Unit, labels: Sequence[EndLabel]) -> Plot:
    """The plot area that leaves room for its ticks on the left and its labels on the right."""
    marks = ticks(values, count=5, unit=unit)
    left = max(text_width(short(mark, unit), FONT) for mark in marks) + 14
    return Plot(left, width - label_room(labels, size), TOP, HEIGHTS[size] - BOTTOM, marks, unit)


def label_room(labels: Sequence[EndLabel], size: Size) -> float:
    """The width that labels at the right edge need."""
    widest = max((min(text_width(label.label, FONT), LABEL_WIDTHS[size]) for label in labels), default=0.0)
    numbers = max((text_width(label.value, FONT) for label in labels), default=0.0)
    return widest + numbers + (SAMPLE_WIDTH + 26 if widest else 16)


def value_axis(plot: Plot) -> Markup:
    """Grid lines with their values; the one at zero is stronger."""
    parts = []
    for mark in plot.marks:
        y = plot.scale(mark)
        kind = "c-zero" if mark == 0 else "c-grid"
        parts.append(element("line", class_=kind, x1=plot.left, x2=plot.right, y1=y, y2=y))
        parts.append(
            element("text", short(mark, plot.unit), class_="c-tick", x=plot.left - 8, y=y + 4, text_anchor="end")
        )
    return join(parts)


def time_axis(plot: Plot, places: Sequence[tuple[float, TimeTick]]) -> Markup:
    """Times below the plot, each at its x."""
    parts = []
    for x, tick in places:
        parts.append(element("line", class_="c-tick-line", x1=x, x2=x, y1=plot.bottom, y2=plot.bottom + 4))
        attributes = time_attributes(tick.time, tick.clock)
        text = utc(tick.time, tick.clock)
        parts.append(
            element("text", text, class_="c-tick", x=x, y=plot.bottom + 19, text_anchor="middle", **attributes)
        )
    return join(parts)


def references_across(plot: Plot, references: Sequence[Reference]) -> Markup:
    """Dashed lines at values worth comparing with, each named above its left end."""
    parts = []
    for reference in references:
        value = drawable(reference.value)
        if value is None:
            continue
        y = plot.scale(value)
        label = clipped(f"{reference.label} {short(value, plot.unit)}", plot.right - plot.left - 12, FONT)
        parts.append(element("line", class_="c-reference", x1=plot.left, x2=plot.right, y1=y, y2=y))
        below = y - plot.top < FONT + 4
        parts.append(
            element("text", label, class_="c-reference-label", x=plot.left + 6, y=y + FONT + 2 if below else y - 5)
        )
    return join(parts)


def end_labels(plot: Plot, labels: Sequence[EndLabel], sample: Callable[[int, float, float], Markup]) -> Markup:
    """Each series' look, name and last value, beside where it ends and never over each other.

    `sample` draws the look of a style, `SAMPLE_WIDTH` wide from x on, around y. A single series needs no name beside
    the chart's title: only its value is shown.
    """
    parts = []
    for label in _spread(labels, plot.top, plot.bottom):
        y = label.at
        if not label.label:
            parts.append(element("text", label.value, class_="c-end-value", x=plot.right + 8, y=y + 4))
            continue
        x = plot.right + 14 + SAMPLE_WIDTH
        parts.append(sample(label.style, plot.right + 10, y))
        text = element("tspan", label.label), element("tspan", label.value, class_="c-end-value", dx=6)
        parts.append(element("text", *text, class_="c-end-label", x=x, y=y + 4))
    return join(parts)


def shown_label(series: Series, style: int, *, at: float, value: str, size: Size) -> EndLabel:
    """The end label of one of several series."""
    return EndLabel(style, clipped(series.label, LABEL_WIDTHS[size], FONT), value, at)


def line_sample(style: int, x: float, y: float) -> Markup:
    """A short piece of a series' line."""
    line = element("line", class_=f"c-line {look(style)}", x1=x, x2=x + SAMPLE_WIDTH - 2, y1=y, y2=y)
    return line + marker(style, x + SAMPLE_WIDTH / 2 - 1, y)


def look(style: int) -> str:
    """The class that gives a series its colour and dashes."""
    return f"c-s{style % STYLES}"


def marker(style: int, x: float, y: float) -> Markup:
    """A point of a series, in the series' shape."""
    r = 3.6
    shapes = (
        f"M{-r} 0a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z",
        f"M{-r} {-r}h{2 * r}v{2 * r}h{-2 * r}z",
        f"M0 {-r - 1}L{r + 1} {r}H{-r - 1}z",
        f"M0 {-r - 1.2}L{r + 1.2} 0L0 {r + 1.2}L{-r - 1.2} 0z",
        f"M0 {r + 1}L{r + 1} {-r}H{-r - 1}z",
        f"M{-r} {-r}L{r} {r}M{r} {-r}L{-r} {r}",
    )
    kind = "c-cross" if style % STYLES == STYLES - 1 else "c-mark"
    place = f"translate({x:.2f} {y:.2f})"
    return element("path", class_=f"{kind} {look(style)}", d=shapes[style % STYLES], transform=place)


def _spread(labels: Sequence[EndLabel], top: float, bottom: float) -> list[EndLabel]:
    """The labels from top to bottom, moved apart as little as a pass down and a pass up can do."""
    ordered = sorted(labels, key=lambda label: label.at)
    gap = min(LINE_HEIGHT, (bottom - top) / max(1, len(ordered) - 1))
    places: list[float] = []
    for label in ordered:
        places.append(max(label.at, top, places[-1] + gap if places else top))
    limit = bottom
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - gap
    return [replace(label, at=place) for label, place in zip(ordered, places, strict=True)]
