import numpy as np
import onnx
import pytest

from moderation.signals.engine.flops import bytes_of_row, flops, peak_bytes
from moderation.signals.engine.graph import with_output
from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.onnx_session import open_onnx
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from tests.signals.engine.modules import a_graph, doubled

X = {"x": np.ones((3, 4), np.float32)}
WEIGHTS = {"w": np.ones((4, 7), np.float32)}


def test_a_product_counts_two_for_each_of_its_sums() -> None:
    model = a_graph(onnx.helper.make_node("MatMul", ["x", "w"], ["y"]), weights=WEIGHTS)
    assert flops(model, X) == 2 * 3 * 4 * 7


def test_a_transposed_gemm_counts_the_same() -> None:
    weights = {"a": np.ones((4, 3), np.float32), "b": np.ones((7, 4), np.float32)}
    node = onnx.helper.make_node("Gemm", ["a", "b"], ["y"], transA=1, transB=1)
    assert flops(a_graph(node, weights=weights), X) == 2 * 3 * 4 * 7


def test_a_convolution_counts_its_kernel_for_every_place_and_channel() -> None:
    weights = {"shape": np.array([1, 4, 1, 3]), "w": np.ones((6, 2, 1, 2), np.float32)}
    nodes = (
        onnx.helper.make_node("Reshape", ["x", "shape"], ["picture"]),
        onnx.helper.make_node("Conv", ["picture", "w"], ["y"], group=2),
    )
    assert flops(a_graph(*nodes, weights=weights), X) == 2 * (6 * 1 * 2) * (2 * 1 * 2)


def test_opennsfw_counts_as_its_layers_add_up(model_store: ModelStore) -> None:
    model = model_store.read("opennsfw", "open-nsfw.onnx")
    frame = {"input:0": np.zeros((1, 224, 224, 3), np.float32)}
    assert flops(model, frame) == pytest.approx(2.14e9, rel=0.01)
    assert flops(model, {"input:0": np.zeros((2, 224, 224, 3), np.float32)}) == 2 * flops(model, frame)


def test_memory_is_what_lives_at_one_time() -> None:
    chain = a_graph(
        onnx.helper.make_node("Add", ["x", "x"], ["a"]),
        onnx.helper.make_node("Add", ["a", "a"], ["b"]),
        onnx.helper.make_node("Add", ["b", "b"], ["y"]),
    )
    one = X["x"].nbytes
    assert peak_bytes(chain, X) == 2 * one
    kept = a_graph(
        onnx.helper.make_node("Add", ["x", "x"], ["a"]),
        onnx.helper.make_node("Add", ["a", "a"], ["b"]),
        onnx.helper.make_node("Add", ["x", "b"], ["y"]),
    )
    assert peak_bytes(kept, X) == 3 * one
    assert bytes_of_row(chain, X) == 2 * (2 * one) / 3


def test_a_value_inside_can_be_had_as_an_output() -> None:
    nodes = (onnx.helper.make_node("Add", ["x", "x"], ["a"]), onnx.helper.make_node("Neg", ["a"], ["y"]))
    found = open_onnx(with_output(a_graph(*nodes), "a"), EngineOptions()).run(X)
    assert found["a"].tolist() == (2 * X["x"]).tolist()
    assert found["y"].tolist() == (-2 * X["x"]).tolist()


def test_what_is_not_in_the_graph_is_refused() -> None:
    with pytest.raises(InferenceError, match="computes no 'nothing'"):
        with_output(doubled(), "nothing")
    with pytest.raises(InferenceError):
        with_output(b"no model", "a")
    with pytest.raises(InferenceError):
        flops(b"no model", X)
