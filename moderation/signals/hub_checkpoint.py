"""Verified bytes of a transformers checkpoint to a configuration and a module. No file of it can run code."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from moderation.domain.errors import ModelStoreError
from moderation.signals.hub_timm import as_transformers, is_timm, transformers_config
from moderation.signals.models import ModelStore

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
FORBIDDEN_KEYS = frozenset(
    {"auto_map", "custom_pipelines", "trust_remote_code", "quantization_config", "_attn_implementation"}
    | {"attn_implementation", "kernel_config", "use_kernels", "adapter_kwargs"}
)
"""What makes transformers import code of the repository, or fetch kernels or further weights."""
MAX_LAYERS = 512
"""No classifier has as many. A module is built layer by layer before its weights are compared: that must end."""
LAYER_KEYS = frozenset({"n_layer", "depth", "depths", "num_blocks"})
"""What configurations also call them, beside all names with `layers`; often a number for each stage."""
UNUSED = ("position_ids", "pooler.dense.weight", "pooler.dense.bias")
"""Buffers that older checkpoints carry, and the pooling layer that picture classifiers do not use."""

Head: TypeAlias = Literal["image", "text", "similarity"]
"""What the module is for: labels of a picture, labels of a text, or a picture and phrases side by side."""


def json_file(store: ModelStore, name: str, filename: str) -> dict[str, Any]:
    """A JSON object among a model's verified files. Raises `ModelStoreError`."""
    try:
        document = json.loads(store.read(name, filename))
    except (ValueError, RecursionError) as error:
        raise ModelStoreError(f"{name}/{filename} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ModelStoreError(f"{name}/{filename} is not a JSON object.")
    return document


def read_config(store: ModelStore, name: str) -> "PreTrainedConfig":
    """The model's configuration, of a class that transformers itself has. Raises `ModelStoreError`."""
    document = json_file(store, name, CONFIG)
    forbidden = sorted(set(_keys(document)) & FORBIDDEN_KEYS)
    if forbidden:
        raise ModelStoreError(
            f"{name}/{CONFIG} has {', '.join(forbidden)}: models that bring code, kernels or adapters are refused."
        )
    if any(count > MAX_LAYERS for count in _layers(document)):
        raise ModelStoreError(f"{name}/{CONFIG} has more than {MAX_LAYERS} layers.")
    if is_timm(document):
        document = transformers_config(name, document)
    import transformers  # noqa: PLC0415 - heavy

    try:
        config: PreTrainedConfig = transformers.AutoConfig.for_model(**document)
    except Exception as error:
        raise ModelStoreError(f"{name}/{CONFIG} describes no model that transformers knows: {_said(error)}") from error
    return config


def check_labels(name: str, config: "PreTrainedConfig", declared: Sequence[str]) -> tuple[str, ...]:
    """The model's labels in the order of its outputs, which must be the declared ones. Raises `ModelStoreError`."""
    id2label = getattr(config, "id2label", None) or {}
    found = tuple(str(id2label[index]) for index in sorted(id2label))
    missing, unknown = sorted(set(declared) - set(found)), sorted(set(found) - set(declared))
    if missing or unknown:
        raise ModelStoreError(
            f"{name} has other labels than its entry: missing label {', '.join(missing) or 'none'}, "
            f"not declared {', '.join(unknown) or 'none'}."
        )
    if len(found) != len(declared) or sorted(id2label) != list(range(len(found))):
        raise ModelStoreError(f"{name} has a label twice, or its labels are not numbered from 0.")
    return found


def load_module(store: ModelStore, name: str, config: "PreTrainedConfig", head: Head) -> "nn.Module":
    """The module in float32 with every weight from the checkpoint, ready for inference.

    Raises `ModelStoreError` when the weights are not safetensors, or not exactly those of the architecture: a weight
    that is missing would be random, and its scores too.
    """
    import torch  # noqa: PLC0415 - heavy
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load  # noqa: PLC0415

    try:
        state = load(store.read(name, WEIGHTS))
    except SafetensorError as error:
        raise ModelStoreError(f"{name}/{WEIGHTS} is not safetensors: {_said(error)}") from error
    try:
        module, report = _class_of(name, config, head).from_pretrained(
            None,
            config=config,
            state_dict=as_transformers(state) if is_timm(json_file(store, name, CONFIG)) else state,
            dtype=torch.float32,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    except ModelStoreError:
        raise
    except Exception as error:
        raise ModelStoreError(f"{name}/{WEIGHTS} does not fit {name}/{CONFIG}: {_said(error)}") from error
    left = {key for key in report.pop("unexpected_keys") if not key.endswith(UNUSED)}
    wrong = {kind: sorted(map(str, keys)) for kind, keys in report.items() if keys}
    if wrong:
        raise ModelStoreError(f"{name}/{WEIGHTS} lacks weights that {name}/{CONFIG} needs: {_said(wrong)}")
    if left:
        raise ModelStoreError(
            f"{name}/{WEIGHTS} has weights that {name}/{CONFIG} has no place for: {_said(sorted(left))}"
        )
    loaded: nn.Module = module.eval().requires_grad_(False)
    return loaded


def _class_of(name: str, config: "PreTrainedConfig", head: Head) -> Any:
    import transformers  # noqa: PLC0415 - heavy
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    mappings: dict[str, Any] = {
        "image": transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING,
        "text": transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
        "similarity": {
            transformers.CLIPConfig: transformers.CLIPModel,
            transformers.SiglipConfig: transformers.SiglipModel,
        },
    }
    try:
        return mappings[head][type(config)]
    except KeyError:
        raise ModelStoreError(f"{name} is a {config.model_type}, which transformers has no {head} model of.") from None


def _keys(document: object) -> Iterator[str]:
    if isinstance(document, Mapping):
        for key, value in document.items():
            if value is not None and key not in {"id2label", "label2id"}:
                yield str(key)
                yield from _keys(value)
    elif isinstance(document, list):
        for value in document:
            yield from _keys(value)


def _layers(document: object, *, counted: bool = False) -> Iterator[float]:
    """Every number of layers that a configuration names, at whatever depth: `counted` says that numbers are some."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from _layers(value, counted="layers" in str(key) or key in LAYER_KEYS)
    elif isinstance(document, list):
        for value in document:
            yield from _layers(value, counted=counted)
    elif counted and isinstance(document, int | float):
        yield document


def _said(problem: object) -> str:
    return " ".join(str(problem).split())[:300]
