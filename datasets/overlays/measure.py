"""Measures the text detector and the reader: recall by size, look and layout, false alarms on plain pictures, times."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from datasets.drawing.colour import Pixels
from datasets.overlays.cases import LOOKS, Case, cases, laid_cases
from datasets.overlays.layouts import LAYOUTS
from moderation.signals.picture_text.layout import rows, written
from moderation.signals.picture_text.presence import Presence
from moderation.signals.picture_text.reader import Reading, TextReader

HEIGHTS = (0.02, 0.025, 0.03, 0.04, 0.06, 0.1, 0.2)
"""Heights of a line, in picture heights, that are measured."""
WANTED_HEIGHT = 0.03
"""Text from this height up is what the detector is for."""
DENSE = ("page", "interface")
"""Lower lines than that, but many: wanted too."""
FAINT = "faint"
"""Letters that hardly stand out: told by themselves."""
THRESHOLDS = (0.05, 0.1, 0.15, 0.18, 0.2, 0.3, 0.5, 0.7)
SEED = 11
READ_GROUNDS = 16
SURE_CHARACTERS = 3
SURE_CONFIDENCE = 0.8
Found = TypeVar("Found")
NEAR = 0.1
"""Lines whose height is off by less than this share count for a height."""


@dataclass(frozen=True, slots=True)
class Counted:
    """`found` of `all`, for one slice."""

    name: str
    found: int
    all: int

    def __str__(self) -> str:
        """For a terminal."""
        return f"{self.name}: {self.found} of {self.all} ({100 * self.found / max(1, self.all):.1f} %)"


def detector(presence: Presence, grounds: Sequence[Pixels], at: float) -> list[str]:
    """Lines of figures for the detector over `grounds`, at the threshold `at`, and its curve over other thresholds.

    Text is written on every second ground.
    """
    made = _made(SEED, grounds[::2])
    with_text, with_ms = _timed(presence.chance, [case.pixels for case in made])
    without, without_ms = _timed(presence.chance, grounds)
    likely, plain = np.array(with_text), np.array(without)
    wanted = np.array([_is_wanted(case) for case in made])
    said = [f"{len(grounds)} pictures without text added, {len(made)} with; sent to the reader from {at:g} up"]
    for threshold in THRESHOLDS:
        recall, alarms = (likely[wanted] >= threshold).mean(), (plain >= threshold).mean()
        said.append(f"from {threshold:g} up: {recall:.3f} of wanted text, {alarms:.3f} of plain pictures")
    said += [str(Counted(name, int((likely[chosen] >= at).sum()), len(chosen))) for name, chosen in _groups(made)]
    said.append(str(Counted("pictures without text added", int((plain >= at).sum()), len(plain))))
    said.append(f"detector: {np.median(with_ms):.2f} ms a picture with text, {np.median(without_ms):.2f} ms without")
    return said


def reading(presence: Presence, reader: TextReader, grounds: Sequence[Pixels], at: float) -> list[str]:
    """Lines of figures for the reader over a few of the same pictures, and for the detector where words can be read.

    A picture holds text of its own when the reader finds three sure characters in it before anything is written on it.
    """
    few = grounds[:: max(1, len(grounds) // READ_GROUNDS)]
    made = [case for case in _made(SEED + 1, few) if _is_wanted(case)]
    reader.read(few[0])
    texts, with_ms = _timed(reader.read, [case.pixels for case in made])
    own, without_ms = _timed(reader.read, grounds)
    hits = [_recalled(written(rows(text.lines)), case.words) for text, case in zip(texts, made, strict=True)]
    said = [str(Counted("words read", sum(hits), sum(len(case.words) for case in made)))]
    for name, chosen in _groups(made):
        found = sum(hits[place] for place in chosen)
        said.append(str(Counted(f"words read, {name}", found, sum(len(made[place].words) for place in chosen))))
    sent = [presence.chance(case.pixels) >= at for case, hit in zip(made, hits, strict=True) if hit]
    said.append(str(Counted("sent to the reader, of pictures with a word that can be read", sum(sent), len(sent))))
    bare = [pixels for pixels, text in zip(grounds, own, strict=True) if _sure(text) < SURE_CHARACTERS]
    flagged = sum(presence.chance(pixels) >= at for pixels in bare)
    said.append(str(Counted("sent to the reader, of pictures without text of their own", flagged, len(bare))))
    said.append(f"reader: {np.mean(with_ms):.0f} ms a picture with text, {np.mean(without_ms):.0f} ms without")
    return said


def _timed(measure: Callable[[Pixels], Found], pictures: Iterable[Pixels]) -> tuple[list[Found], list[float]]:
    """What was measured, and the processor time for each in milliseconds: other work on the machine plays no part."""
    found: list[Found] = []
    spent: list[float] = []
    for pixels in pictures:
        started = time.process_time()
        found.append(measure(pixels))
        spent.append(1_000 * (time.process_time() - started))
    return found, spent


def _recalled(text: str, words: Sequence[str]) -> int:
    read = text.lower().split()
    return sum(word in read for word in words)


def _sure(reading: Reading) -> int:
    """Characters of the lines that the reader is sure of."""
    return sum(len(line.text) for line in reading.lines if line.confidence >= SURE_CONFIDENCE)


def _made(seed: int, grounds: Sequence[Pixels]) -> list[Case]:
    return [*cases(seed, grounds, HEIGHTS), *laid_cases(seed, grounds)]


def _is_wanted(case: Case) -> bool:
    return case.look != FAINT and (case.look in DENSE or case.height >= 0.9 * WANTED_HEIGHT)


def _groups(made: Sequence[Case]) -> list[tuple[str, list[int]]]:
    """Places of the cases by height, and, where they are wanted, by look and font; faint ones too."""
    wanted = [place for place, case in enumerate(made) if _is_wanted(case)]
    by_height = [
        (
            f"{100 * height:g} % high",
            [place for place, case in enumerate(made) if case.look in LOOKS and abs(case.height / height - 1) < NEAR],
        )
        for height in HEIGHTS
    ]
    by_look = [(look, [place for place in wanted if made[place].look == look]) for look in (*LOOKS, *LAYOUTS)]
    unseen = ("fonts not trained on", [place for place in wanted if made[place].unseen_font])
    faint = (FAINT, [place for place, case in enumerate(made) if case.look == FAINT])
    groups = (*by_height, *by_look, unseen, ("all that is wanted", wanted), faint)
    return [(name, chosen) for name, chosen in groups if chosen]
