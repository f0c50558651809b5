"""`moderation eval image`: pictures through the real decoder and a real signal type, with its scores' figures.

A picture without a score is counted and named, with the reason; it never makes a share look better.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import numpy as np

from moderation.assembly import classifiers, decoder, engine_options, model_store
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.ids import Digest, PostId
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.post import Author, Post, PostState
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
    values_of,
)
from moderation.evaluation.picture_files import PictureFile, PictureSet
from moderation.evaluation.pictures import PictureScores, Unmeasured
from moderation.media.decode import DecoderProcess
from moderation.media.subject import Subject
from moderation.settings import Settings
from moderation.signals.catalog import build
from moderation.signals.runtime import SignalRuntime

BATCH = 16

Tell = Callable[[str, int, int], None]
"""Told what is being done, how many pictures of it are done, and how many there are."""


def score_pictures(settings: Settings, source: PictureSet, signal: str, tell: Tell | None = None) -> PictureScores:
    """Decode and measure every picture of `source`.

    Raises InvalidInputError for a signal that is not there or has no score from 0 to 1, UnavailableError when its
    model is missing or the decoder cannot start.
    """
    built = build(model_store(settings), options=engine_options(settings), classifiers=classifiers(settings))
    types = {each.spec.name: each for each in built}
    if signal not in types:
        raise InvalidInputError(
            f"No signal is called {signal!r}.",
            hint=f"Signals: {', '.join(types)}; a classifier's once MODERATION_CLASSIFIERS names it.",
        )
    spec = types[signal].spec
    columns = tuple(column for column in spec.columns if _is_score(column))
    if not columns or spec.surface is not Surface.IMAGE:
        raise InvalidInputError(f"{signal} gives a picture no score from 0 to 1.")
    wanted = set(_closure(signal, {name: each.spec for name, each in types.items()}))
    runtime = SignalRuntime([each for name, each in types.items() if name in wanted])
    place = [name for name in types if name in wanted].index(signal)
    rows: list[list[float]] = []
    measured: list[PictureFile] = []
    unmeasured: list[Unmeasured] = []
    try:
        with decoder(settings) as decoding:
            for file, result in _results(source, decoding, runtime, place, tell):
                if isinstance(result, Unmeasured):
                    unmeasured.append(result)
                    continue
                values = values_of(result, spec)
                measured.append(file)
                rows.append([_number(values[column.name]) for column in columns])
    finally:
        runtime.close()
    scores = np.array(rows, np.float64).reshape(len(measured), len(columns))
    return PictureScores(source, spec, runtime.models, columns, tuple(measured), scores, tuple(unmeasured))


def _results(
    source: PictureSet, decoding: DecoderProcess, runtime: SignalRuntime, place: int, tell: Tell | None
) -> Iterator[tuple[PictureFile, SignalResult | Unmeasured]]:
    for start in range(0, len(source.files), BATCH):
        batch = source.files[start : start + BATCH]
        subjects = [_subject(file, decoding) for file in batch]
        for file, subject, results in zip(batch, subjects, runtime.measure(subjects), strict=True):
            yield file, _checked(file, subject, results[place])
        if tell is not None:
            tell(source.source.name, start + len(batch), len(source.files))


def _checked(file: PictureFile, subject: Subject, result: SignalResult) -> SignalResult | Unmeasured:
    if isinstance(subject.picture, Refusal):
        return Unmeasured(file.name, str(subject.picture.reason), subject.picture.detail)
    if not isinstance(result, SignalFailure):
        return result
    if result.reason is FailureReason.MODEL_MISSING:
        raise UnavailableError(f"{result.signal} has no model: {result.detail}", hint="Run `moderation models pull`.")
    return Unmeasured(file.name, str(result.reason), result.detail)


def _subject(file: PictureFile, decoding: DecoderProcess) -> Subject:
    try:
        image = file.path.read_bytes()
    except OSError as error:
        return Subject(_post(b""), Refusal(RefusalReason.MISSING, f"cannot be read: {error.strerror}"))
    (picture,) = decoding.decode([image])
    return Subject(_post(image), picture)


def _post(image: bytes) -> Post:
    """A post with this picture and no words."""
    digest, now = sha256(image).hexdigest(), datetime.now(UTC)
    return Post(
        PostId(digest), Digest(digest), len(image), "", "", Author("evaluation"), PostState.SCREENING, now, now
    )  # fmt: skip


def _closure(signal: str, specs: Mapping[str, SignalSpec]) -> Iterator[str]:
    """The signal and all that it needs."""
    yield signal
    for needed in specs[signal].needs:
        if needed in specs:
            yield from _closure(needed, specs)


def _is_score(column: Column) -> bool:
    return column.kind is ColumnKind.FLOAT and column.low == 0 and column.high == 1


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
