"""Small real models and small hand-made graphs for the engine's tests."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, ViTConfig, ViTForImageClassification

from moderation.domain.ids import Digest
from moderation.signals.engine.inference import Tensors
from moderation.signals.engine.source import ModuleSource

SIDE = 32
TINY: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "num_labels": 3,
}


def pictures(rows: int, seed: int = 0) -> Tensors:
    return {"pixel_values": np.random.default_rng(seed).standard_normal((rows, 3, SIDE, SIDE)).astype(np.float32)}


def texts(rows: int, length: int, seed: int = 0) -> Tensors:
    """Token ids of various lengths, padded with zeros that the mask hides."""
    rng = np.random.default_rng(seed)
    mask = (np.arange(length) < rng.integers(2, length + 1, (rows, 1))).astype(np.int64)
    return {"input_ids": rng.integers(1, 100, (rows, length)) * mask, "attention_mask": mask}


def vit() -> nn.Module:
    torch.manual_seed(1)
    module: nn.Module = ViTForImageClassification(ViTConfig(**TINY, image_size=SIDE, patch_size=8))
    return module.train(mode=False)


def bert() -> nn.Module:
    torch.manual_seed(2)
    module: nn.Module = BertForSequenceClassification(BertConfig(**TINY, vocab_size=100))
    return module.train(mode=False)


def vit_source(load: Callable[[], nn.Module] = vit, digest: str = "1" * 64) -> ModuleSource:
    return ModuleSource("tiny vit", Digest(digest), load, pictures(4))


def bert_source() -> ModuleSource:
    lengths = frozenset({"input_ids", "attention_mask"})
    return ModuleSource("tiny bert", Digest("2" * 64), bert, texts(4, 12), lengths=lengths)


def a_graph(*nodes: onnx.NodeProto, weights: dict[str, np.ndarray] | None = None, width: int = 4) -> bytes:
    """A model from `x` of shape (rows, width) to `y`."""
    graph = onnx.helper.make_graph(
        list(nodes),
        "test",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", width])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def doubled() -> bytes:
    """y = x + x."""
    return a_graph(onnx.helper.make_node("Add", ["x", "x"], ["y"]))


def endless(turns: int = 10**9) -> bytes:
    """Adds x to itself over and over: a call that only ends when it is stopped."""
    body = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Identity", ["on"], ["on_out"]),
            onnx.helper.make_node("Sin", ["value"], ["value_out"]),
        ],
        "body",
        [
            onnx.helper.make_tensor_value_info("turn", onnx.TensorProto.INT64, []),
            onnx.helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, []),
            onnx.helper.make_tensor_value_info("value", onnx.TensorProto.FLOAT, None),
        ],
        [
            onnx.helper.make_tensor_value_info("on_out", onnx.TensorProto.BOOL, []),
            onnx.helper.make_tensor_value_info("value_out", onnx.TensorProto.FLOAT, None),
        ],
    )
    return a_graph(
        onnx.helper.make_node("Loop", ["turns", "start", "x"], ["y"], body=body),
        weights={"turns": np.array(turns), "start": np.array(True)},
    )
