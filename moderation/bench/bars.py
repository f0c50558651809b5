"""What a bench found as a page of bars, a block for each thing that was measured."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from moderation.domain.errors import UnavailableError

WIDTH, LABEL, ROOM, HEIGHT, GAP = 560, 250, 120, 20, 6
OURS: Final = "#2b6cb0"
PEER: Final = "#a0aec0"
FLOOR: Final = "#c53030"
STYLE: Final = "body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#1a202c}svg text{font-size:12px;fill:#1a202c}"


class Bar(NamedTuple):
    """Milliseconds, at least 0, under a label."""

    label: str
    milliseconds: float
    colour: str


class Block(NamedTuple):
    """Bars of one scale; the longest of them is not of 0 milliseconds."""

    title: str
    bars: Sequence[Bar]


def bar_page(name: str, heading: str, blocks: Iterable[Block]) -> str:
    """A complete page without scripts; each block has its own scale."""
    drawn = "".join(f"<h2>{escape(block.title)}</h2>\n{_drawing(block.bars)}\n" for block in blocks)
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(name)}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{escape(heading)}</h1>\n{drawn}</html>\n"
    )


def write_drawing(text: str, place: Path) -> None:
    """Write a drawing to `place`. Raises `UnavailableError` when it cannot be written."""
    try:
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{place} cannot be written: {error.strerror}.") from error


def _drawing(bars: Sequence[Bar]) -> str:
    scale = WIDTH / max(bar.milliseconds for bar in bars)
    rows = "".join(_row(bar, scale, place * (HEIGHT + GAP)) for place, bar in enumerate(bars))
    return f'<svg role="img" width="{LABEL + WIDTH + ROOM}" height="{len(bars) * (HEIGHT + GAP)}">{rows}</svg>'


def _row(bar: Bar, scale: float, top: int) -> str:
    middle, length = top + HEIGHT * 0.7, bar.milliseconds * scale
    return (
        f'<text x="0" y="{middle:.0f}">{escape(bar.label)}</text>'
        f'<rect x="{LABEL}" y="{top}" width="{length:.0f}" height="{HEIGHT}" fill="{bar.colour}"/>'
        f'<text x="{LABEL + length + 8:.0f}" y="{middle:.0f}">{bar.milliseconds:.3g} ms</text>\n'
    )
