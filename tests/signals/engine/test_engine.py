import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError
from moderation.signals.engine.engine import Engine
from moderation.signals.engine.inference import Array, ClosedError, InferenceError, Tensors
from moderation.signals.engine.options import Backend, Device, Plan, Precision


def a_plan(rows: int) -> Plan:
    return Plan(Device.CPU, Precision.FLOAT32, Backend.ONNXRUNTIME, rows, "a test")


class Doubling:
    """Doubles x, and notes how many rows it was given."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.closed = 0

    def run(self, inputs: Tensors) -> dict[str, Array]:
        x = np.asarray(inputs["x"], np.float64)
        self.sizes.append(len(x))
        return {"y": x * 2}

    def close(self) -> None:
        self.closed += 1


@given(rows=st.integers(1, 40), most=st.integers(1, 12))
def test_large_calls_are_split_and_every_row_keeps_its_place(rows: int, most: int) -> None:
    runner = Doubling()
    x = np.arange(rows, dtype=np.float64)
    found = Engine(runner, a_plan(most)).run({"x": x})
    assert found["y"].tolist() == (x * 2).tolist()
    assert max(runner.sizes) <= most
    assert sum(runner.sizes) == rows


@pytest.mark.parametrize(
    "inputs", [{}, {"x": np.zeros((0, 2))}, {"x": np.zeros(2), "z": np.zeros(3)}, {"x": np.array(1.0)}]
)
def test_inputs_without_one_number_of_rows_are_refused(inputs: Tensors) -> None:
    with pytest.raises(InvalidInputError):
        Engine(Doubling(), a_plan(4)).run(inputs)


class Losing(Doubling):
    """Loses a row."""

    def run(self, inputs: Tensors) -> dict[str, Array]:
        return {"y": np.asarray(inputs["x"])[1:]}


def test_an_answer_with_another_number_of_rows_is_an_error() -> None:
    with pytest.raises(InferenceError, match="other than 3 rows"):
        Engine(Losing(), a_plan(4)).run({"x": np.zeros(3)})


def test_a_closed_model_refuses_and_lets_go_once() -> None:
    runner = Doubling()
    engine = Engine(runner, a_plan(4))
    engine.close()
    engine.close()
    assert runner.closed == 1
    with pytest.raises(ClosedError):
        engine.run({"x": np.zeros(1)})


class Waiting(Doubling):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go = threading.Event(), threading.Event()

    def run(self, inputs: Tensors) -> dict[str, Array]:
        self.entered.set()
        assert self.go.wait(10)
        assert not self.closed
        return super().run(inputs)


def test_a_call_under_way_ends_before_the_memory_goes() -> None:
    runner = Waiting()
    engine = Engine(runner, a_plan(4))
    found: list[dict[str, Array]] = []
    caller = threading.Thread(target=lambda: found.append(engine.run({"x": np.ones(1)})))
    caller.start()
    assert runner.entered.wait(10)
    engine.close()
    assert runner.closed == 0
    runner.go.set()
    caller.join(10)
    assert found[0]["y"].tolist() == [2.0]
    assert runner.closed == 1
