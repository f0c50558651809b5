"""The area that charts with one row per label share: labels, reference lines, and what is said of each value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from review_ui.console.charts.figure import width_of
from review_ui.console.charts.markup import clipped, element, join, one_line, text_width
from review_ui.console.charts.model import Reference, Size, Unit
from review_ui.console.charts.plot import FONT
from review_ui.console.charts.scale import Scale, drawable
from review_ui.console.charts.wording import short

ROW = 26.0
HEAD_HEIGHT = 16.0
LABEL_SHARE, TEXT_SHARE = 0.36, 0.34
GAP = 8.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Where rows are drawn: labels end left of `left`, what is said of the values fits right of `right`."""

    size: Size
    unit: Unit
    marks: tuple[float, ...]
    references: tuple[Reference, ...]
    left: float
    right: float
    count: int

    @property
    def width(self) -> float:
        """The whole drawing's width."""
        return width_of(self.size)

    @property
    def scale(self) -> Scale:
        """From values to x."""
        return Scale(self.marks[0], self.marks[-1], self.left, self.right)

    @property
    def top(self) -> float:
        """Where the first row begins, below the names of the references."""
        return 4 + HEAD_HEIGHT * (1 + max((placed.level for placed in _placed(self)), default=-1))

    @property
    def bottom(self) -> float:
        """Where the last row ends."""
        return self.top + ROW * self.count

    def middle(self, index: int) -> float:
        """The height of a row's middle."""
        return self.top + ROW * (index + 0.5)


@dataclass(frozen=True, slots=True)
class _PlacedReference:
    """A reference's x, its text, and on which line above the rows the text stands, counted upwards from 0."""

    x: float
    label: str
    level: int


def make_rows(
    size: Size, unit: Unit, marks: tuple[float, ...], references: Sequence[Reference], texts: Iterable[tuple[str, str]]
) -> Rows:
    """The rows' area, with the room that each row's label and text need."""
    given, width = list(texts), width_of(size)
    label_room = min(max(text_width(one_line(label), FONT) for label, _ in given), width * LABEL_SHARE)
    text_room = min(max(text_width(one_line(text), FONT) for _, text in given), width * TEXT_SHARE)
    left, right = label_room + 14, width - text_room - 3 * GAP
    return Rows(size, unit, marks, comparable(references), left, right, len(given))


def comparable(references: Iterable[Reference]) -> tuple[Reference, ...]:
    """The references that can be drawn, from the lowest to the highest."""
    given = ((reference, drawable(reference.value)) for reference in references)
    found = (replace(reference, value=value) for reference, value in given if value is not None)
    return tuple(sorted(found, key=lambda reference: reference.value))


def row_label(rows: Rows, index: int, label: str) -> Markup:
    """The name of a row."""
    shown = clipped(label, rows.left - 14, FONT)
    return element("text", shown, class_="c-row-label", x=rows.left - 10, y=rows.middle(index) + 4, text_anchor="end")


def row_text(rows: Rows, index: int, x: float, value: str, note: str) -> Markup:
    """A value with a note behind it; either may be empty."""
    room = rows.width - rows.right - 2 * GAP
    spans: list[Markup] = []
    for kind, text in (("c-value", value), ("c-note", note)):
        if text:
            shown = clipped(text, max(room, FONT), FONT)
            room -= text_width(shown, FONT) + 6
            spans.append(element("tspan", shown, class_=kind, dx=6 if spans else None))
    return element("text", *spans, class_="c-row-text", x=x, y=rows.middle(index) + 4)


def row_tooltip(rows: Rows, index: int, told: str) -> Markup:
    """An invisible row whose tooltip says everything in full."""
    title = element("title", one_line(told))
    return element("rect", title, class_="c-hit", x=0, y=rows.top + ROW * index, width=rows.width, height=ROW)


def references_down(rows: Rows) -> Markup:
    """Dashed lines down the rows, each named above."""
    parts = []
    for placed in _placed(rows):
        y = rows.top - GAP - HEAD_HEIGHT * placed.level
        line = {"x1": placed.x, "x2": placed.x, "y1": y + 4, "y2": rows.bottom}
        parts.append(element("line", class_="c-reference", **line))
        parts.append(element("text", placed.label, class_="c-reference-label", x=placed.x, y=y, text_anchor="middle"))
    return join(parts)


def _placed(rows: Rows) -> list[_PlacedReference]:
    """The references from left to right; names that would touch stand on levels of their own."""
    placed = []
    ends: list[float] = []
    for reference in rows.references:
        x = rows.scale(reference.value)
        label = clipped(f"{reference.label} {short(reference.value, rows.unit)}", rows.right - rows.left, FONT)
        half = text_width(label, FONT) / 2 + 4
        level = next((level for level, end in enumerate(ends) if end <= x - half), len(ends))
        ends[level : level + 1] = [x + half]
        placed.append(_PlacedReference(x, label, level))
    return placed
