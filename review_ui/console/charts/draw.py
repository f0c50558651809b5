"""One way in for every kind of chart."""

from typing import TypeAlias

from markupsafe import Markup

from review_ui.console.charts.dots import dot_plot
from review_ui.console.charts.horizontal import horizontal_bars
from review_ui.console.charts.lines import line_chart
from review_ui.console.charts.model import DotPlot, HorizontalBars, LineChart, Meter, Sparkline, StackedBars
from review_ui.console.charts.small import meter, sparkline
from review_ui.console.charts.stacks import stacked_bars

Chart: TypeAlias = LineChart | StackedBars | HorizontalBars | DotPlot | Sparkline | Meter


def draw(chart: Chart) -> Markup:
    """The chart as escaped markup: a `<figure>`; for a sparkline an `<svg>` that stands inside a line of text.

    A page that shows it links `/static/console/charts.css`.
    """
    match chart:
        case LineChart():
            return line_chart(chart)
        case StackedBars():
            return stacked_bars(chart)
        case HorizontalBars():
            return horizontal_bars(chart)
        case DotPlot():
            return dot_plot(chart)
        case Sparkline():
            return sparkline(chart)
        case Meter():
            return meter(chart)
