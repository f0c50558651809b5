"""ONNX graphs of convolutional networks, computed by torch node by node: the slow and obvious reference."""

from collections.abc import Callable, Mapping
from typing import Any

import onnx
import torch
from torch.nn import functional


def run_in_torch(model: onnx.ModelProto, array: Any) -> dict[str, torch.Tensor]:
    """Every value of a graph with one input, by name. Raises `KeyError` for an operation that it does not know."""
    values = {weight.name: torch.tensor(onnx.numpy_helper.to_array(weight)) for weight in model.graph.initializer}
    values[model.graph.input[0].name] = torch.tensor(array)
    with torch.inference_mode():
        for node in model.graph.node:
            given = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            inputs = [values[name] for name in node.input]
            values[node.output[0]] = OPERATIONS[node.op_type](inputs, given)
    return values


def _padded(array: torch.Tensor, given: Mapping[str, Any], value: float) -> torch.Tensor:
    top, left, bottom, right = given.get("pads", [0, 0, 0, 0])
    return functional.pad(array, (left, right, top, bottom), value=value)


OPERATIONS: Mapping[str, Callable[[list[torch.Tensor], Mapping[str, Any]], torch.Tensor]] = {
    "Transpose": lambda x, given: x[0].permute(*given["perm"]),
    "Conv": lambda x, given: functional.conv2d(_padded(x[0], given, 0.0), x[1], x[2], stride=given["strides"]),
    "Relu": lambda x, _: functional.relu(x[0]),
    "MaxPool": lambda x, given: functional.max_pool2d(
        _padded(x[0], given, float("-inf")), given["kernel_shape"], given["strides"]
    ),
    "AveragePool": lambda x, given: functional.avg_pool2d(x[0], given["kernel_shape"], given["strides"]),
    "Reshape": lambda x, _: x[0].reshape(*x[1].tolist()),
    "MatMul": lambda x, _: x[0] @ x[1],
    "Add": lambda x, _: x[0] + x[1],
    "Softmax": lambda x, given: functional.softmax(x[0], given["axis"]),
}
