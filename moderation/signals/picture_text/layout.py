"""In which order lines of a picture are read: row by row from the top, and in a row from the left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from moderation.media.text_boxes import Box

SHARED_HEIGHT = 0.5
"""Boxes stand in one row when they share this much of the lower one's height."""


@dataclass(frozen=True, slots=True)
class Line:
    """A box with what is written in it; `confidence` is 0 to 1."""

    box: Box
    text: str
    confidence: float

    @property
    def top(self) -> float:
        """Smallest y of the box."""
        return float(self.box.corners[:, 1].min())

    @property
    def bottom(self) -> float:
        """Largest y of the box."""
        return float(self.box.corners[:, 1].max())

    @property
    def left(self) -> float:
        """Smallest x of the box."""
        return float(self.box.corners[:, 0].min())


def rows(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines as rows of text, each from the left, the topmost row first.

    A line joins the first row whose first line it overlaps enough; slanted lines stay rows of their own.
    """
    found: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: ((line.top + line.bottom) / 2, line.left)):
        row = next((row for row in found if _beside(row[0], line)), None)
        if row is None:
            found.append([line])
        else:
            row.append(line)
    return [sorted(row, key=lambda line: line.left) for row in found]


def written(ordered: Sequence[Sequence[Line]]) -> str:
    """The rows as text: boxes of a row beside each other, a new line for each row."""
    return "\n".join(" ".join(line.text for line in row) for row in ordered)


def every(ordered: Sequence[Sequence[Line]]) -> Iterator[Line]:
    """The lines in reading order."""
    for row in ordered:
        yield from row


def _beside(first: Line, other: Line) -> bool:
    shared = min(first.bottom, other.bottom) - max(first.top, other.top)
    return shared >= SHARED_HEIGHT * min(first.bottom - first.top, other.bottom - other.top)
