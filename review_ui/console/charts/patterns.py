"""Fills that tell the parts of a bar apart without colour."""

from markupsafe import Markup

from review_ui.console.charts.markup import element, join
from review_ui.console.charts.plot import STYLES

TILE = 8.0
_STROKES = (
    None,
    "M-2 2L2 -2M0 8L8 0M6 10L10 6",
    "M2 2h.01M6 6h.01",
    "M0 4H8",
    "M-2 6L2 10M0 0L8 8M6 -2L10 2",
    "M0 4H8M4 0V8",
)
"""Per style the marks on an 8 x 8 tile: none, rising stripes, dots, level stripes, falling stripes, a grid."""


def patterns(name: str, count: int) -> Markup:
    """The definitions for the first `count` styles of the chart called `name`."""
    return element("defs", join([_pattern(name, style) for style in range(min(count, STYLES))]))


def fill(name: str, style: int) -> str:
    """The `fill` attribute of a style."""
    return f"url(#{name}-fill-{style % STYLES})"


def _pattern(name: str, style: int) -> Markup:
    marks = _STROKES[style]
    parts = [element("rect", class_=f"c-fill c-s{style}", width=TILE, height=TILE)]
    if marks is not None:
        parts.append(element("path", class_="c-dots" if "h.01" in marks else "c-stripes", d=marks))
    size = {"width": TILE, "height": TILE}
    return element("pattern", *parts, id=f"{name}-fill-{style}", patternUnits="userSpaceOnUse", **size)
