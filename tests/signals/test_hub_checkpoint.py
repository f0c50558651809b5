"""Configurations of published checkpoints: none may make a module that takes for ever to build."""

import json
from typing import Any

import pytest

from moderation.domain.errors import ModelStoreError
from moderation.signals.hub_checkpoint import MAX_LAYERS, read_config
from moderation.signals.models import ModelStore

MANY = MAX_LAYERS + 1


class OneFile(ModelStore):
    """Has nothing but a configuration."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config

    def read(self, name: str, filename: str) -> bytes:
        return json.dumps(self._config).encode()


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "vit", "num_hidden_layers": MANY},
        {"model_type": "clip", "vision_config": {"num_hidden_layers": MANY}},
        {"model_type": "swin", "depths": [2, 2, MANY, 2]},
        {"model_type": "openai-gpt", "n_layer": MANY},
        {"architecture": "timm", "model_args": {"layers": [[2], [MANY]]}},
    ],
)
def test_more_layers_than_any_classifier_has_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ModelStoreError, match=f"more than {MAX_LAYERS} layers"):
        read_config(OneFile(config), "toy")


def test_ordinary_configurations_are_read() -> None:
    config = read_config(OneFile({"model_type": "swin", "depths": [2, 2, 18, 2], "embed_dim": 1024}), "toy")
    assert config.model_type == "swin"
