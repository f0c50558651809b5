"""Operations and memory of one call, counted from the graph: with the machine's peak they give the floor."""

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType

from moderation.signals.engine.graph import Graph, Node, read_graph
from moderation.signals.engine.inference import Tensors

SLACK = 2.0
"""A runtime's arena takes about twice the sum of what is alive: OpenNSFW 12 MB a frame where the count says 6.4."""


def flops(model: bytes, inputs: Tensors) -> int:
    """Floating-point or integer operations of all matrix products and convolutions of one call with these inputs.

    A multiplication and an addition count two, as is usual for GEMM (2·m·n·k); everything else in such networks is
    about a hundredth of it. Raises `InferenceError`.
    """
    graph = read_graph(model, inputs)
    return sum(COUNTED[node.operation](graph, node) for node in graph.nodes if node.operation in COUNTED)


def peak_bytes(model: bytes, inputs: Tensors) -> int:
    """The most bytes that inputs and values between the nodes take at one time, weights left out.

    A value lives from the node that makes it to the last that reads it; a runtime that fuses nodes needs less.
    Raises `InferenceError`.
    """
    graph = read_graph(model, inputs)
    last = {name: place for place, node in enumerate(graph.nodes) for name in (*node.outputs, *node.inputs)}
    live = most = sum(graph.bytes[name] for name in inputs)
    for place, node in enumerate(graph.nodes):
        live += sum(graph.bytes.get(name, 0) for name in node.outputs)
        most = max(most, live)
        live -= sum(graph.bytes.get(name, 0) for name in {*node.inputs, *node.outputs} if last[name] == place)
    return most


def bytes_of_row(model: bytes, example: Tensors) -> int:
    """Bytes that one row of the example takes on its way through the graph. Raises `InferenceError`."""
    row = {name: array[:1] for name, array in example.items()}
    return round(SLACK * peak_bytes(model, row))


def _product(graph: Graph, node: Node) -> int:
    """Every element of the output is a sum over the left side's last axis."""
    return 2 * prod(graph.shapes[node.outputs[0]]) * graph.shapes[node.inputs[0]][-1]


def _gemm(graph: Graph, node: Node) -> int:
    inner = 0 if node.transposed[0] else -1
    return 2 * prod(graph.shapes[node.outputs[0]]) * graph.shapes[node.inputs[0]][inner]


def _convolution(graph: Graph, node: Node) -> int:
    """Every element of the output is a sum over one kernel: (channels of its group) · height · width."""
    return 2 * prod(graph.shapes[node.outputs[0]]) * prod(graph.shapes[node.inputs[1]][1:])


COUNTED: Mapping[str, Callable[[Graph, Node], int]] = MappingProxyType(
    {
        "MatMul": _product,
        "MatMulInteger": _product,
        "Gemm": _gemm,
        "Conv": _convolution,
        "ConvInteger": _convolution,
    }
)
