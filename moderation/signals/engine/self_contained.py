"""An ONNX model must be all of itself: what it reads from elsewhere has no digest, and nobody compared it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from moderation.signals.engine.inference import InferenceError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto


def check_self_contained(model: bytes) -> None:
    """Raise `InferenceError` when the bytes are no ONNX model, or keep a tensor in another file."""
    import onnx  # noqa: PLC0415 - heavy

    try:
        proto = onnx.load_model_from_string(model)
    except Exception as error:
        raise InferenceError(f"The bytes cannot be loaded, for they are no ONNX model: {error}") from error
    external = onnx.TensorProto.EXTERNAL
    outside = {tensor.name for tensor in _tensors(proto) if tensor.data_location == external or tensor.external_data}
    if outside:
        names = ", ".join(sorted(name[:100] or "a constant" for name in outside)[:5])
        raise InferenceError(
            f"The ONNX model keeps weights in other files ({names}), which no digest covers.",
            hint="Save it as one file, with its weights inside.",
        )


def _tensors(proto: "ModelProto") -> Iterator["TensorProto"]:
    """Every tensor of the model, also those in branches, loops and functions."""
    yield from _of_graph(proto.graph)
    for function in proto.functions:
        for node in function.node:
            yield from _of_node(node)


def _of_graph(graph: "GraphProto") -> Iterator["TensorProto"]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        yield from _of_node(node)


def _of_node(node: "NodeProto") -> Iterator["TensorProto"]:
    for attribute in node.attribute:
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for graph in (attribute.g, *attribute.graphs):
            yield from _of_graph(graph)
