"""Reads a picture: finds boxes with text, reads the largest first, and stops when its time is over."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from moderation.media.subject import Rgb
from moderation.media.text_boxes import Box, Floats, boxes, detector_pixels, line_pixels, turned_round
from moderation.signals.engine.onnx_session import OnnxRunner, open_runner
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.layout import Line
from moderation.signals.picture_text.recognise import Recognised, alphabet, decode, finite

MODEL = "rapidocr-ppocrv6"
DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNISER = "PP-OCRv6_rec_small.onnx"
INPUT = "x"
OUTPUT = "fetch_name_0"
CHARACTERS = "character"
"""The name under which the recogniser's file lists its characters."""

MOST_LINES = 80
PICTURE_SECONDS = 6.0
CALL_SECONDS = 8.0
"""One look of the detector or one line may take this long before it is stopped."""
CONFIDENT = 0.5
"""Less certain lines are patterns rather than letters."""
SURE = 0.9
"""A less certain line is read upside down as well, and the better reading kept."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The lines of one picture, in no order, and how many boxes were left unread for number or time."""

    lines: tuple[Line, ...]
    unread: int


class TextReader(Protocol):
    """Reads the text of one picture."""

    def read(self, rgb: Rgb) -> Reading:
        """The lines in `rgb`. Raises `InferenceError`."""
        ...


class PaddleReader:
    """The two networks of PP-OCRv6, with at most `seconds` for a picture."""

    def __init__(
        self,
        detector: OnnxRunner,
        recogniser: OnnxRunner,
        characters: tuple[str, ...],
        *,
        seconds: float = PICTURE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._detector = detector
        self._recogniser = recogniser
        self._characters = characters
        self._seconds = seconds
        self._clock = clock

    @classmethod
    def load(cls, models: ModelStore, *, threads: int, options: EngineOptions | None = None) -> "PaddleReader":
        """Load the verified networks; nothing is fetched. Raises `ModelStoreError`, `UnavailableError`."""
        options = replace(options or EngineOptions(), threads=threads, call_seconds=CALL_SECONDS)
        detector, _ = open_runner(models.read(MODEL, DETECTOR), options, (OUTPUT,))
        recogniser, _ = open_runner(models.read(MODEL, RECOGNISER), options, (OUTPUT,))
        nothing = recogniser.run({INPUT: np.zeros((1, 3, 48, 32), np.float32)})[OUTPUT]
        return cls(detector, recogniser, alphabet(recogniser.metadata.get(CHARACTERS, ""), nothing.shape[-1]))

    def read(self, rgb: Rgb) -> Reading:
        """See `TextReader.read`."""
        until = self._clock() + self._seconds
        found = self._find(rgb)
        lines: list[Line] = []
        read = 0
        for box in found[:MOST_LINES]:
            if read and self._clock() >= until:
                break
            recognised = self._recognise(rgb, box)
            read += 1
            if recognised.text and recognised.confidence >= CONFIDENT:
                lines.append(Line(box, recognised.text, recognised.confidence))
        return Reading(tuple(lines), len(found) - read)

    def _find(self, rgb: Rgb) -> list[Box]:
        chances = self._detector.run({INPUT: detector_pixels(rgb)})[OUTPUT]
        return boxes(finite(np.asarray(chances[0, 0], dtype=np.float32)), rgb.shape[1], rgb.shape[0])

    def _recognise(self, rgb: Rgb, box: Box) -> Recognised:
        line = line_pixels(rgb, box)
        found = self._decoded(line)
        if found.confidence >= SURE:
            return found
        return max(found, self._decoded(turned_round(line)), key=lambda reading: reading.confidence)

    def _decoded(self, line: Floats) -> Recognised:
        return decode(np.asarray(self._recogniser.run({INPUT: line})[OUTPUT][0], np.float32), self._characters)
