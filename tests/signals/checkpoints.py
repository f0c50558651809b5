"""Tiny real checkpoints of published architectures, written as publishers write them, and stores that have them."""

import json
import shutil
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    CLIPConfig,
    CLIPModel,
    SiglipConfig,
    SiglipModel,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil
from transformers.utils import logging

from moderation.signals.engine.engine import Engine
from moderation.signals.engine.inference import Array, Tensors
from moderation.signals.engine.options import Backend, Device, Plan, Precision
from moderation.signals.engine.source import ModuleSource
from moderation.signals.hub_scores import phrases_of
from moderation.signals.models import ModelState, ModelStore
from moderation.signals.registry import Classifier, ModelEntry

REVISION = "0123456789abcdef0123456789abcdef01234567"
SIDE = 32
VISION: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": SIDE,
    "patch_size": 8,
}
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 16,
}
PICTURES: dict[str, Any] = {
    "task": "image-classification",
    "signal": "image_toy",
    "description": "A toy.",
    "activation": "softmax",
    "labels": ["normal", "suggestive", "nsfw"],
    "columns": [
        {"name": "image_toy_nsfw", "description": "Not safe", "labels": ["nsfw"], "recommended": {"balanced": 0.5}},
        {"name": "image_toy_any", "description": "Either", "labels": ["suggestive", "nsfw"], "combine": "sum"},
    ],
    "cost_ms": 1.0,
}
PHRASES: dict[str, Any] = {
    "task": "zero-shot-image",
    "signal": "image_phrases",
    "description": "A toy.",
    "activation": "softmax",
    "template": "a photo of {}",
    "neutral": ["a house", "a tree"],
    "columns": [
        {"name": "image_phrases_one", "description": "One", "phrases": ["a red thing"]},
        {"name": "image_phrases_two", "description": "Two", "phrases": ["a blue thing", "a dog"], "combine": "sum"},
    ],
    "cost_ms": 1.0,
}
TEXTS: dict[str, Any] = {
    "task": "text-classification",
    "signal": "text_toy",
    "description": "A toy.",
    "activation": "sigmoid",
    "labels": ["toxic", "threat"],
    "columns": [
        {"name": "toy_toxic", "description": "Toxic", "labels": ["toxic"]},
        {"name": "toy_threat", "description": "Threat", "labels": ["threat"]},
    ],
    "max_tokens": 16,
    "languages": ["en"],
    "cost_ms": 1.0,
}


class InTorch:
    """A module run as it is: what the engine's ways of running are compared with."""

    def __init__(self, source: ModuleSource) -> None:
        self._source = source
        self._module = source.load()

    def run(self, inputs: Tensors) -> dict[str, Array]:
        with torch.inference_mode():
            found: Any = self._module(**{name: torch.tensor(array) for name, array in inputs.items()})
        outputs = found if isinstance(found, dict) else {name: getattr(found, name) for name in self._source.outputs}
        return {name: outputs[name].numpy() for name in self._source.outputs}

    def close(self) -> None:
        del self._module


def in_torch(source: ModuleSource) -> Engine:
    return Engine(InTorch(source), Plan(Device.CPU, Precision.FLOAT32, Backend.TORCH, 8, "for tests"))


def vit(folder: Path, labels: Sequence[str] = ("normal", "suggestive", "nsfw"), seed: int = 0) -> Path:
    torch.manual_seed(seed)
    names = dict(enumerate(labels))
    config = ViTConfig(**VISION, id2label=names, label2id={label: index for index, label in names.items()})
    model: Any = ViTForImageClassification(config)
    model.classifier.weight.data.mul_(20)
    save(model, folder)
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def clip(folder: Path, classifier: Mapping[str, Any] = PHRASES) -> Path:
    torch.manual_seed(1)
    vocabulary = words(classifier)
    ends: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": len(vocabulary) - 1, "pad_token_id": 1}
    text = {**TEXT, **ends, "vocab_size": len(vocabulary)}
    config = CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24, **ends)
    save(CLIPModel(config), folder)
    side = {"height": SIDE, "width": SIDE}
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=side).save_pretrained(folder)
    write_tokenizer(folder, vocabulary, classifier)
    return folder


def siglip(folder: Path, classifier: Mapping[str, Any]) -> Path:
    torch.manual_seed(2)
    vocabulary = words(classifier)
    text = {**TEXT, "vocab_size": len(vocabulary), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=VISION))
    save(model, folder)
    SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    write_tokenizer(folder, vocabulary, classifier)
    return folder


def bert(folder: Path, labels: Sequence[str] = ("toxic", "threat"), *, tokenizer: str = "vocab.txt") -> Path:
    torch.manual_seed(3)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz.,!?[]'"]
    vocabulary += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    config = BertConfig(**TEXT, vocab_size=len(vocabulary), id2label=dict(enumerate(labels)), initializer_range=0.3)
    model: Any = BertForSequenceClassification(config)
    save(model, folder)
    if tokenizer == "vocab.txt":
        (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}', encoding="utf-8")
    else:
        made = BertTokenizer(vocab={word: index for index, word in enumerate(vocabulary)}, do_lower_case=True)
        made.backend_tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def save(model: Any, folder: Path) -> None:
    """As transformers saves it: config.json and model.safetensors."""
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)


def words(classifier: Mapping[str, Any]) -> list[str]:
    """Every word of the phrases between a start and an end."""
    phrases = phrases_of(Classifier.model_validate(classifier))
    found = sorted({word for phrase in phrases for word in phrase.lower().replace(".", "").split()})
    return ["<start>", "<end>", *found, "<eot>"]


def write_tokenizer(folder: Path, vocabulary: Sequence[str], classifier: Mapping[str, Any]) -> None:
    place = {word: index for index, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(place, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if classifier["activation"] == "softmax":
        ends = [("<start>", place["<start>"]), ("<eot>", place["<eot>"])]
        tokenizer.post_processor = processors.TemplateProcessing(single="<start> $A <eot>", special_tokens=ends)
    else:
        end = [("<end>", place["<end>"])]
        tokenizer.post_processor = processors.TemplateProcessing(single="$A <end>", special_tokens=end)
    tokenizer.save(str(folder / "tokenizer.json"))


def entry_for(folder: Path, classifier: Mapping[str, Any], **changes: Any) -> ModelEntry:
    """An entry that pins the files in `folder`, which carries the entry's name."""
    files = [
        {"filename": path.name, "sha256": sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(folder.iterdir())
    ]
    document = {
        "name": folder.name,
        "title": "Toy",
        "licence": "MIT",
        "card": "For tests.",
        "source": {"kind": "hub", "id": "toys/toy", "revision": REVISION},
        "files": files,
        "classifier": dict(classifier),
    }
    return ModelEntry.model_validate(document | changes)


def store_of(root: Path, folder: Path, classifier: Mapping[str, Any]) -> ModelStore:
    """A store that pulled the checkpoint in `folder` from the mirror that it lies in."""
    store = ModelStore(root, entries=[entry_for(folder, classifier)], mirror=folder.parent)
    assert store.pull(folder.name).state is ModelState.VERIFIED
    return store


def rewrite(store: ModelStore, name: str, filename: str, data: bytes) -> ModelStore:
    """A copy of the store with other bytes in one file, which its entry pins: what a publisher could upload."""
    root = store.root / f".changed-{uuid4().hex}"
    shutil.copytree(store.root / name, root / name)
    (root / name / filename).write_bytes(data)
    document = store.entry(name).model_dump(exclude_none=True)
    for file in document["files"]:
        if file["filename"] == filename:
            file.update(sha256=sha256(data).hexdigest(), bytes=len(data))
    return ModelStore(root, entries=[ModelEntry.model_validate(document)])


def edit_json(store: ModelStore, name: str, filename: str, **changes: Any) -> ModelStore:
    document = json.loads(store.read(name, filename))
    return rewrite(store, name, filename, json.dumps(document | changes).encode())


def picture_pixels(seed: int, height: int = 90, width: int = 120) -> np.ndarray[Any, np.dtype[np.uint8]]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
