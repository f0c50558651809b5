import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from moderation.domain.errors import ModelStoreError
from moderation.media.preprocess import MAX_RESIZED_SIDE, Resized
from moderation.signals.pictures.preprocessing import Preprocessing, from_timm, from_transformers, read_preprocessing
from tests.signals import checkpoints
from tests.signals.checkpoints import PICTURES, edit_json, picture_pixels, rewrite, store_of

OPENAI_CLIP: dict[str, Any] = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 224,
}
OLD_VIT: dict[str, Any] = {
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "ViTFeatureExtractor",
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 2,
    "size": 224,
}
VIT_384: dict[str, Any] = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_processor_type": "ViTImageProcessor",
    "image_std": [0.229, 0.224, 0.225],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 384, "width": 384},
}
SIGLIP: dict[str, Any] = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "SiglipImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "SiglipProcessor",
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 224, "width": 224},
}
MINIMAL: dict[str, Any] = {"image_processor_type": "CLIPImageProcessor"}
CONFIGURATIONS = [OPENAI_CLIP, OLD_VIT, VIT_384, SIGLIP, MINIMAL, {"image_processor_type": "ViTImageProcessorFast"}]


def processor(config: dict[str, Any]) -> Any:
    """The image processor of transformers that needs no torchvision."""
    kind = str(config.get("image_processor_type") or config["feature_extractor_type"])
    known = {"CLIP": CLIPImageProcessorPil, "ViT": ViTImageProcessorPil, "Sig": SiglipImageProcessorPil}
    return known[kind[:4] if kind.startswith("CLIP") else kind[:3]].from_dict(config)


def assert_equal(config: dict[str, Any], rgb: np.ndarray[Any, Any]) -> None:
    ours = from_transformers(config)
    tensors = ours.tensors([ours.reduction(rgb)])
    theirs = processor(config)(rgb, return_tensors="np", input_data_format="channels_last")["pixel_values"]
    assert tensors.shape == theirs.shape
    one_level = ours.factor / min(ours.std)
    difference = np.abs(tensors - theirs)
    assert difference.max() <= one_level * 1.001
    assert (difference > 1e-5).mean() < 0.01


@pytest.mark.parametrize("config", CONFIGURATIONS)
@pytest.mark.parametrize("size", [(300, 500), (500, 300), (224, 224), (100, 90), (384, 384), (61, 47), (1, 1)])
def test_it_equals_the_processor_of_transformers(config: dict[str, Any], size: tuple[int, int]) -> None:
    assert_equal(config, picture_pixels(7, *size))


@pytest.mark.parametrize("size", [(3000, 20), (20, 3000), (1, 900), (900, 150), (37, 1201)])
def test_narrow_pictures_too(size: tuple[int, int]) -> None:
    assert_equal(OPENAI_CLIP, picture_pixels(8, *size))
    assert_equal(SIGLIP, picture_pixels(8, *size))


@pytest.mark.parametrize("size", [(60, 4000), (16_000, 230)])
def test_the_narrowest_are_close(size: tuple[int, int]) -> None:
    rgb, ours = picture_pixels(8, *size), from_transformers(OPENAI_CLIP)
    theirs = processor(OPENAI_CLIP)(rgb, return_tensors="np", input_data_format="channels_last")["pixel_values"]
    one_level = ours.factor / min(ours.std)
    assert np.abs(ours.tensors([ours.reduction(rgb)]) - theirs).mean() < 0.5 * one_level


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 700), width=st.integers(1, 700), seed=st.integers(0, 99))
def test_any_size(height: int, width: int, seed: int) -> None:
    small = OPENAI_CLIP | {"size": {"shortest_edge": 48}, "crop_size": {"height": 33, "width": 40}}
    assert_equal(small, picture_pixels(seed, height, width))


def test_a_line_of_pixels_stays_small() -> None:
    """The whole of it, enlarged, would have 3.7 million columns."""
    clip = from_transformers(OPENAI_CLIP).reduction
    for rgb in (np.zeros((1, 16_384, 3), np.uint8), np.zeros((16_384, 1, 3), np.uint8)):
        assert clip(rgb).shape == (224, 224, 3)


def test_models_that_need_the_same_pixels_share_them() -> None:
    other = SIGLIP | {"image_mean": [0.1, 0.2, 0.3]}
    assert from_transformers(SIGLIP).reduction.name == from_transformers(other).reduction.name
    assert len({from_transformers(config).reduction.name for config in CONFIGURATIONS}) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"image_processor_type": "ConvNextImageProcessor"},
        {"image_processor_type": None},
        {"do_resize": False},
        {"do_pad": True},
        {"resample": 99},
        {"resample": "3"},
        {"size": {"shortest_edge": 224}, "do_center_crop": False},
        {"size": {"longest_edge": 224}},
        {"size": {"height": 10**9, "width": 10**9}},
        {"size": {"height": 0, "width": 0}},
        {"size": {"height": MAX_RESIZED_SIDE + 1, "width": MAX_RESIZED_SIDE + 1}},
        {"size": True},
        {"crop_size": {"height": 300, "width": 300}, "do_center_crop": True},
        {"image_std": [0.5, 0.0, 0.5]},
        {"image_std": [0.5, float("nan"), 0.5]},
        {"image_mean": [0.5]},
        {"image_mean": "0.5"},
        {"rescale_factor": -1},
        {"rescale_factor": float("inf")},
    ],
)
def test_what_is_not_understood_in_full_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_transformers(SIGLIP | change)


def test_the_refusal_names_the_model(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", checkpoints.vit(tmp_path / "mirror" / "toy"), PICTURES)
    assert read_preprocessing(store, "toy").reduction.height == checkpoints.SIDE
    with pytest.raises(ModelStoreError, match="preprocessing of toy"):
        read_preprocessing(edit_json(store, "toy", "preprocessor_config.json", do_pad=True), "toy")
    for broken in (b"[]", b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(ModelStoreError):
            read_preprocessing(rewrite(store, "toy", "preprocessor_config.json", broken), "toy")


def test_timm_writes_it_elsewhere() -> None:
    config = {
        "input_size": [3, 384, 384],
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    assert from_timm(config) == Preprocessing(
        Resized("bicubic", 384, 384, shortest=384, even=True), 1 / 255, (0.5,) * 3, (0.5,) * 3
    )
    cropped = from_timm(config | {"input_size": [3, 224, 224], "crop_pct": 0.9}).reduction
    assert (cropped.shortest, cropped.height) == (248, 224)
    squashed = from_timm(config | {"crop_mode": "squash"}).reduction
    assert (squashed.full_height, squashed.full_width, squashed.height) == (384, 384, 384)
    for wrong in ({"crop_mode": "border"}, {"interpolation": "random"}, {"input_size": None}, {"crop_pct": 0}):
        with pytest.raises((ValueError, TypeError)):
            from_timm(config | wrong)


def test_timm_cuts_between_two_pixels_at_the_even_one() -> None:
    """Measured against timm 1.0.31 with torchvision: 700 by 501 pixels begin in row 106 of 595 there."""
    config = {"input_size": [3, 384, 384], "crop_pct": 0.9, "interpolation": "nearest"}
    ours = from_timm(config).reduction
    rgb = np.zeros((595, 426, 3), np.uint8)
    rgb[:, :, 0], rgb[:, :, 1] = np.arange(595)[:, None] // 256, np.arange(595)[:, None] % 256
    first = ours(rgb)[0, 0]
    assert int(first[0]) * 256 + int(first[1]) == 106


def test_frames_are_checked() -> None:
    ours = from_transformers(json.loads(json.dumps(SIGLIP)))
    with pytest.raises(ValueError, match="bytes"):
        ours.tensors([np.zeros((224, 224, 3), np.float32)])
    with pytest.raises(ValueError, match="shape"):
        ours.tensors([np.zeros((224, 225, 3), np.uint8)])
