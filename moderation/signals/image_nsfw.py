"""`image_nsfw`: how likely a picture is pornographic, by OpenNSFW in ONNX Runtime."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation.domain.ids import Digest
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
from moderation.signals.models import ModelStore

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = "opennsfw"
REDUCTION = "opennsfw_224"
FRAMES_AT_ONCE = 16
"""Larger batches are no faster and only take memory (about 12 MB a frame)."""
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


class ImageNsfw:
    """OpenNSFW over the frames that the decoder prepared under `opennsfw_224`."""

    def __init__(self, session: "InferenceSession", digest: Digest) -> None:
        self._session = session
        self._input: str = session.get_inputs()[0].name
        self.models = {MODEL: digest}

    @classmethod
    def load(cls, models: ModelStore, *, threads: int) -> "ImageNsfw":
        """Load the verified model; `threads` bounds its inference threads. Raises `ModelStoreError`."""
        weights = models.read(MODEL, "open-nsfw.onnx")
        import onnxruntime  # noqa: PLC0415 - a heavy import that the command line and the API never need

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        return cls(session, models.entry(MODEL).digest)

    @property
    def spec(self) -> SignalSpec:
        """See `IMAGE_NSFW`."""
        return IMAGE_NSFW

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """The worst frame's score per post; a post without a picture is `undecodable`."""
        frames = [
            frame.reduced[REDUCTION]
            for subject in batch
            if isinstance(subject.picture, Picture)
            for frame in subject.picture.frames
        ]
        scores = iter(self.scores(frames).tolist())
        return [_result(subject.picture, scores) for subject in batch]

    def scores(self, frames: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """One score for each frame of shape (224, 224, 3), blue first, 0 to 255."""
        parts = [self._run(frames[start : start + FRAMES_AT_ONCE]) for start in range(0, len(frames), FRAMES_AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def _run(self, frames: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        pixels = np.stack(frames).astype(np.float32) - np.array(BGR_MEAN, np.float32)
        (outputs,) = self._session.run(None, {self._input: pixels})
        scores: NDArray[np.float32] = outputs[:, 1]
        return scores


def _result(picture: Picture | Refusal, scores: Iterator[float]) -> SignalResult:
    if isinstance(picture, Refusal):
        return SignalFailure(IMAGE_NSFW.name, FailureReason.UNDECODABLE, picture.reason)
    own = list(islice(scores, len(picture.frames)))
    if not own:
        return SignalFailure(IMAGE_NSFW.name, FailureReason.UNDECODABLE, "the picture has no frame")
    # NumPy's maximum is NaN if any score is: the runtime then refuses it.
    return Score(IMAGE_NSFW.name, {"image_nsfw": float(np.max(own))})
