"""`image_nsfw`: how likely a picture is pornographic, by OpenNSFW in ONNX Runtime; and what the model saw in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from moderation.domain.ids import Digest
from moderation.domain.media import Refusal
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Features,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
)
from moderation.media.subject import Picture, Subject
from moderation.signals.engine.inference import Inference, InferenceError
from moderation.signals.engine.onnx_session import open_onnx
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore

MODEL = "opennsfw"
REDUCTION = "opennsfw_224"
INPUT, SCORES, POOLED = "input:0", "outputs", "Reshape:0"
"""The graph's own names. `POOLED`, the average over the last convolution, is what its last layer reads."""
FRAME = (224, 224, 3)
FRAMES_AT_ONCE = 16
"""Larger batches are no faster and only take memory."""
FRAME_BYTES = 12_000_000
"""What a frame takes on its way through the graph, measured."""
FEATURE_SCALE = 127
BGR_MEAN = (104.0, 117.0, 123.0)
"""Subtracted from blue, green and red, as the model was trained."""

IMAGE_NSFW = SignalSpec(
    name="image_nsfw",
    version="1",
    surface=Surface.IMAGE,
    description="How likely the picture is pornographic; in an animation the worst of the frames looked at.",
    columns=(Column("image_nsfw", ColumnKind.FLOAT, "0 is surely not, 1 surely is pornographic", low=0.0, high=1.0),),
    cost_ms=25.0,
    models=(MODEL,),
    recommended={"high recall": 0.2, "balanced": 0.5, "high precision": 0.8},
    known_failures=(
        "Trained on photographs: drawings and generated pictures score less reliably.",
        "Skin-coloured close-ups, swimwear and short skirts can score over 0.8.",
        "Says nothing of violence, symbols or text in the picture.",
    ),
)


@dataclass(frozen=True, slots=True)
class Readings:
    """What one pass gave for N frames: scores 0 to 1 of shape (N,), pooled features of shape (N, 1024)."""

    scores: NDArray[np.float32]
    pooled: NDArray[np.float32]


class ImageNsfw:
    """OpenNSFW over the frames that the decoder prepared under `opennsfw_224`."""

    def __init__(self, inference: Inference, digest: Digest) -> None:
        self.inference = inference
        self.models = {MODEL: digest}

    @classmethod
    def load(cls, models: ModelStore, *, options: EngineOptions) -> "ImageNsfw":
        """Load the verified model and run it once, so that the first post does not wait for what is made then.

        Raises `ModelStoreError` unless the bytes are the pinned ones, and `UnavailableError` when they do not run
        where `options` say.
        """
        weights = models.read(MODEL, "open-nsfw.onnx")
        from moderation.signals.engine.graph import with_output  # noqa: PLC0415 - loads onnx

        own = replace(options, max_batch=min(options.max_batch, FRAMES_AT_ONCE), call_seconds=IMAGE_NSFW.time_limit_s)
        inference = open_onnx(with_output(weights, POOLED), own, outputs=(SCORES, POOLED), row_bytes=FRAME_BYTES)
        if not np.isfinite(inference.run({INPUT: np.zeros((1, *FRAME), np.float32)})[SCORES]).all():
            raise InferenceError(f"{MODEL} gives scores that are not finite.")
        return cls(inference, models.entry(MODEL).digest)

    @property
    def spec(self) -> SignalSpec:
        """See `IMAGE_NSFW`."""
        return IMAGE_NSFW

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """The worst frame's score and features per post; a post without a picture is `undecodable`."""
        frames = [
            frame.reduced[REDUCTION]
            for subject in batch
            if isinstance(subject.picture, Picture)
            for frame in subject.picture.frames
        ]
        found = self.read(frames)
        readings = iter(zip(found.scores, found.pooled, strict=True))
        return [self._result(subject.picture, readings) for subject in batch]

    def scores(self, frames: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """One score for each frame of shape (224, 224, 3), blue first, 0 to 255."""
        return self.read(frames).scores

    def read(self, frames: Sequence[NDArray[np.generic]]) -> Readings:
        """One pass over the frames, each of shape (224, 224, 3), blue first, 0 to 255."""
        if not frames:
            return Readings(np.empty(0, np.float32), np.empty((0, 0), np.float32))
        # Part by part, so that no more than one part is held as floats.
        starts = range(0, len(frames), FRAMES_AT_ONCE)
        parts = [self.inference.run({INPUT: _input(frames[start : start + FRAMES_AT_ONCE])}) for start in starts]
        scores = np.concatenate([part[SCORES] for part in parts])[:, 1]
        return Readings(scores.astype(np.float32), np.concatenate([part[POOLED] for part in parts]).astype(np.float32))

    def _result(
        self, picture: Picture | Refusal, readings: Iterator[tuple[np.float32, NDArray[np.float32]]]
    ) -> SignalResult:
        if isinstance(picture, Refusal):
            return SignalFailure(IMAGE_NSFW.name, FailureReason.UNDECODABLE, picture.reason)
        own = list(islice(readings, len(picture.frames)))
        if not own:
            return SignalFailure(IMAGE_NSFW.name, FailureReason.UNDECODABLE, "the picture has no frame")
        # NumPy takes a NaN for the highest, if there is one: the runtime then refuses the score.
        score, pooled = own[int(np.argmax([score for score, _ in own]))]
        values = unit_bytes(pooled)
        features = Features(self.models[MODEL], values) if values else None
        return Score(IMAGE_NSFW.name, {"image_nsfw": float(score)}, features=features)


def _input(frames: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
    result: NDArray[np.float32] = np.stack(frames).astype(np.float32) - np.array(BGR_MEAN, np.float32)
    return result


def unit_bytes(vector: NDArray[np.float32]) -> bytes:
    """The vector at length one, each component times 127 and rounded, as signed bytes; empty when it has no length."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        return b""
    return bytes(np.rint(vector / length * FEATURE_SCALE).astype(np.int8).tobytes())
