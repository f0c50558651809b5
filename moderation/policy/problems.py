"""What is wrong with a policy document, shown where it is: a policy error is a user interface."""

import bisect
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moderation.domain.errors import PolicyError

EXCERPT_CHARS = 120
"""Longer lines are cut around the place that is pointed at."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: characters `start` to `end` of the document, what is wrong there and what to do about it."""

    start: int
    end: int
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A problem's position, counted from 1."""

    line: int
    column: int


class SourceText:
    """A document's text under the name that its author knows it by."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self._starts = [0, *(index + 1 for index, char in enumerate(text) if char == "\n")]

    def place(self, offset: int) -> Place:
        """Line and column of a character; past the end is the end."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(self._starts, offset)
        return Place(line, offset - self._starts[line - 1] + 1)

    def render(self, problem: Problem) -> str:
        """`name:line:column: message`, the line with a caret below, and the hint."""
        place = self.place(problem.start)
        lines = [f"{self.name}:{place.line}:{place.column}: {problem.message}"]
        excerpt, caret = self._excerpt(problem, place)
        if excerpt.strip():
            number = str(place.line)
            lines += [f"  {number} | {excerpt}", f"  {' ' * len(number)} | {caret}"]
        if problem.hint:
            lines.append(f"  hint: {problem.hint}")
        return "\n".join(lines)

    def _excerpt(self, problem: Problem, place: Place) -> tuple[str, str]:
        first = self._starts[place.line - 1]
        stop = self._starts[place.line] - 1 if place.line < len(self._starts) else len(self.text)
        line = "".join(char if char.isprintable() else " " for char in self.text[first:stop]).rstrip()
        offset = place.column - 1
        width = max(1, min(problem.end, first + len(line)) - problem.start)
        if len(line) > EXCERPT_CHARS:
            cut = max(0, min(offset - EXCERPT_CHARS // 2, len(line) - EXCERPT_CHARS))
            line, offset = line[cut : cut + EXCERPT_CHARS], offset - cut
            width = max(1, min(width, EXCERPT_CHARS - offset))
        return line.rstrip(), " " * offset + "^" * width


class InvalidPolicyError(PolicyError):
    """A document with problems, in the order of the text; `message` has all of them rendered."""

    def __init__(self, source: SourceText, problems: Iterable[Problem], *, what: str = "policy") -> None:
        self.source = source
        self.problems: Sequence[Problem] = tuple(sorted(set(problems)))
        count = len(self.problems)
        rendered = "\n\n".join(source.render(problem) for problem in self.problems)
        super().__init__(
            f"{source.name} is not a valid {what}: {count} problem{'' if count == 1 else 's'}.\n\n{rendered}"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to `name`, or "" if none is near."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""
