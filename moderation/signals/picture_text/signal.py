"""`picture_text`: what is written in a picture, read where a small look sees text and while time lasts."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from moderation.domain.media import Refusal
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
)
from moderation.media.subject import Picture, Subject
from moderation.signals.engine.inference import InferenceError, InferenceTimeoutError
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.layout import every, rows, written
from moderation.signals.picture_text.presence import PaddlePresence, Presence, weights_digest
from moderation.signals.picture_text.reader import CALL_SECONDS, MODEL, PaddleReader, Reading, TextReader

PRESENCE_MODEL = "text-presence"
"""The name under which a verdict pins the detector's head, which is part of this package."""

READ_FROM = 0.18
"""Pictures are read from here up: text that is missed is published unseen, a look in vain costs a tenth of a second."""
BATCH_SECONDS = 8.0
MOST_FRAMES = 2
NOT_LOOKED_AT = 1.0
"""The likelihood of a picture that there was no time to look at: nothing speaks against text."""
LONG = 4.0
"""Of pictures that are more times as long as wide, and longer than their preview, nobody can say that text is none or
all read: a page's screenshot of 1080 by 10000 pixels is a stripe 110 wide there.
"""
MOST_CHARS = 4_000
PERMILLE = 1_000

NONE, READ, NOT_READ = "none", "read", "not_read"

PICTURE_TEXT = SignalSpec(
    name="picture_text",
    version="2",
    surface=Surface.IMAGE,
    description="What is written in the picture: seen in a small look, read by PP-OCRv6 while time lasts.",
    columns=(
        Column(
            "picture_text_status",
            ColumnKind.TEXT,
            "'none': no text was detected; 'read': the picture was read, whether or not it held words; "
            "'not_read': text was detected, or nobody had looked yet, and there was no more time; or the picture is so "
            "long that its letters may be lost in the preview",
            choices=(NONE, READ, NOT_READ),
        ),
        Column("picture_text_chars", ColumnKind.INTEGER, "Characters that were read", low=0, high=MOST_CHARS),
        Column(
            "picture_text_lines_unread",
            ColumnKind.INTEGER,
            "Lines that were found but left unread or out, for number, time or length, 1 for each further frame in "
            "which text is likely, and 1 for a very long picture; text may hide behind text",
            low=0,
        ),
        Column(
            "picture_text_likelihood",
            ColumnKind.FLOAT,
            "How likely there is legible text, by the small look; pictures from 'high recall' up are read. 1 where "
            "there was no time to look",
            low=0.0,
            high=1.0,
            recommended={"high recall": READ_FROM, "balanced": 0.3, "high precision": 0.5},
        ),
        Column(
            "picture_text_confidence",
            ColumnKind.FLOAT,
            "Mean certainty of the characters read; NULL when there are none",
            low=0.0,
            high=1.0,
            nullable=True,
        ),
    ),
    cost_ms=45.0,
    time_limit_s=30.0,
    models=(MODEL,),
    known_failures=(
        "The look misses 4 % of letters from 3 % of the height up: see-through, thin and stacked ones.",
        "It misses three tenths of letters that hardly stand out, and sends a quarter of plain photographs to be read.",
        "Handwriting, strongly bent or mirrored lines and scripts that the reader does not know are not read.",
        "Transparent pictures are seen over white: white letters on nothing are not.",
        "Pictures over 4 times as long as wide are never surely without text: long screenshots go to people.",
        "Of an animation only evenly spaced frames are looked at, with fewer pixels the more there are; others never.",
        "Of these at most two are read; further ones with text count as unread lines.",
    ),
)


class PictureText:
    """Looks at every picture, and reads those whose likelihood is `read_from` or more, the likeliest first.

    At least one picture of a batch is looked at and read; a further one while less than `batch_seconds` have passed.
    """

    def __init__(
        self,
        presence: Presence,
        reader: TextReader,
        *,
        models: Mapping[str, str],
        batch_seconds: float = BATCH_SECONDS,
        read_from: float = READ_FROM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._presence = presence
        self._reader = reader
        self._batch_seconds = batch_seconds
        self._read_from = read_from
        self._clock = clock
        self.models = dict(models)

    @classmethod
    def load(
        cls,
        models: ModelStore,
        *,
        threads: int,
        options: EngineOptions | None = None,
        batch_seconds: float = BATCH_SECONDS,
    ) -> "PictureText":
        """Load the verified reader; `threads` bounds its threads. Raises `ModelStoreError`, `UnavailableError`."""
        pins = {MODEL: models.entry(MODEL).digest, PRESENCE_MODEL: weights_digest()}
        bounded = replace(options or EngineOptions(), threads=threads, call_seconds=CALL_SECONDS)
        presence = PaddlePresence.load(models, bounded)
        reader = PaddleReader.load(models, threads=threads, options=options)
        return cls(presence, reader, models=pins, batch_seconds=batch_seconds)

    @property
    def spec(self) -> SignalSpec:
        """See `PICTURE_TEXT`."""
        return PICTURE_TEXT

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One result per post; a post without a picture is `undecodable`."""
        until = self._clock() + self._batch_seconds
        chances: dict[int, list[float]] = {}
        results: list[SignalResult] = []
        looks = 0
        for place, picture in enumerate(subject.picture for subject in batch):
            if isinstance(picture, Refusal) or not picture.frames:
                results.append(_undecodable(picture))
                continue
            looked = self._look(picture, in_time=not looks or self._clock() < until)
            looks += 1
            if isinstance(looked, list):
                chances[place] = looked
                looked = self._unread(picture, looked)
            results.append(looked)
        worth = [place for place, found in chances.items() if max(found) >= self._read_from]
        for number, place in enumerate(sorted(worth, key=lambda place: -max(chances[place]))):
            picture = batch[place].picture
            if (number and self._clock() >= until) or isinstance(picture, Refusal):
                break
            results[place] = self._read(picture, chances[place])
        return results

    def _look(self, picture: Picture, *, in_time: bool) -> list[float] | SignalResult:
        """Each frame's chance of text, or the result of a picture that could not be looked at, for time or an error."""
        if not in_time:
            return _values(NOT_READ, NOT_LOOKED_AT)
        try:
            return [self._presence.chance(frame.rgb) for frame in picture.frames]
        except InferenceError as error:
            return _failure(error)

    def _unread(self, picture: Picture, chances: Sequence[float]) -> Score:
        """The result for a picture that was looked at and not read, for whatever reason."""
        is_without = max(chances) < self._read_from and not _is_lost(picture)
        return _values(NONE if is_without else NOT_READ, max(chances))

    def _read(self, picture: Picture, chances: Sequence[float]) -> SignalResult:
        likely = [place for place, chance in enumerate(chances) if chance >= self._read_from]
        chosen = sorted(likely, key=lambda place: -chances[place])[:MOST_FRAMES]
        try:
            readings = {place: self._reader.read(picture.frames[place].rgb) for place in sorted(chosen)}
        except InferenceError as error:
            return _failure(error)
        return _score(picture, readings, max(chances), left=len(likely) - len(chosen) + _is_lost(picture))


def _is_lost(picture: Picture) -> bool:
    """Whether letters that people read when they enlarge the picture are no letters any more in its preview."""
    long, short = max(picture.facts.width, picture.facts.height), min(picture.facts.width, picture.facts.height)
    return long > LONG * short and long > max(picture.frames[0].rgb.shape[:2])


def _undecodable(picture: Picture | Refusal) -> SignalFailure:
    detail = picture.reason if isinstance(picture, Refusal) else "the picture has no frame"
    return SignalFailure(PICTURE_TEXT.name, FailureReason.UNDECODABLE, detail)


def _failure(error: InferenceError) -> SignalFailure:
    reason = FailureReason.TIMED_OUT if isinstance(error, InferenceTimeoutError) else FailureReason.ERROR
    return SignalFailure(PICTURE_TEXT.name, reason, error.message)


def _score(picture: Picture, readings: Mapping[int, Reading], likelihood: float, left: int) -> Score:
    """What was read in the frames, each frame's text after the other's, equal lines of a later frame left out.

    `left` is how many frames with likely text were not read, and one more where letters may be lost.
    """
    texts: list[str] = []
    places: list[dict[str, object]] = []
    certain: list[tuple[float, int]] = []
    for number, reading in readings.items():
        ordered = rows(reading.lines)
        texts += [text for text in written(ordered).split("\n") if text and text not in texts]
        height, width = picture.frames[number].rgb.shape[:2]
        for line in every(ordered):
            corners = (line.box.corners * (PERMILLE / width, PERMILLE / height)).round().astype(int)
            places.append(
                {"frame": number, "corners": corners.flatten().tolist(), "confidence": round(line.confidence, 3)}
            )
            certain.append((line.confidence, len(line.text)))
    text, cut = _shortened(texts)
    chars = sum(length for _, length in certain)
    confidence = sum(share * length for share, length in certain) / chars if chars else None
    unread = left + cut + sum(reading.unread for reading in readings.values())
    return _values(READ, likelihood, text, confidence, unread, places)


def _shortened(rows_of_text: Sequence[str]) -> tuple[str, int]:
    """The rows in at most `MOST_CHARS` characters, and how many of them are not there, or not in full."""
    ends = accumulate(len(row) + 1 for row in rows_of_text)
    return "\n".join(rows_of_text)[:MOST_CHARS], sum(end - 1 > MOST_CHARS for end in ends)


def _values(
    status: str,
    likelihood: float,
    text: str = "",
    confidence: float | None = None,
    unread: int = 0,
    places: Sequence[Mapping[str, object]] = (),
) -> Score:
    return Score(
        PICTURE_TEXT.name,
        {
            "picture_text_status": status,
            "picture_text_chars": len(text),
            "picture_text_lines_unread": unread,
            "picture_text_likelihood": likelihood,
            "picture_text_confidence": confidence,
        },
        detail={"text": text, "boxes": json.dumps(places, ensure_ascii=False)},
    )
