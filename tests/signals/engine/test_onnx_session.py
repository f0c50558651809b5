import time

import numpy as np
import onnx
import onnxruntime
import pytest

from moderation.domain.errors import UnavailableError
from moderation.signals.engine.devices import CUDA_PROVIDER
from moderation.signals.engine.inference import InferenceError, InferenceTimeoutError
from moderation.signals.engine.onnx_session import open_onnx, session_options
from moderation.signals.engine.options import Backend, Device, EngineOptions, Precision
from tests.signals.engine.modules import a_graph, doubled, endless

X = {"x": np.ones((3, 4), np.float32)}


def test_it_runs_what_it_was_given() -> None:
    engine = open_onnx(doubled(), EngineOptions(max_batch=2))
    assert engine.run(X)["y"].tolist() == (X["x"] * 2).tolist()
    plan = engine.plan
    assert (plan.device, plan.precision, plan.backend, plan.rows) == (
        Device.CPU,
        Precision.FLOAT32,
        Backend.ONNXRUNTIME,
        2,
    )


def test_memory_bounds_the_rows_computed_at_once() -> None:
    options = EngineOptions(max_batch=32, memory_mb=100)
    assert open_onnx(doubled(), options, row_bytes=30_000_000).plan.rows == 3
    with pytest.raises(InferenceError, match="One row takes about 200 MB"):
        open_onnx(doubled(), options, row_bytes=200_000_000)


def test_threads_are_bounded_and_sleep_while_they_wait() -> None:
    made = session_options(EngineOptions(threads=3))
    assert (made.intra_op_num_threads, made.inter_op_num_threads) == (3, 1)
    assert made.get_session_config_entry("session.intra_op.allow_spinning") == "0"


@pytest.mark.skipif(CUDA_PROVIDER in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")
def test_a_device_that_is_named_but_absent_is_refused() -> None:
    with pytest.raises(UnavailableError, match="CUDA"):
        open_onnx(doubled(), EngineOptions(device=Device.CUDA))


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(InferenceError, match="cannot be loaded"):
        open_onnx(b"not a model", EngineOptions())


def test_an_output_that_is_not_there_is_refused() -> None:
    with pytest.raises(InferenceError, match="no output z; it has y"):
        open_onnx(doubled(), EngineOptions(), outputs=("z",))


def test_inputs_that_do_not_fit_are_an_error_of_this_call_only() -> None:
    engine = open_onnx(doubled(), EngineOptions())
    with pytest.raises(InferenceError):
        engine.run({"x": np.ones((1, 5), np.float32)})
    assert engine.run(X)["y"].shape == (3, 4)


def test_a_call_that_takes_too_long_is_stopped_and_the_next_one_runs() -> None:
    engine = open_onnx(endless(), EngineOptions(call_seconds=0.3))
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(InferenceTimeoutError):
            engine.run(X)
        assert time.monotonic() - begin < 10


def test_an_answer_without_rows_is_an_error() -> None:
    model = a_graph(onnx.helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0))
    with pytest.raises(InferenceError, match="other than 3 rows"):
        open_onnx(model, EngineOptions()).run(X)
