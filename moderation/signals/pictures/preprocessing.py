"""What a picture must be turned into for a model, as its own preprocessor_config.json says.

The geometry runs inside the decoder's process on the full-size pixels (`Resized`); the arithmetic runs here, over the
whole batch at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import ModelStoreError
from moderation.media.preprocess import Filter, Resized
from moderation.signals.hub_checkpoint import CONFIG, json_file
from moderation.signals.hub_timm import is_timm, pretrained_config
from moderation.signals.models import ModelStore

PREPROCESSOR = "preprocessor_config.json"
FILTERS = {0: Filter.NEAREST, 1: Filter.LANCZOS, 2: Filter.BILINEAR, 3: Filter.BICUBIC}
"""Pillow's numbers, which transformers writes."""
HALF = (0.5, 0.5, 0.5)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class _Defaults:
    """What a processor of transformers does where its configuration says nothing."""

    resample: int
    size: object
    mean: tuple[float, ...] = HALF
    std: tuple[float, ...] = HALF
    crop: bool = False


KNOWN = {
    "ViT": _Defaults(2, {"height": 224, "width": 224}),
    "CLIP": _Defaults(3, {"shortest_edge": 224}, CLIP_MEAN, CLIP_STD, crop=True),
    "Siglip": _Defaults(3, {"height": 224, "width": 224}),
}
"""By the processor's name without its ending; others may do more than resize, crop and normalise."""
ENDINGS = ("ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor")


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Geometry, and value = (byte · factor - mean) / std for each of red, green and blue."""

    reduction: Resized
    factor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def tensors(self, frames: Sequence[NDArray[np.generic]]) -> NDArray[np.float32]:
        """Frames of the reduction's shape as one float32 array of shape (frames, 3, height, width).

        Raises `ValueError` when a frame has another shape or is not bytes.
        """
        wanted = (self.reduction.height, self.reduction.width, 3)
        wrong = [frame.shape for frame in frames if frame.shape != wanted or frame.dtype != np.uint8]
        if wrong:
            raise ValueError(f"frames of shape {wrong[0]} where bytes of {wanted} are needed")
        scale = np.array([self.factor / std for std in self.std], np.float32)
        offset = np.array([mean / std for mean, std in zip(self.mean, self.std, strict=True)], np.float32)
        pixels = np.stack(frames).astype(np.float32) * scale - offset
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def read_preprocessing(store: ModelStore, name: str) -> Preprocessing:
    """As the model's verified configuration says. Raises `ModelStoreError` for what is not understood in full."""
    try:
        if store.entry(name).has(PREPROCESSOR):
            return from_transformers(json_file(store, name, PREPROCESSOR))
        config = json_file(store, name, CONFIG)
        if is_timm(config):
            return from_timm(pretrained_config(config))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise ModelStoreError(f"The preprocessing of {name} is not understood: {error}.") from error
    raise ModelStoreError(f"The entry of {name} has no {PREPROCESSOR}.")


def from_transformers(config: Mapping[str, object]) -> Preprocessing:
    """The content of a preprocessor_config.json. Raises `ValueError`, `TypeError`, `KeyError`."""
    kind = str(config.get("image_processor_type") or config.get("feature_extractor_type"))
    family = next((kind.removesuffix(ending) for ending in ENDINGS if kind.endswith(ending)), kind)
    if family not in KNOWN:
        raise ValueError(f"the image processor {kind} is not one of {', '.join(KNOWN)}")
    defaults = KNOWN[family]
    if not config.get("do_resize", True) or config.get("do_pad") or config.get("rotation"):
        raise ValueError("pictures that are not resized, or are padded")
    crops = bool(config.get("do_center_crop", defaults.crop))
    size = _size(config.get("size", defaults.size), square=family != "CLIP")
    resample = FILTERS[_whole(config.get("resample", defaults.resample))]
    factor = _number(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    normalises = bool(config.get("do_normalize", True))
    mean = _three(config.get("image_mean", defaults.mean)) if normalises else (0.0, 0.0, 0.0)
    std = _three(config.get("image_std", defaults.std)) if normalises else (1.0, 1.0, 1.0)
    if min(std) <= 0:
        raise ValueError(f"a standard deviation that is not positive: {std}")
    crop = _size(config.get("crop_size", size if "height" in size else 224), square=True) if crops else size
    return Preprocessing(_geometry(resample, size, crop), factor, mean, std)


def from_timm(config: Mapping[str, object]) -> Preprocessing:
    """Timm's `pretrained_cfg`, as its evaluation transform reads it: resize the shorter side, crop the centre."""
    _, height, width = (_whole(side) for side in _list(config.get("input_size")))
    share, mode = _number(config.get("crop_pct", 0.875)), config.get("crop_mode") or "center"
    resample = Filter(str(config.get("interpolation", "bicubic")))
    mean, std = _three(config.get("mean", HALF)), _three(config.get("std", HALF))
    crop = {"height": height, "width": width}
    if mode == "squash":
        size = {"height": floor(height / share), "width": floor(width / share)}
    elif mode == "center" and height == width:
        size = {"shortest_edge": floor(height / share)}
    else:
        raise ValueError(f"timm's crop mode {mode} for {height} by {width}")
    return Preprocessing(replace(_geometry(resample, size, crop), even=True), 1 / 255, mean, std)


def _geometry(resample: Filter, size: Mapping[str, int], crop: Mapping[str, int]) -> Resized:
    if "height" not in crop:
        raise ValueError("pictures of different shapes: the shorter side is resized and nothing is cropped")
    height, width = crop["height"], crop["width"]
    if "shortest_edge" in size:
        return Resized(resample.value, height, width, shortest=size["shortest_edge"])
    return Resized(resample.value, height, width, full_height=size["height"], full_width=size["width"])


def _size(value: object, *, square: bool) -> dict[str, int]:
    """Old configurations write one number: a square, or for CLIP the shorter side."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"height": value, "width": value} if square else {"shortest_edge": value}
    if not isinstance(value, Mapping) or set(value) not in ({"height", "width"}, {"shortest_edge"}):
        raise ValueError(f"a size of {value}")
    return {str(key): _whole(side) for key, side in value.items()}


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} where a whole number is needed")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e3:  # noqa: PLR2004
        raise ValueError(f"{value!r} where a positive number is needed")
    return float(value)


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple) or len(value) != 3:  # noqa: PLR2004 - red, green, blue
        raise ValueError(f"{value!r} where three numbers are needed")
    return value


def _three(value: object) -> tuple[float, ...]:
    found = tuple(float(part) for part in _list(value) if isinstance(part, int | float))
    if len(found) != 3 or not all(abs(part) < 1e3 for part in found):  # noqa: PLR2004 - NaN is not under 1e3 either
        raise ValueError(f"{value!r} where three numbers are needed")
    return found
