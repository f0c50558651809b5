"""Checkpoints in timm's layout as transformers' own ViT, which is the same network under other names.

transformers loads them through its wrapper only where timm and torchvision are installed; these plain vision
transformers (Dosovitskiy et al., 2020) need neither.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moderation.domain.errors import ModelStoreError

if TYPE_CHECKING:
    from torch import Tensor

ARCHITECTURE = re.compile(r"vit_(tiny|small|base|large)_patch(8|16|32)_([0-9]{2,4})")
SIZES = {"tiny": (192, 3, 12), "small": (384, 6, 12), "base": (768, 12, 12), "large": (1024, 16, 24)}
"""Width, attention heads and depth, as timm's `vision_transformer.py` builds them; the inner width is four times."""
LAYER_NORM_EPS = 1e-6

_BLOCK = re.compile(r"blocks\.([0-9]+)\.(.+)")
_OUTSIDE = {
    "cls_token": "vit.embeddings.cls_token",
    "pos_embed": "vit.embeddings.position_embeddings",
    "patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
    "norm": "vit.layernorm",
    "head": "classifier",
}
_INSIDE = {
    "norm1": "layernorm_before",
    "attn.proj": "attention.output.dense",
    "norm2": "layernorm_after",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


def is_timm(config: Mapping[str, object]) -> bool:
    """Whether a config.json is timm's: it names an architecture and no model type."""
    return "model_type" not in config and "architecture" in config


def pretrained_config(config: Mapping[str, object]) -> Mapping[str, object]:
    """What timm says of the model's input and labels."""
    found = config.get("pretrained_cfg")
    return found if isinstance(found, Mapping) else config


def transformers_config(name: str, config: Mapping[str, object]) -> dict[str, Any]:
    """The same architecture as a ViT configuration of transformers. Raises `ModelStoreError` for any other."""
    found = ARCHITECTURE.fullmatch(str(config.get("architecture")))
    labels = config.get("label_names") or pretrained_config(config).get("label_names")
    pool = config.get("global_pool", "token")
    if not found or pool != "token" or config.get("model_args"):
        raise ModelStoreError(
            f"{name} is timm's {config.get('architecture')} with {pool} pooling: of timm's models only plain vision "
            "transformers can be loaded here."
        )
    if not isinstance(labels, list) or len(labels) != config.get("num_classes"):
        raise ModelStoreError(f"{name}/config.json does not name the labels of timm's model.")
    width, heads, depth = SIZES[found[1]]
    return {
        "model_type": "vit",
        "hidden_size": width,
        "num_attention_heads": heads,
        "num_hidden_layers": depth,
        "intermediate_size": 4 * width,
        "patch_size": int(found[2]),
        "image_size": int(found[3]),
        "layer_norm_eps": LAYER_NORM_EPS,
        "id2label": {str(index): str(label) for index, label in enumerate(labels)},
    }


def as_transformers(state: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Timm's weights under transformers' names; query, key and value, which timm keeps in one matrix, apart.

    What has no counterpart keeps its name.
    """
    renamed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        block = _BLOCK.fullmatch(key)
        if block and block[2] in {"attn.qkv.weight", "attn.qkv.bias"}:
            kind = block[2].rpartition(".")[2]
            for part, values in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                renamed[f"vit.encoder.layer.{block[1]}.attention.attention.{part}.{kind}"] = values.contiguous()
        elif block:
            renamed[f"vit.encoder.layer.{block[1]}.{_renamed(block[2], _INSIDE)}"] = tensor
        else:
            renamed[_renamed(key, _OUTSIDE)] = tensor
    return renamed


def _renamed(key: str, names: Mapping[str, str]) -> str:
    if key in names:
        return names[key]
    place, _, kind = key.rpartition(".")
    return f"{names[place]}.{kind}" if place in names else key
