"""int8 graphs in which a row's scores do not depend on the rows beside it.

ONNX Runtime's dynamic quantisation takes one range of activations for a whole call, so that a text's score moves with
the texts that happen to share its batch: by up to 0.23 with a trained classifier. Here each row of a matrix product,
a token or a patch, has its own range.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from moderation.signals.engine.inference import Array, InferenceError

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

ZERO = "row_zero"
CONSTANTS: Mapping[str, Array] = MappingProxyType(
    {
        ZERO: np.array(128, np.uint8),
        "row_middle": np.array(128, np.float32),
        "row_top": np.array(127, np.float32),
        "row_least": np.array(1e-12, np.float32),
        "row_axis": np.array([-1], np.int64),
    }
)
"""Activations are symmetric around 128: the integer product of ONNX Runtime has one zero point for all rows."""


def row_wise(model: bytes) -> bytes:
    """The same model with each activation quantised by its own row's range; its weights stay as they are.

    Everything that `quantize_dynamic` makes of matrix products is changed; what else it quantised stays. Raises
    `InferenceError` when the bytes are no model.
    """
    import onnx  # noqa: PLC0415 - heavy

    try:
        proto = onnx.load_model_from_string(model)
    except Exception as error:
        raise InferenceError(f"The model's graph cannot be read: {error}") from error
    graph = proto.graph
    found = _quantisers(graph)
    if not found:
        return model
    del graph.value_info[:]
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in CONSTANTS.items())
    nodes = list(_rewritten(graph.node, found))
    del graph.node[:]
    graph.node.extend(nodes)
    return bytes(proto.SerializeToString())


@dataclass(frozen=True, slots=True)
class _Quantiser:
    """One `DynamicQuantizeLinear`: what it reads, and the names of what it makes."""

    values: str
    quantised: str
    scale: str
    zero: str


def _quantisers(graph: "GraphProto") -> dict[str, _Quantiser]:
    """By the name of their quantised output, those that only matrix products read, as their left side."""
    makers = [_Quantiser(node.input[0], *node.output) for node in graph.node if node.op_type == "DynamicQuantizeLinear"]
    return {maker.quantised: maker for maker in makers if all(_fits(node, maker) for node in graph.node)}


def _fits(node: "NodeProto", maker: _Quantiser) -> bool:
    """Whether a node reads the quantiser's outputs in the places that can be changed, or not at all."""
    read = set(node.input) & {maker.quantised, maker.zero}
    if node.op_type == "MatMulInteger":
        return not read or (node.input[0] == maker.quantised and node.input[2] == maker.zero)
    return not read and (maker.scale not in node.input or node.op_type == "Mul")


def _rewritten(nodes: Sequence["NodeProto"], found: Mapping[str, _Quantiser]) -> Iterator["NodeProto"]:
    """The nodes in order, with the quantisers in small steps, and scales multiplied one after the other."""
    from onnx import helper  # noqa: PLC0415 - heavy

    scales = {maker.scale for maker in found.values()}
    products = _scale_products(nodes, scales)
    for node in nodes:
        if node.op_type == "DynamicQuantizeLinear" and node.output[0] in found:
            yield from _steps(found[node.output[0]])
        elif node.op_type == "MatMulInteger" and node.input[0] in found:
            node.input[2] = ZERO
            yield node
        elif node.output[0] in products:
            continue
        elif node.op_type == "Mul" and (product := next((name for name in node.input if name in products), "")):
            row_scale, weight_scale = products[product]
            other = next(name for name in node.input if name != product)
            yield helper.make_node("Mul", [other, row_scale], [f"{node.output[0]}_row"])
            yield helper.make_node("Mul", [f"{node.output[0]}_row", weight_scale], list(node.output))
        else:
            yield node


def _scale_products(nodes: Sequence["NodeProto"], scales: set[str]) -> dict[str, tuple[str, str]]:
    """Products of a row's scale and the weights' scales, which only other products read: (row's, weights')."""
    found = {
        node.output[0]: (node.input[0], node.input[1]) if node.input[0] in scales else (node.input[1], node.input[0])
        for node in nodes
        if node.op_type == "Mul" and len(scales & set(node.input)) == 1
    }
    readers = [(name, node) for node in nodes for name in node.input if name in found]
    wrong = {name for name, node in readers if node.op_type != "Mul" or len(set(node.input) & set(found)) > 1}
    return {name: pair for name, pair in found.items() if name not in wrong and _reads_integers(name, readers, nodes)}


def _reads_integers(name: str, readers: Sequence[tuple[str, "NodeProto"]], nodes: Sequence["NodeProto"]) -> bool:
    """Whether every reader multiplies it with a converted integer product."""
    casts = {node.output[0] for node in nodes if node.op_type == "Cast"}
    return all(set(node.input) - {name} <= casts for read, node in readers if read == name)


def _steps(maker: _Quantiser) -> Iterator["NodeProto"]:
    """The scale is max|row| / 127, the quantised value round(x / scale) + 128."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - heavy

    def name(step: str) -> str:
        return f"{maker.quantised}_{step}"

    yield helper.make_node("Abs", [maker.values], [name("size")])
    yield helper.make_node("ReduceMax", [name("size"), "row_axis"], [name("most")], keepdims=1)
    yield helper.make_node("Max", [name("most"), "row_least"], [name("range")])
    yield helper.make_node("Div", [name("range"), "row_top"], [maker.scale])
    yield helper.make_node("Div", ["row_top", name("range")], [name("factor")])
    yield helper.make_node("Mul", [maker.values, name("factor")], [name("scaled")])
    yield helper.make_node("Round", [name("scaled")], [name("rounded")])
    yield helper.make_node("Add", [name("rounded"), "row_middle"], [name("shifted")])
    yield helper.make_node("Cast", [name("shifted")], [maker.quantised], to=TensorProto.UINT8)
