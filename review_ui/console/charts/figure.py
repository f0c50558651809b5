"""What stands around every drawing: title, note, the text for screen readers, and the numbers as a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from review_ui.console.charts.markup import element, join, one_line
from review_ui.console.charts.model import Size

HALF_WIDTH, FULL_WIDTH = 600.0, 1200.0
"""Drawing units; one is about one CSS pixel where a chart is shown at its usual size."""


@dataclass(frozen=True, slots=True)
class Table:
    """A chart's numbers. Each row begins with what it is about; cells are text, or markup for times."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def width_of(size: Size) -> float:
    """The drawing's width."""
    return FULL_WIDTH if size is Size.FULL else HALF_WIDTH


def figure(name: str, title: str, note: str, kind: str, *body: Markup) -> Markup:
    """A chart with its heading: the title names it, the note says what is counted.

    `kind` is a `Size`, or "meter"; it decides how wide the chart grows.
    """
    heading = [element("strong", one_line(title))]
    if note:
        heading.append(element("span", one_line(note), class_="chart-note"))
    return element("figure", element("figcaption", *heading), *body, class_=f"chart chart-{kind}", id=name)


def drawing(name: str, title: str, description: str, area: tuple[float, float], parts: Sequence[Markup]) -> Markup:
    """The SVG, which scales with the room it gets; `area` is its width and height in drawing units."""
    width, height = area
    return element(
        "svg",
        element("title", one_line(title), id=f"{name}-title"),
        element("desc", one_line(description), id=f"{name}-desc"),
        *parts,
        class_="chart-drawing",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
    )


def nothing(text: str) -> Markup:
    """What stands where there is nothing to draw."""
    return element("p", one_line(text), class_="chart-empty")


def data_table(title: str, table: Table) -> Markup:
    """The numbers, folded away; the scrolling box can be reached and scrolled by keyboard."""
    head = element("tr", *(element("th", one_line(name), scope="col") for name in table.head))
    rows = join([_row(cells) for cells in table.rows])
    contents = element(
        "table",
        element("caption", one_line(title), class_="chart-unseen"),
        element("thead", head),
        element("tbody", rows),
    )
    label = f"{one_line(title)}: numbers"
    return element(
        "details",
        element("summary", "Numbers", element("span", f" of {one_line(title)}", class_="chart-unseen")),
        element("div", contents, class_="chart-scroll", tabindex="0", role="region", aria_label=label),
        class_="chart-data",
    )


def _row(cells: tuple[str, ...]) -> Markup:
    shown = [cell if isinstance(cell, Markup) else one_line(cell) for cell in cells]
    return element("tr", element("th", shown[0], scope="row"), *(element("td", cell) for cell in shown[1:]))
