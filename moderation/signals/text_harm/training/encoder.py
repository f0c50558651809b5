"""The pretrained encoder as a torch module, and the mean of its last layer over a text's tokens."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import ModelStoreError
from moderation.signals.models import ModelStore

if TYPE_CHECKING:
    import torch
    from transformers import BertModel

BASE = "all-minilm-l6-v2"
"""The model store's name of the encoder that training starts from."""
ROWS_AT_ONCE = 32


def load_encoder(store: ModelStore, name: str = BASE) -> tuple["BertModel", bytes]:
    """The encoder and its `tokenizer.json`, verified by the store. Raises `ModelStoreError`."""
    return open_encoder(
        store.read(name, "config.json"), store.read(name, "model.safetensors"), store.read(name, "tokenizer.json")
    )


def open_encoder_folder(folder: Path) -> tuple["BertModel", bytes]:
    """The encoder in a folder of the publisher's layout. Raises `OSError` and `ModelStoreError`."""
    return open_encoder(
        (folder / "config.json").read_bytes(),
        (folder / "model.safetensors").read_bytes(),
        (folder / "tokenizer.json").read_bytes(),
    )


def open_encoder(config: bytes, weights: bytes, tokenizer: bytes) -> tuple["BertModel", bytes]:
    """The encoder from bytes. Raises `ModelStoreError` when the weights are not those of a BERT of that shape."""
    from safetensors.torch import load  # noqa: PLC0415 - only training needs these
    from transformers import BertConfig, BertModel  # noqa: PLC0415

    encoder = BertModel(BertConfig(**json.loads(config)), add_pooling_layer=False)
    state = {key.removeprefix("bert."): value for key, value in load(weights).items()}
    missing, _unused = encoder.load_state_dict(state, strict=False)
    if missing:
        raise ModelStoreError(f"The encoder's weights lack {', '.join(missing[:3])}.")
    return encoder.train(False), tokenizer


def tensors(tokens: Sequence[Sequence[int]]) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Token ids and mask of shape (rows, longest), zero where a row is shorter."""
    import torch  # noqa: PLC0415

    width = max(len(row) for row in tokens)
    ids = torch.zeros((len(tokens), width), dtype=torch.long)
    mask = torch.zeros((len(tokens), width), dtype=torch.long)
    for place, row in enumerate(tokens):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids, mask


def pooled(encoder: "BertModel", ids: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """The mean of the last layer over the tokens of the mask, of shape (rows, width), in float32."""
    import torch  # noqa: PLC0415

    with torch.autocast("cpu", torch.bfloat16):
        states = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
    weights = mask.unsqueeze(-1).float()
    mean: torch.Tensor = (states.float() * weights).sum(1) / weights.sum(1)
    return mean


def features(encoder: "BertModel", tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """The pooled output for every row, of shape (rows, width)."""
    import torch  # noqa: PLC0415

    order = sorted(range(len(tokens)), key=lambda place: len(tokens[place]))
    found = np.empty((len(tokens), encoder.config.hidden_size), np.float32)
    encoder.train(False)
    with torch.no_grad():
        for start in range(0, len(order), ROWS_AT_ONCE):
            chosen = order[start : start + ROWS_AT_ONCE]
            found[chosen] = pooled(encoder, *tensors([tokens[place] for place in chosen])).numpy()
    return found
