"""The table as a page with bars: each model's rates, the naive loop's, and a mark where the floor is."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from moderation.bench.signals.table import Line
from moderation.domain.errors import InvalidInputError, UnavailableError

WIDTH, LABEL, HEIGHT, GAP = 560, 290, 20, 6
OURS, NAIVE, FLOOR = "#2b6cb0", "#a0aec0", "#c53030"
HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>bench signals</title>
<style>body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#1a202c}svg text{font-size:12px;fill:#1a202c}</style>
<h1>Models on one core</h1>
<p>Bars: answers a second. Grey: a naive loop in the same run. Red mark: the measured peak of the machine at that
precision divided by the operations of the model; where it lies outside, the number says it.</p>
"""


def check_plot(place: Path | None) -> None:
    """Raise `InvalidInputError` unless it is an .html file or None, before anything is measured."""
    if place is not None and place.suffix != ".html":
        raise InvalidInputError(f"{place.name} is not an .html file.", hint="Give --plot a name that ends in .html.")


def draw(lines: Sequence[Line], place: Path | None) -> None:
    """Write the page to `place`, if any. Raises `UnavailableError` when it cannot be written."""
    if place is None:
        return
    try:
        place.write_text(page(lines), encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{place} cannot be written: {error.strerror}.") from error


def page(lines: Sequence[Line]) -> str:
    """A complete page without scripts; each model has its own scale."""
    ordered = sorted(lines, key=lambda line: (line.device, line.model))
    parts = [
        f"<h2>{escape(model)} on {escape(device)}</h2>\n{_bars(list(group))}"
        for (device, model), group in groupby(ordered, key=lambda line: (line.device, line.model))
    ]
    return HEAD + "\n".join(parts) + "\n</html>\n"


def _bars(lines: Sequence[Line]) -> str:
    scale = WIDTH / max(line.per_s for line in lines)
    height = len(lines) * (HEIGHT + GAP)
    bars = "".join(_bar(line, place * (HEIGHT + GAP), scale) for place, line in enumerate(lines))
    return f'<svg role="img" width="{LABEL + WIDTH + 220}" height="{height}">{bars}</svg>'


def _bar(line: Line, top: int, scale: float) -> str:
    end = LABEL + line.per_s * scale
    middle = top + HEIGHT * 0.7
    floor = LABEL + line.floor_per_s * scale
    shown = line.floor_per_s and floor <= LABEL + WIDTH
    mark = f'<rect x="{floor:.0f}" y="{top}" width="2" height="{HEIGHT}" fill="{FLOOR}"/>' if shown else ""
    said = f"{line.per_s:.4g}/s" + (f" (floor {line.floor_per_s:.4g})" if line.floor_per_s else "")
    return (
        f'<text x="0" y="{middle:.0f}">{escape(line.way)}, batch {line.batch}</text>'
        f'<rect x="{LABEL}" y="{top}" width="{end - LABEL:.0f}" height="{HEIGHT}" '
        f'fill="{NAIVE if line.naive else OURS}"/>{mark}'
        f'<text x="{end + 8:.0f}" y="{middle:.0f}">{said}</text>\n'
    )
