"""`picture_text`: what is written in a picture, read where a cheap detector sees text and while time lasts."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
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
from moderation.media.subject import Frame, Picture, Subject
from moderation.media.text_presence import weights_digest
from moderation.signals.engine.inference import InferenceError, InferenceTimeoutError
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.layout import every, rows, written
from moderation.signals.picture_text.reader import MODEL, PaddleReader, Reading, TextReader

REDUCTION = "text_presence"
PRESENCE_MODEL = "text-presence"
"""The name under which a verdict pins the cheap detector's weights, which are part of this package."""

READ_FROM = 0.11
"""Pictures are read from here up: text that is missed is published unseen, a look in vain costs a tenth of a second."""
BATCH_SECONDS = 8.0
MOST_FRAMES = 2
MOST_CHARS = 4_000
PERMILLE = 1_000

NONE, READ, NOT_READ = "none", "read", "not_read"

PICTURE_TEXT = SignalSpec(
    name="picture_text",
    version="1",
    surface=Surface.IMAGE,
    description="What is written in the picture: found by a cheap detector, read by PP-OCRv6 while time lasts.",
    columns=(
        Column(
            "picture_text_status",
            ColumnKind.TEXT,
            "'none': no text was detected; 'read': the picture was read, whether or not it held words; "
            "'not_read': text was detected and there was no time to read it",
            choices=(NONE, READ, NOT_READ),
        ),
        Column("picture_text_chars", ColumnKind.INTEGER, "Characters that were read", low=0, high=MOST_CHARS),
        Column(
            "picture_text_lines_unread",
            ColumnKind.INTEGER,
            "Lines that were found but left unread or out, for number, time or length, and 1 for each further frame in "
            "which text is likely; text may hide behind text",
            low=0,
        ),
        Column(
            "picture_text_likelihood",
            ColumnKind.FLOAT,
            "How likely there is legible text, by the cheap detector; pictures from 'high recall' up are read",
            low=0.0,
            high=1.0,
            recommended={"high recall": READ_FROM, "balanced": 0.15, "high precision": 0.27},
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
    cost_ms=65.0,
    time_limit_s=30.0,
    models=(MODEL,),
    known_failures=(
        "The cheap detector misses 8 % of letters from 3 % of the height up, mostly thin, see-through or signs' ones.",
        "It sends half of ordinary photographs to the reader, house fronts and rooms most of all.",
        "Handwriting, strongly bent or mirrored lines and scripts that the reader does not know are not read.",
        "Of an animation at most two of the frames looked at are read; the others count as unread lines.",
    ),
)


class PictureText:
    """Reads the pictures whose likelihood is `read_from` or more, the likeliest first.

    At least one picture of a batch is read, and a further one is begun while less than `batch_seconds` have passed.
    """

    def __init__(
        self,
        reader: TextReader,
        *,
        models: Mapping[str, str],
        batch_seconds: float = BATCH_SECONDS,
        read_from: float = READ_FROM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._batch_seconds = batch_seconds
        self._read_from = read_from
        self._clock = clock
        self.models = dict(models)

    @classmethod
    def load(cls, models: ModelStore, *, threads: int, batch_seconds: float = BATCH_SECONDS) -> "PictureText":
        """Load the verified reader; `threads` bounds its threads. Raises `ModelStoreError`, `InferenceError`."""
        pins = {MODEL: models.entry(MODEL).digest, PRESENCE_MODEL: weights_digest()}
        return cls(PaddleReader.load(models, threads=threads), models=pins, batch_seconds=batch_seconds)

    @property
    def spec(self) -> SignalSpec:
        """See `PICTURE_TEXT`."""
        return PICTURE_TEXT

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One result per post; a post without a picture is `undecodable`."""
        likelihoods = [_likelihood(subject.picture) for subject in batch]
        results: list[SignalResult] = [
            _unread(subject.picture, likelihood, self._read_from)
            for subject, likelihood in zip(batch, likelihoods, strict=True)
        ]
        worth = [place for place, likelihood in enumerate(likelihoods) if likelihood >= self._read_from]
        until = self._clock() + self._batch_seconds
        for number, place in enumerate(sorted(worth, key=lambda place: -likelihoods[place])):
            picture = batch[place].picture
            if (number and self._clock() >= until) or isinstance(picture, Refusal):
                break
            results[place] = self._read(picture, likelihoods[place])
        return results

    def _read(self, picture: Picture, likelihood: float) -> SignalResult:
        frames = [(place, frame) for place, frame in enumerate(picture.frames) if _chance(frame) >= self._read_from]
        chosen = sorted(frames, key=lambda item: -_chance(item[1]))[:MOST_FRAMES]
        try:
            readings = {
                place: self._reader.read(frame.rgb) for place, frame in sorted(chosen, key=lambda item: item[0])
            }
        except InferenceTimeoutError as error:
            return SignalFailure(PICTURE_TEXT.name, FailureReason.TIMED_OUT, error.message)
        except InferenceError as error:
            return SignalFailure(PICTURE_TEXT.name, FailureReason.ERROR, error.message)
        return _score(picture, readings, likelihood, left=len(frames) - len(chosen))


def _likelihood(picture: Picture | Refusal) -> float:
    """The likeliest frame's chance; -1 where there is no picture."""
    return -1.0 if isinstance(picture, Refusal) else max(map(_chance, picture.frames), default=-1.0)


def _chance(frame: Frame) -> float:
    return float(frame.reduced[REDUCTION].item())


def _unread(picture: Picture | Refusal, likelihood: float, read_from: float) -> SignalResult:
    """The result for a picture that is not read, for whatever reason."""
    if isinstance(picture, Refusal):
        return SignalFailure(PICTURE_TEXT.name, FailureReason.UNDECODABLE, picture.reason)
    if not picture.frames:
        return SignalFailure(PICTURE_TEXT.name, FailureReason.UNDECODABLE, "the picture has no frame")
    return _values(NONE if likelihood < read_from else NOT_READ, likelihood)


def _score(picture: Picture, readings: Mapping[int, Reading], likelihood: float, left: int) -> Score:
    """What was read in the frames, each frame's text after the other's, equal lines of a later frame left out.

    `left` is how many frames with likely text were not read.
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
