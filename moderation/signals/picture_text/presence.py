"""How likely there is legible text in a picture: a small look at all of it, which decides whether it is read.

The look is the reader's own detection network on few pixels, as far as its deep features, and a small head of our own
over them, trained by `python -m datasets.overlays train`; `weights/text_presence.yaml` says from what.
"""

import math
from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Protocol

import numpy as np
import yaml

from moderation.domain.errors import ModelStoreError
from moderation.domain.ids import Digest
from moderation.media.subject import Rgb
from moderation.media.text_boxes import Floats, glance_pixels
from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.onnx_session import OnnxRunner, open_runner
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.reader import DETECTOR, INPUT, MODEL
from moderation.signals.picture_text.recognise import finite

WIDE, DEEP = "Add.181", "Add.121"
"""Two places in the detection network: fused features of 8 by 8 pixels, and deep ones of 16 by 16."""
WIDE_CHANNELS, DEEP_CHANNELS = 96, 192
LOGITS = "logits"
TOP_FIELDS = 3
"""A picture's logit is the mean of this many of the highest of its fields: a word, no single speck."""
CARD = "text_presence.yaml"
WEIGHTS = "text_presence.onnx"


class Presence(Protocol):
    """How likely there is text in a picture."""

    def chance(self, rgb: Rgb) -> float:
        """0 to 1. Raises `InferenceError`."""
        ...


class PaddlePresence:
    """The first part of PP-OCRv6's detection network, and the head over it."""

    def __init__(self, network: OnnxRunner, head: OnnxRunner) -> None:
        self._network = network
        self._head = head

    @classmethod
    def load(cls, models: ModelStore, options: EngineOptions, folder: Traversable | None = None) -> "PaddlePresence":
        """Load the verified network and the head in `folder`, the one of this package when None.

        Raises `ModelStoreError`, also for a head that was trained over another network, and `InferenceError`.
        """
        weights = head_weights(weights_folder() if folder is None else folder, network_digest(models))
        head, _ = open_runner(weights, options, (LOGITS,))
        return cls(deep_network(models, options), head)

    def chance(self, rgb: Rgb) -> float:
        """See `Presence.chance`."""
        found = self._head.run(deep_features(self._network, rgb))[LOGITS]
        return 1 / (1 + math.exp(-float(np.clip(picture_logit(np.asarray(found, np.float32)), -60, 60))))


def deep_network(models: ModelStore, options: EngineOptions) -> OnnxRunner:
    """The detection network as far as `WIDE` and `DEEP`. Raises `ModelStoreError`, `InferenceError`."""
    runner, _ = open_runner(_first_part(models.read(MODEL, DETECTOR)), options, (WIDE, DEEP))
    return runner


def deep_features(network: OnnxRunner, rgb: Rgb) -> Mapping[str, Floats]:
    """`WIDE` of shape (1, 96, 2 rows, 2 columns) and `DEEP` of (1, 192, rows, columns). Raises `InferenceError`."""
    found = network.run({INPUT: glance_pixels(rgb)})
    return {name: finite(np.asarray(found[name], np.float32)) for name in (WIDE, DEEP)}


def picture_logit(fields: Floats) -> float:
    """Mean of the `TOP_FIELDS` highest. Raises `InferenceError` when one is not finite."""
    count = min(TOP_FIELDS, fields.size)
    return float(np.partition(finite(fields), -count, axis=None)[-count:].mean())


def head_weights(folder: Traversable, network: str) -> bytes:
    """The head's file. Raises `ModelStoreError` unless it is its card's, and the card's network is that one."""
    try:
        stated, weights = card(folder), (folder / WEIGHTS).read_bytes()
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelStoreError(f"The text detector's head cannot be read: {error}") from error
    if sha256(weights).hexdigest() != stated.get("sha256"):
        raise ModelStoreError(f"{WEIGHTS} is not the file that {CARD} was written for.")
    if stated.get("network") != network:
        raise ModelStoreError(f"{WEIGHTS} was trained over another detection network than {MODEL}'s {DETECTOR}.")
    return weights


def network_digest(models: ModelStore) -> str:
    """SHA-256 of the detection network."""
    return next(str(file.sha256) for file in models.entry(MODEL).files if file.filename == DETECTOR)


def weights_digest() -> Digest:
    """SHA-256 of the head that ships, as its card states it."""
    return Digest(card(weights_folder())["sha256"])


def weights_folder() -> Traversable:
    """Where the head that ships lies."""
    return files("moderation.signals.picture_text") / "weights"


def card(folder: Traversable) -> dict[str, Any]:
    """What is said of the head in `folder`. Raises `OSError`, `ValueError`, `yaml.YAMLError`."""
    stated = yaml.safe_load((folder / CARD).read_text(encoding="utf-8"))
    if not isinstance(stated, dict):
        raise ValueError(f"{CARD} is no mapping")  # noqa: TRY004 - the file's content is wrong, no argument's type
    return stated


def _first_part(model: bytes) -> bytes:
    import onnx  # noqa: PLC0415 - heavy
    from onnx.utils import Extractor  # noqa: PLC0415 - heavy

    try:
        whole = onnx.load_model_from_string(model)
        return bytes(Extractor(whole).extract_model([INPUT], [WIDE, DEEP]).SerializeToString())
    except Exception as error:
        raise InferenceError(f"The detection network has no {WIDE} and {DEEP}: {error}") from error
