"""A signal made of a transformers model of pictures: frames in, the worst frame's columns out."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from moderation.domain.ids import Digest
from moderation.domain.media import Refusal
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult, SignalSpec, Value
from moderation.media.subject import Picture, Subject
from moderation.signals.engine.inference import Inference
from moderation.signals.engine.source import ModuleSource
from moderation.signals.hub_scores import Scores
from moderation.signals.hub_specs import hub_spec
from moderation.signals.pictures.preprocessing import Preprocessing
from moderation.signals.registry import ModelEntry

PIXELS = "pixel_values"
LOGITS = "logits"
FRAMES_AT_ONCE = 16
"""No more than this many are held as floats (about 2 MB each at 384 pixels)."""
EXAMPLE_ROWS = 4

OpenInference: TypeAlias = Callable[[ModuleSource], Inference]
"""Makes a module ready to run: `open_module` with the options in force."""
Columns: TypeAlias = Callable[[NDArray[np.generic]], Scores]
"""From logits of shape (frames, outputs) to scores of shape (frames, columns), 0 to 1."""


class HubPictureClassifier:
    """A picture classifier of the registry, loaded. `columns` makes the entry's columns of the model's outputs."""

    def __init__(self, entry: ModelEntry, preprocessing: Preprocessing, inference: Inference, columns: Columns) -> None:
        self._spec = hub_spec(entry)
        self._preprocessing = preprocessing
        self._columns = columns
        self.inference = inference
        self.models: dict[str, Digest] = {entry.name: entry.digest}

    @property
    def spec(self) -> SignalSpec:
        """Made from the registry entry."""
        return self._spec

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """Of every column the worst frame's score; a post without a picture is `undecodable`.

        Raises when the frames lack what the model needs or the model gives nonsense: the runtime makes failures of it.
        """
        pictures = [subject.picture for subject in batch if isinstance(subject.picture, Picture)]
        name = self._preprocessing.reduction.name
        scores = iter(self.scores([frame.reduced[name] for picture in pictures for frame in picture.frames]))
        return [self._result(subject.picture, scores) for subject in batch]

    def scores(self, frames: Sequence[NDArray[np.generic]]) -> Scores:
        """One row of columns for each frame, as the preprocessing's reduction made it."""
        starts = range(0, len(frames), FRAMES_AT_ONCE)
        parts = [self._run(frames[start : start + FRAMES_AT_ONCE]) for start in starts]
        return np.concatenate(parts) if parts else np.empty((0, len(self._spec.columns)))

    def _run(self, frames: Sequence[NDArray[np.generic]]) -> Scores:
        return self._columns(self.inference.run({PIXELS: self._preprocessing.tensors(frames)})[LOGITS])

    def _result(self, picture: Picture | Refusal, scores: Iterator[Scores]) -> SignalResult:
        if isinstance(picture, Refusal):
            return SignalFailure(self._spec.name, FailureReason.UNDECODABLE, picture.reason)
        own = list(islice(scores, len(picture.frames)))
        if not own:
            return SignalFailure(self._spec.name, FailureReason.UNDECODABLE, "the picture has no frame")
        worst = np.max(own, axis=0)
        columns = zip(self._spec.columns, worst, strict=True)
        values: dict[str, Value] = {column.name: float(score) for column, score in columns}
        return Score(self._spec.name, values)


def example_pixels(preprocessing: Preprocessing) -> NDArray[np.float32]:
    """A few soft, coloured patterns through the model's preprocessing: what precisions are compared and timed on."""
    reduction = preprocessing.reduction
    generator = np.random.default_rng(0)
    frames = []
    for _ in range(EXAMPLE_ROWS):
        coarse = generator.integers(0, 256, (reduction.height // 8 + 2, reduction.width // 8 + 2, 3))
        fine = coarse.repeat(8, axis=0).repeat(8, axis=1)[: reduction.height, : reduction.width]
        frames.append(fine.astype(np.uint8))
    return preprocessing.tensors(frames)
