"""Charts that stand beside words: a sparkline, and a meter."""

from markupsafe import Markup

from review_ui.console.charts.figure import drawing, figure, nothing
from review_ui.console.charts.markup import element, one_line
from review_ui.console.charts.model import Meter, Sparkline, known
from review_ui.console.charts.patterns import fill, patterns
from review_ui.console.charts.scale import Scale, drawable, ticks
from review_ui.console.charts.wording import exact, short

SPARK_WIDTH, SPARK_HEIGHT = 120.0, 28.0
METER_WIDTH, METER_HEIGHT, TRACK_HEIGHT = 420.0, 44.0, 16.0
CALM_STYLE, NEAR_STYLE, OVER_STYLE = 0, 1, 5


def sparkline(chart: Sparkline) -> Markup:
    """The line as an SVG; its description lists every value. A dash where there is none."""
    values = [drawable(value) for value in chart.values]
    given = [value for value in values if value is not None]
    if not given:
        return element(
            "span", "\N{EN DASH}", class_="spark-empty", role="img", aria_label=f"{one_line(chart.title)}: no data yet"
        )
    marks = ticks(given, count=4, unit=chart.unit)
    height = Scale(marks[0], marks[-1], SPARK_HEIGHT - 4, 4)
    across = Scale(0, max(len(values) - 1, 1), 4, SPARK_WIDTH - 6)
    points = [(across(index), None if value is None else height(value)) for index, value in enumerate(values)]
    last = next((x, y) for x, y in reversed(points) if y is not None)
    return element(
        "svg",
        element("title", one_line(chart.title)),
        element("desc", _values_told(chart)),
        element("path", class_="c-line c-s0", d=_path(points)),
        element("circle", class_="c-mark c-s0", cx=last[0], cy=last[1], r=2.8),
        class_="spark",
        viewBox=f"0 0 {SPARK_WIDTH:g} {SPARK_HEIGHT:g}",
        role="img",
        aria_label=f"{one_line(chart.title)}. {_values_told(chart)}",
    )


def meter(chart: Meter) -> Markup:
    """The meter as a figure, in words too; `chart.empty` unless both used and budget are known and a budget is set."""
    used, budget = drawable(chart.used), drawable(chart.budget)
    if used is None or not budget:
        text = "No budget is set" if used is not None and budget == 0 else chart.empty
        return figure(chart.id, chart.title, "", "meter", nothing(text))
    scale = Scale(0, max(used, budget), 0, METER_WIDTH)
    style, state = _state(chart, used, budget)
    track = {"y": 2, "height": TRACK_HEIGHT}
    parts = [
        patterns(chart.id, OVER_STYLE + 1),
        element("rect", class_="c-track", x=0, width=METER_WIDTH, rx=3, **track),
        element("rect", class_=f"c-segment c-s{style}", fill=fill(chart.id, style), x=0, width=scale(used), **track),
    ]
    if used > budget:
        x = scale(budget)
        parts.append(element("line", class_="c-budget", x1=x, x2=x, y1=0, y2=TRACK_HEIGHT + 4))
    words = f"{short(used, chart.unit)} of {short(budget, chart.unit)} {one_line(chart.noun)}".rstrip()
    parts.append(element("text", words, class_="c-meter-words", x=0, y=METER_HEIGHT - 8))
    parts.append(element("text", state, class_="c-end-value", x=METER_WIDTH, y=METER_HEIGHT - 8, text_anchor="end"))
    told = f"{words}, {state}."
    shown = drawing(chart.id, chart.title, told, (METER_WIDTH, METER_HEIGHT), parts)
    return figure(chart.id, chart.title, "", "meter", shown)


def _state(chart: Meter, used: float, budget: float) -> tuple[int, str]:
    """The look and the words for how far the budget is used."""
    share = f"{min(used / budget, 1e6):.0%}"
    if used > budget:
        return OVER_STYLE, f"{share}, over the budget"
    if used >= chart.warn_at * budget:
        return NEAR_STYLE, f"{share}, near the end"
    return CALM_STYLE, share


def _path(points: list[tuple[float, float | None]]) -> str:
    """A line with gaps; a value between two gaps becomes a dot of the line's width."""
    steps, pen = [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        steps.append(f"{pen}{x:.2f} {y:.2f}" + ("h.01" if pen == "M" else ""))
        pen = "L"
    return "".join(steps)


def _values_told(chart: Sparkline) -> str:
    given = [value for value in map(known, chart.values) if value is not None]
    first, last = exact(given[0], chart.unit), exact(given[-1], chart.unit)
    lowest, highest = exact(min(given), chart.unit), exact(max(given), chart.unit)
    return f"{len(given)} values from {first} to {last}, lowest {lowest}, highest {highest}."
