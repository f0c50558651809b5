"""Loads a model that compares pictures with phrases: CLIP (Radford et al., 2021) or SigLIP (Zhai et al., 2023)."""

import json
import string
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import ModelStoreError
from moderation.domain.ids import Digest
from moderation.signals.engine.source import ModuleSource
from moderation.signals.hub_checkpoint import WEIGHTS, load_module, read_config
from moderation.signals.hub_scores import Scores, phrase_columns, phrases_of
from moderation.signals.hub_specs import classifier_of
from moderation.signals.models import ModelStore
from moderation.signals.pictures.classifier import (
    LOGITS,
    PIXELS,
    HubPictureClassifier,
    OpenInference,
    example_pixels,
)
from moderation.signals.pictures.preprocessing import read_preprocessing

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedConfig

TOKENIZER = "tokenizer.json"
ACTIVATIONS = {"clip": "softmax", "siglip": "sigmoid"}


def load_zero_shot(store: ModelStore, name: str, open_inference: OpenInference) -> HubPictureClassifier:
    """The classifier of that name. Its phrases are encoded once and become part of the module.

    Raises as `load_image_classifier` does; also when the entry's activation is not the model's.
    """
    entry = store.entry(name)
    classifier = classifier_of(entry)
    config = read_config(store, name)
    if ACTIVATIONS.get(config.model_type) != classifier.activation:
        raise ModelStoreError(
            f"{name} is a {config.model_type}, whose scores are not read with {classifier.activation}."
        )
    preprocessing = read_preprocessing(store, name)
    phrases = phrases_of(classifier)
    ids = encoded(store, name, config, phrases)
    store.path(name, WEIGHTS)

    def columns(logits: NDArray[np.generic]) -> Scores:
        return phrase_columns(logits, classifier)

    source = ModuleSource(
        name=name,
        digest=Digest(sha256(json.dumps([entry.digest, ids]).encode()).hexdigest()),
        load=lambda: picture_side(load_module(store, name, config, "similarity"), ids),
        example={PIXELS: example_pixels(preprocessing)},
        scores=lambda outputs: columns(outputs[LOGITS]).astype(np.float32),
        model=entry.digest,
    )
    return HubPictureClassifier(entry, preprocessing, open_inference(source), columns)


def encoded(store: ModelStore, name: str, config: "PreTrainedConfig", phrases: Sequence[str]) -> list[list[int]]:
    """The phrases as token ids by the model's own tokenizer, as the model's processor makes them.

    SigLIP reads lower case without punctuation, filled to its full length as in training; CLIP what is there.
    Raises `ModelStoreError` when there is no tokenizer, or a phrase does not fit.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with transformers, needed here only

    most = int(config.text_config.max_position_embeddings)
    try:
        tokenizer = Tokenizer.from_str(store.read(name, TOKENIZER).decode())
    except ModelStoreError:
        raise
    except Exception as error:
        raise ModelStoreError(f"{name}/{TOKENIZER} is no tokenizer: {' '.join(str(error).split())[:300]}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    is_siglip, filler = config.model_type == "siglip", int(config.text_config.pad_token_id)
    ids = [list(tokenizer.encode(_plain(phrase) if is_siglip else phrase).ids) for phrase in phrases]
    wrong = [phrase for phrase, own in zip(phrases, ids, strict=True) if not own or len(own) > most]
    if wrong:
        raise ModelStoreError(f"{name} reads at most {most} tokens; this phrase has none or more: {wrong[0]!r}.")
    return [own + [filler] * (most - len(own)) for own in ids] if is_siglip else ids


def picture_side(model: Any, ids: Sequence[Sequence[int]]) -> "nn.Module":
    """A module from `pixel_values` to `logits` of shape (pictures, phrases), the text side computed now.

    Cosine similarity times the learned scale, plus SigLIP's learned bias, as both models' `forward` has it.
    """
    import torch  # noqa: PLC0415 - heavy

    with torch.inference_mode():
        texts = torch.cat([_unit(model.get_text_features(input_ids=torch.tensor([list(own)]))) for own in ids])
        weights = (texts * model.logit_scale.exp()).T.clone()
        bias = model.logit_bias.clone() if hasattr(model, "logit_bias") else torch.zeros(1)

    class PictureSide(torch.nn.Module):
        weights: torch.Tensor
        bias: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.register_buffer("weights", torch.tensor(weights.numpy()))
            self.register_buffer("bias", torch.tensor(bias.numpy()))

        def forward(self, pixel_values: "Tensor") -> "dict[str, Tensor]":
            pictures = _unit(self.model.get_image_features(pixel_values=pixel_values))
            return {LOGITS: pictures @ self.weights + self.bias}

    return PictureSide().eval()


def _unit(found: Any) -> "Tensor":
    """The pooled features, each divided by its length; transformers 5 wraps them."""
    features: Tensor = getattr(found, "pooler_output", found)
    unit: Tensor = features / features.norm(dim=-1, keepdim=True)
    return unit


def _plain(phrase: str) -> str:
    """As SigLIP's own tokenizer prepares texts: lower case, no punctuation, single spaces."""
    return " ".join(phrase.lower().translate(str.maketrans("", "", string.punctuation)).split())
