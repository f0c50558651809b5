from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.onnx_session import open_onnx
from moderation.signals.engine.options import EngineOptions
from moderation.signals.engine.self_contained import check_self_contained
from tests.signals.engine.modules import doubled

SECRET = np.arange(4, dtype=np.float32)


def outside(place: str, name: str = "weights") -> TensorProto:
    """A tensor whose numbers are in another file."""
    tensor = numpy_helper.from_array(SECRET, name)
    length = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", place), ("offset", "0"), ("length", str(length))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def a_model(nodes: list[onnx.NodeProto], weights: list[TensorProto]) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 4])
    graph = helper.make_graph(nodes, "outside", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def as_initializer(place: str) -> onnx.ModelProto:
    return a_model([helper.make_node("Add", ["x", "weights"], ["y"])], [outside(place)])


def as_constant(place: str) -> onnx.ModelProto:
    constant = helper.make_node("Constant", [], ["weights"], value=outside(place))
    return a_model([constant, helper.make_node("Add", ["x", "weights"], ["y"])], [])


def in_a_branch(place: str) -> onnx.ModelProto:
    out = helper.make_tensor_value_info("chosen", TensorProto.FLOAT, [4])
    constant = helper.make_node("Constant", [], ["chosen"], value=outside(place))
    branch = helper.make_graph([constant], "branch", [], [out])
    choice = helper.make_node("If", ["yes"], ["weights"], then_branch=branch, else_branch=branch)
    yes = numpy_helper.from_array(np.array(True), "yes")
    return a_model([choice, helper.make_node("Add", ["x", "weights"], ["y"])], [yes])


def in_a_function(place: str) -> onnx.ModelProto:
    model = a_model([helper.make_node("Plus", ["x"], ["y"], domain="own")], [])
    constant = helper.make_node("Constant", [], ["weights"], value=outside(place))
    steps = [constant, helper.make_node("Add", ["x", "weights"], ["y"])]
    opsets = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("own", "Plus", ["x"], ["y"], steps, opsets))
    model.opset_import.append(helper.make_opsetid("own", 1))
    return model


def sparse(place: str) -> onnx.ModelProto:
    indices = numpy_helper.from_array(np.arange(4), "indices")
    model = a_model([helper.make_node("Add", ["x", "weights"], ["y"])], [])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(outside(place), indices, [4]))
    return model


@pytest.mark.parametrize("make", [as_initializer, as_constant, in_a_branch, in_a_function, sparse])
@pytest.mark.parametrize("absolute", [True, False])
def test_weights_in_other_files_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: "object", absolute: bool
) -> None:
    assert callable(make)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(SECRET.tobytes())
    model = make(str(tmp_path / "weights.bin") if absolute else "weights.bin").SerializeToString()
    with pytest.raises(InferenceError, match="other files") as refused:
        open_onnx(model, EngineOptions())
    assert refused.value.hint


def test_a_reference_without_the_mark_is_one_too() -> None:
    model = as_initializer("weights.bin")
    model.graph.initializer[0].data_location = TensorProto.DEFAULT
    with pytest.raises(InferenceError, match="other files"):
        check_self_contained(model.SerializeToString())


def test_what_has_its_weights_inside_is_taken() -> None:
    check_self_contained(doubled())


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(InferenceError, match="no ONNX model"):
        check_self_contained(b"\x80\x04pickle")
