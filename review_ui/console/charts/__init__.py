"""Charts as plain SVG, made on the server: `draw` turns a typed chart into markup that a template can insert.

Nothing here needs a script, a font or an inline style, so a strict Content-Security-Policy holds; colours live in
`static/console/charts.css`. Every chart reads without colour (dashes, markers, patterns, labels at the data) and
without sight (title, description, and its numbers as a table).
"""

from review_ui.console.charts.draw import Chart, draw
from review_ui.console.charts.model import (
    Bar,
    Dot,
    DotPlot,
    HorizontalBars,
    LineChart,
    Meter,
    Reference,
    Series,
    Size,
    Sparkline,
    StackedBars,
    Unit,
)

__all__ = [
    "Bar",
    "Chart",
    "Dot",
    "DotPlot",
    "HorizontalBars",
    "LineChart",
    "Meter",
    "Reference",
    "Series",
    "Size",
    "Sparkline",
    "StackedBars",
    "Unit",
    "draw",
]
