import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from moderation.signals.engine.export import quantised
from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.onnx_session import open_onnx
from moderation.signals.engine.options import EngineOptions
from moderation.signals.engine.row_wise import row_wise
from tests.signals.engine.modules import a_graph, doubled

RNG = np.random.default_rng(3)
WEIGHTS = {
    "w": RNG.standard_normal((64, 32)).astype(np.float32),
    "v": RNG.standard_normal((32, 8)).astype(np.float32),
    "bias": RNG.standard_normal(8).astype(np.float32),
}


def two_products() -> bytes:
    """y = relu(x w) v + bias, in float32."""
    return a_graph(
        onnx.helper.make_node("MatMul", ["x", "w"], ["hidden"]),
        onnx.helper.make_node("Relu", ["hidden"], ["shown"]),
        onnx.helper.make_node("MatMul", ["shown", "v"], ["product"]),
        onnx.helper.make_node("Add", ["product", "bias"], ["y"]),
        weights=WEIGHTS,
        width=64,
    )


def rows(count: int, *, largest: float = 1.0) -> NDArray[np.float32]:
    values = np.random.default_rng(4).standard_normal((count, 64)).astype(np.float32)
    values[1:] *= largest
    return values


def answer(model: bytes, x: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = open_onnx(model, EngineOptions()).run({"x": x})["y"]
    return found


def quantised_by_the_library(model: bytes) -> bytes:
    """Without the change: what `quantize_dynamic` makes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moderation.signals.engine.export.row_wise", lambda made: made)
        return quantised(model)


def test_a_row_keeps_its_answer_whatever_stands_beside_it() -> None:
    model = quantised(two_products())
    alone = answer(model, rows(1))
    for largest in (0.01, 1.0, 1000.0):
        assert answer(model, rows(6, largest=largest))[0] == pytest.approx(alone[0], rel=1e-5, abs=1e-5)


def test_without_it_a_row_changes_with_its_neighbours() -> None:
    model = quantised_by_the_library(two_products())
    assert np.abs(answer(model, rows(6, largest=1000.0))[0] - answer(model, rows(1))[0]).max() > 1


def test_it_is_no_less_exact_among_equals_and_far_more_among_unequals() -> None:
    model, library = quantised(two_products()), quantised_by_the_library(two_products())
    for largest, times in ((1.0, 1.5), (50.0, 0.5)):
        x = rows(200, largest=largest)
        x[::2] /= largest
        exact = answer(two_products(), x)[::2]
        ours, theirs = (np.abs(answer(each, x)[::2] - exact).mean() for each in (model, library))
        assert ours < times * theirs


def test_a_row_of_zeros_is_zero() -> None:
    assert answer(quantised(two_products()), np.zeros((2, 64), np.float32))[0] == pytest.approx(WEIGHTS["bias"])


def test_every_matrix_product_stays_an_integer_product() -> None:
    proto = onnx.load_model_from_string(quantised(two_products()))
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds.count("MatMulInteger") == 2
    assert "MatMul" not in kinds
    assert "DynamicQuantizeLinear" not in kinds


def test_what_is_not_quantised_stays_as_it_is() -> None:
    assert row_wise(doubled()) == doubled()


def test_a_quantiser_that_something_else_reads_stays() -> None:
    nodes = (
        onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        onnx.helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
    )
    assert row_wise(a_graph(*nodes)) == a_graph(*nodes)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(InferenceError):
        row_wise(b"no model")
