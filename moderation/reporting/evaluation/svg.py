"""Plain SVG by hand: elements whose text and attributes are always escaped, and a square plot from 0 to 1."""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 320.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 10.0, 10.0, 36.0
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element; children are escaped unless they are markup, and an attribute that is None is left out.

    Attribute names lose trailing underscores, and other underscores become hyphens: `class_`, `text_anchor`.
    """
    shown = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _number(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), shown, join(children))  # noqa: S704 - our own names


def join(parts: Iterable[str]) -> Markup:
    """The parts behind each other, each escaped unless it is markup."""
    return Markup("").join(escape(part) for part in parts)


@dataclass(frozen=True, slots=True)
class Square:
    """The plot area of a chart whose axes both go from 0 to 1."""

    width: float = WIDTH
    height: float = HEIGHT

    def x(self, value: float) -> float:
        """Where a value lies from left to right."""
        return LEFT + value * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value lies from top (1) to bottom (0)."""
        return TOP + (1 - value) * (self.height - TOP - BOTTOM)

    def axes(self, across: str, up: str) -> Markup:
        """Grid lines, tick labels and the axes' names."""
        parts = []
        for tick in TICKS:
            x, y = self.x(tick), self.y(tick)
            parts += [
                element("line", class_="grid", x1=x, x2=x, y1=self.y(0), y2=self.y(1)),
                element("line", class_="grid", x1=self.x(0), x2=self.x(1), y1=y, y2=y),
                element("text", f"{tick:g}", class_="tick", x=x, y=self.y(0) + 14, text_anchor="middle"),
                element("text", f"{tick:g}", class_="tick", x=self.x(0) - 6, y=y + 4, text_anchor="end"),
            ]
        return join([*parts, self.named(across, up)])

    def named(self, across: str, up: str) -> Markup:
        """The axes' names."""
        middle = (self.y(0) + self.y(1)) / 2
        turned = f"rotate(-90 10 {middle:g})"
        return join(
            [
                element("text", across, class_="axis", x=self.x(0.5), y=self.height - 4, text_anchor="middle"),
                element("text", up, class_="axis", x=10, y=middle, text_anchor="middle", transform=turned),
            ]
        )

    def drawing(self, description: str, parts: Iterable[str]) -> Markup:
        """The SVG around the parts; `description` is what it says to who cannot see it."""
        box = f"0 0 {self.width:g} {self.height:g}"
        return element("svg", element("title", description), *parts, viewBox=box, role="img", class_="plot")


def path(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """A line through points of the drawing."""
    return element("path", class_=class_, d="M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points))


def _number(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"
