"""The sizes of everything inside an ONNX graph for given inputs, found by running it: inference gives up early."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moderation.signals.engine.inference import InferenceError, Tensors
from moderation.signals.engine.onnx_session import CPU_PROVIDER, session_options
from moderation.signals.engine.options import EngineOptions

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `transposed` says it of both sides of a `Gemm`."""

    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    transposed: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in the order they run; shapes of weights, inputs and everything computed; bytes of all but the weights."""

    nodes: tuple[Node, ...]
    shapes: Mapping[str, Shape]
    bytes: Mapping[str, int]


def read_graph(model: bytes, inputs: Tensors) -> Graph:
    """Run the model once, without any optimisation, and note what every node made. Raises `InferenceError`."""
    import onnx  # noqa: PLC0415 - heavy
    import onnxruntime  # noqa: PLC0415 - heavy

    try:
        proto = onnx.load_model_from_string(model)
        wanted = with_all_outputs(proto)
        options = session_options(EngineOptions())
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=[CPU_PROVIDER])
        found = dict(zip(wanted, session.run(wanted, dict(inputs)), strict=True))
    except Exception as error:
        raise InferenceError(f"The model's graph cannot be read: {error}") from error
    values = {name: value for name, value in {**inputs, **found}.items() if hasattr(value, "nbytes")}
    weights = {weight.name: tuple(weight.dims) for weight in proto.graph.initializer}
    return Graph(
        nodes=tuple(_node(node) for node in proto.graph.node),
        shapes={**weights, **{name: tuple(value.shape) for name, value in values.items()}},
        bytes={name: value.nbytes for name, value in values.items()},
    )


def with_all_outputs(proto: "ModelProto") -> list[str]:
    """Make every value that a node computes an output of the graph; their names."""
    import onnx  # noqa: PLC0415 - heavy

    names = list(dict.fromkeys(name for node in proto.graph.node for name in node.output if name))
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return names


def with_output(model: bytes, name: str) -> bytes:
    """The same model with one more output, a value that it computes anyway. Raises `InferenceError`."""
    import onnx  # noqa: PLC0415 - heavy

    try:
        proto = onnx.load_model_from_string(model)
    except Exception as error:
        raise InferenceError(f"The model's graph cannot be read: {error}") from error
    if not any(name in node.output for node in proto.graph.node):
        raise InferenceError(f"The model computes no {name!r}.")
    if not any(output.name == name for output in proto.graph.output):
        proto.graph.output.append(onnx.ValueInfoProto(name=name))
    return bytes(proto.SerializeToString())


def _node(proto: "NodeProto") -> Node:
    given = {attribute.name for attribute in proto.attribute if attribute.i}
    return Node(proto.op_type, tuple(proto.input), tuple(proto.output), ("transA" in given, "transB" in given))
