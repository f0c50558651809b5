"""Checkpoints in timm's layout. Compared with timm 1.0.31 itself, too: no logit differed at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor
from torch.nn.functional import conv2d, gelu, layer_norm, linear, scaled_dot_product_attention

from moderation.domain.errors import ModelStoreError
from moderation.signals.hub_timm import as_transformers, is_timm, transformers_config
from moderation.signals.models import ModelStore
from moderation.signals.pictures.labels import load_image_classifier
from moderation.signals.pictures.preprocessing import read_preprocessing
from tests.signals.checkpoints import PICTURES, edit_json, in_torch, picture_pixels, store_of

WIDTH, HEADS, DEPTH, SIDE, PATCH = 192, 3, 12, 32, 16
CONFIG: dict[str, Any] = {
    "architecture": "vit_tiny_patch16_32",
    "num_classes": 3,
    "num_features": WIDTH,
    "global_pool": "token",
    "pretrained_cfg": {
        "input_size": [3, SIDE, SIDE],
        "interpolation": "bicubic",
        "crop_pct": 1.0,
        "crop_mode": "center",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "label_names": ["nsfw", "normal", "suggestive"],
    },
}


def weights() -> dict[str, Tensor]:
    """Random ones under timm's names and in its shapes, as `VisionTransformer.state_dict` of timm lists them."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * 0.08

    tokens = (SIDE // PATCH) ** 2 + 1
    found = {
        "cls_token": random(1, 1, WIDTH),
        "pos_embed": random(1, tokens, WIDTH),
        "patch_embed.proj.weight": random(WIDTH, 3, PATCH, PATCH),
        "patch_embed.proj.bias": random(WIDTH),
        "norm.weight": 1 + random(WIDTH),
        "norm.bias": random(WIDTH),
        "head.weight": random(3, WIDTH),
        "head.bias": random(3),
    }
    for block in range(DEPTH):
        for norm in ("norm1", "norm2"):
            found[f"blocks.{block}.{norm}.weight"] = 1 + random(WIDTH)
            found[f"blocks.{block}.{norm}.bias"] = random(WIDTH)
        for part, rows, columns in (
            ("attn.qkv", 3 * WIDTH, WIDTH),
            ("attn.proj", WIDTH, WIDTH),
            ("mlp.fc1", 4 * WIDTH, WIDTH),
            ("mlp.fc2", WIDTH, 4 * WIDTH),
        ):
            found[f"blocks.{block}.{part}.weight"] = random(rows, columns)
            found[f"blocks.{block}.{part}.bias"] = random(rows)
    return found


def reference(state: dict[str, Tensor], pixels: Tensor) -> Tensor:
    """The vision transformer written down with timm's fused matrices (Dosovitskiy et al., 2020, equations 1 to 4)."""

    def layer(name: str, values: Tensor) -> Tensor:
        return linear(values, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(name: str, values: Tensor) -> Tensor:
        return layer_norm(values, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)

    rows = len(pixels)
    patches = conv2d(pixels, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=PATCH)
    values = torch.cat([state["cls_token"].expand(rows, -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
    values = values + state["pos_embed"]
    for block in range(DEPTH):
        name = f"blocks.{block}"
        fused = layer(f"{name}.attn.qkv", norm(f"{name}.norm1", values))
        query, key, value = fused.reshape(rows, -1, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(rows, -1, WIDTH)
        values = values + layer(f"{name}.attn.proj", attended)
        inner = gelu(layer(f"{name}.mlp.fc1", norm(f"{name}.norm2", values)))
        values = values + layer(f"{name}.mlp.fc2", inner)
    return layer("head", norm("norm", values)[:, 0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("mirror") / "toy"
    found.mkdir()
    (found / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (found / "model.safetensors").write_bytes(save(weights()))
    return found


@pytest.fixture
def store(tmp_path: Path, folder: Path) -> ModelStore:
    return store_of(tmp_path, folder, PICTURES)


def test_scores_are_those_of_the_same_network(store: ModelStore) -> None:
    signal = load_image_classifier(store, "toy", in_torch)
    preprocessing = read_preprocessing(store, "toy")
    frames: list[NDArray[np.uint8]] = [preprocessing.reduction(picture_pixels(seed)) for seed in range(4)]
    with torch.inference_mode():
        scores = reference(weights(), torch.tensor(preprocessing.tensors(frames))).softmax(-1).numpy()
    found = signal.scores(frames)
    assert found[:, 0] == pytest.approx(scores[:, 0], abs=1e-5)
    assert found[:, 1] == pytest.approx(scores[:, 0] + scores[:, 2], abs=1e-5)
    assert found.std(axis=0).min() > 1e-3


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "vit_tiny_patch16_rope_32"},
        {"architecture": "eva02_base_patch14_448"},
        {"global_pool": "avg"},
        {"model_args": {"init_values": 1e-5}},
        {"num_classes": 2},
        {"pretrained_cfg": {}},
    ],
)
def test_other_networks_of_timm_are_refused(store: ModelStore, changes: dict[str, Any]) -> None:
    with pytest.raises(ModelStoreError, match="timm"):
        load_image_classifier(edit_json(store, "toy", "config.json", **changes), "toy", in_torch)


def test_weights_beside_the_architecture_are_refused(tmp_path: Path, folder: Path) -> None:
    """Layer scale and the like would change the result: a weight without a place is not left out silently."""
    other = tmp_path / "mirror" / "toy"
    other.mkdir(parents=True)
    (other / "config.json").write_bytes((folder / "config.json").read_bytes())
    (other / "model.safetensors").write_bytes(save(weights() | {"blocks.0.ls1.gamma": torch.ones(WIDTH)}))
    with pytest.raises(ModelStoreError, match="ls1"):
        load_image_classifier(store_of(tmp_path / "store", other, PICTURES), "toy", in_torch)


def test_only_timms_own_configuration_is_taken_for_one() -> None:
    assert is_timm(CONFIG)
    assert not is_timm({"model_type": "vit", "architecture": "x"})
    assert transformers_config("toy", CONFIG)["id2label"] == {"0": "nsfw", "1": "normal", "2": "suggestive"}


def test_no_weight_is_lost_in_renaming() -> None:
    renamed = as_transformers(weights())
    assert sum(tensor.numel() for tensor in renamed.values()) == sum(tensor.numel() for tensor in weights().values())
