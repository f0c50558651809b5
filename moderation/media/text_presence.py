"""How likely there is legible text in a picture: a small network over the full-size pixels, in the decoder's process.

Reading text costs a hundred times as much, so this decides which pictures are read. The weights are trained by
`python -m datasets.overlays train`; `weights/text_presence.yaml` says from what, and holds the calibration.
"""

import math
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from moderation.domain.ids import Digest
from moderation.media.subject import Rgb

SIDE = 384
"""The network sees a picture, or a part of a long one, squeezed to this many pixels square."""
LONGEST_WHOLE = 2.2
"""A picture whose longer side is more than this times the shorter is looked at in parts."""
PART_ASPECT = 1.5
MAX_PARTS = 4
TOPS = (1, 4, 16)
"""The calibration weighs the mean of this many of the highest of the 24 by 24 logits."""
CALIBRATION = "text_presence.yaml"
WEIGHTS = "text_presence.onnx"


@dataclass(frozen=True, slots=True)
class Presence:
    """The network, and the logistic regression over its highest logits."""

    network: cv2.dnn.Net
    factors: NDArray[np.float64]
    offset: float


def text_presence(rgb: Rgb) -> NDArray[np.float32]:
    """The likelihood, 0 to 1, that the picture has legible text: float32 of shape (1,)."""
    logit = max(_logit(part) for part in parts(rgb))
    return np.array([1 / (1 + math.exp(-min(max(logit, -60.0), 60.0)))], np.float32)


def weights_digest() -> Digest:
    """SHA-256 of the weights, as their card states it."""
    return Digest(_card(_folder())["sha256"])


def parts(rgb: Rgb) -> list[Rgb]:
    """What the network looks at: the picture, or overlapping parts of a very long one, each `SIDE` pixels square."""
    height, width = rgb.shape[:2]
    longer, shorter = max(height, width), min(height, width)
    if longer <= LONGEST_WHOLE * shorter:
        return [_squeezed(rgb)]
    count = min(MAX_PARTS, math.ceil(longer / (PART_ASPECT * shorter)))
    length = min(longer, math.ceil(1.2 * longer / count))
    starts = np.linspace(0, longer - length, count).astype(int)
    cuts = [rgb[start : start + length] if height > width else rgb[:, start : start + length] for start in starts]
    return [_squeezed(cut) for cut in cuts]


def features(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """The means of the `TOPS` highest logits."""
    ranked = np.sort(logits, axis=None)[::-1].astype(np.float64)
    return np.array([ranked[:count].mean() for count in TOPS])


def _logit(part: Rgb) -> float:
    presence = _presence()
    presence.network.setInput(cv2.dnn.blobFromImage(part, 1 / 255))
    found = features(np.asarray(presence.network.forward(), dtype=np.float32))
    return float(presence.factors @ found) + presence.offset


def _squeezed(rgb: Rgb) -> Rgb:
    """Averaged by whole numbers first, which is fast, then interpolated to the square."""
    height, width = rgb.shape[:2]
    down, across = max(1, height // SIDE), max(1, width // SIDE)
    if down > 1 or across > 1:
        even = rgb[: height // down * down, : width // across * across]
        rgb = np.asarray(cv2.resize(even, (width // across, height // down), interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def load_presence(folder: Traversable) -> Presence:
    """The network in `folder`. Raises `ValueError` when weights and calibration do not belong together."""
    stated = _card(folder)
    weights = (folder / WEIGHTS).read_bytes()
    if sha256(weights).hexdigest() != stated["sha256"]:
        raise ValueError(f"{WEIGHTS} is not the file that {CALIBRATION} was made for")
    network = cv2.dnn.readNetFromONNX(np.frombuffer(weights, np.uint8))
    return Presence(network, np.array(stated["factors"], np.float64), float(stated["offset"]))


@cache
def _presence() -> Presence:
    """Loaded at the first picture."""
    return load_presence(_folder())


def _folder() -> Traversable:
    return files("moderation.media") / "weights"


def _card(folder: Traversable) -> dict[str, Any]:
    stated = yaml.safe_load((folder / CALIBRATION).read_text(encoding="utf-8"))
    assert isinstance(stated, dict)
    return stated
