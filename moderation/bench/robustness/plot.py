"""The outcome as a drawing: for each kind of edit how many copies are found, by tier, and what the peer finds."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from moderation.bench.bars import write_drawing
from moderation.bench.robustness.outcome import EditRow, Outcome
from moderation.domain.errors import InvalidInputError

LABEL, WIDTH, HEIGHT, GAP, HEAD = 130, 480, 14, 5, 62
COLOURS = {"automatic": "#2b6cb0", "verified": "#63b3ed", "found": "#f6ad55"}
WORDS = {"automatic": "automatic", "verified": "verified by keypoints", "found": "for review"}
MISSED, PEER = "#e2e8f0", "#c53030"
SUFFIXES = (".svg", ".html")


def check_plot(place: Path | None) -> None:
    """Raise `InvalidInputError` unless it is an .svg or .html file or None, before anything is measured."""
    if place is not None and place.suffix not in SUFFIXES:
        raise InvalidInputError(
            f"{place.name} is not an .svg or .html file.", hint="Give --plot a name that ends in .svg or .html."
        )


def draw(outcome: Outcome, place: Path | None) -> None:
    """Write the drawing to `place`, if any. Raises `UnavailableError` when it cannot be written."""
    if place is None:
        return
    drawing = svg(outcome)
    text = drawing if place.suffix == ".svg" else f"<!doctype html>\n<title>bench robustness</title>\n{drawing}"
    write_drawing(text, place)


def svg(outcome: Outcome) -> str:
    """One bar for each kind of edit, the 36 first, then the harder ones."""
    rows = [*outcome.edits, *outcome.harder]
    height = HEAD + len(rows) * (HEIGHT + GAP) + GAP + 10
    width = LABEL + WIDTH + 20
    parts = [_bar(row, _top(place, len(outcome.edits))) for place, row in enumerate(rows)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="11" fill="#1a202c">\n'
        f"<title>Edited copies that are found, by kind of edit and tier</title>\n"
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{_head(outcome)}{"".join(parts)}</svg>\n'
    )


def _top(place: int, counted: int) -> int:
    return HEAD + place * (HEIGHT + GAP) + (10 if place >= counted else 0)


def _head(outcome: Outcome) -> str:
    said = (
        f"Share of edited copies that are found ({outcome.originals} originals, {outcome.known} known pictures, "
        f"{outcome.pairs / 1e6:.1f} million wrong pairs)"
    )
    parts = [f'<text x="8" y="18" font-size="13">{escape(said)}</text>\n']
    left = 8
    for column, colour in COLOURS.items():
        parts.append(f'<rect x="{left}" y="32" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + 17}" y="42">{WORDS[column]}</text>\n')
        left += 30 + 7 * len(WORDS[column])
    parts.append(f'<rect x="{left}" y="30" width="3" height="16" fill="{PEER}"/>')
    parts.append(f'<text x="{left + 9}" y="42">HMA\'s rule (PDQ within 31 bits)</text>\n')
    return "".join(parts)


def _bar(row: EditRow, top: int) -> str:
    base = f'y="{top}" height="{HEIGHT}"'
    parts = [
        f'<text x="{LABEL - 8}" y="{top + 11}" text-anchor="end">{escape(row.name)}</text>',
        f'<rect x="{LABEL}" {base} width="{WIDTH}" fill="{MISSED}"/>',
    ]
    for column, start, end in _segments(row):
        parts.append(f'<rect x="{LABEL + start:.1f}" {base} width="{end - start:.1f}" fill="{COLOURS[column]}"/>')
    parts.append(f'<rect x="{LABEL + WIDTH * row.peer / row.pictures - 1.5:.1f}" {base} width="3" fill="{PEER}"/>\n')
    return "".join(parts)


def _segments(row: EditRow) -> Sequence[tuple[str, float, float]]:
    """Which column's colour goes from where to where, in pixels."""
    segments, start = [], 0.0
    for column in COLOURS:
        end = WIDTH * getattr(row, column) / row.pictures
        if end > start:
            segments.append((column, start, end))
        start = max(start, end)
    return segments
