import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError
from moderation.signals.engine.batcher import Batcher
from moderation.signals.engine.inference import Array, ClosedError, InferenceError, InferenceTimeoutError, Tensors
from moderation.signals.engine.onnx_session import open_onnx
from moderation.signals.engine.options import EngineOptions, Plan
from tests.signals.engine.modules import doubled
from tests.signals.engine.test_engine import a_plan


class Squaring:
    """y = x², with what was asked of it; a negative number is an error."""

    def __init__(self, delay: float = 0.0) -> None:
        self.batches: list[int] = []
        self.delay = delay
        self.closed = 0

    @property
    def plan(self) -> Plan:
        return a_plan(8)

    def run(self, inputs: Tensors) -> dict[str, Array]:
        x = np.asarray(inputs["x"], np.float64)
        self.batches.append(len(x))
        time.sleep(self.delay)
        if (x < 0).any():
            raise InferenceError("a negative number")
        return {"y": x**2}

    def close(self) -> None:
        self.closed += 1


def row(*values: float) -> Tensors:
    return {"x": np.array(values)}


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=30),
    most=st.integers(1, 9),
    wait_ms=st.sampled_from([0.0, 1.0, 5.0]),
)
@settings(max_examples=25, deadline=None)
def test_every_request_gets_its_own_rows_from_however_many_threads(sizes: list[int], most: int, wait_ms: float) -> None:
    model = Squaring()
    batcher = Batcher(model, EngineOptions(max_batch=most, wait_ms=wait_ms))
    requests = [np.arange(size) + 100.0 * number for number, size in enumerate(sizes)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: batcher.run({"x": x})["y"], requests))
    batcher.close()
    assert [array.tolist() for array in found] == [(x**2).tolist() for x in requests]
    assert sum(model.batches) == sum(sizes)
    assert max(model.batches) <= max(most, *sizes)


def test_requests_that_come_together_share_a_batch() -> None:
    model = Squaring()
    batcher = Batcher(model, EngineOptions(max_batch=4, wait_ms=10_000))
    answers = [batcher.submit(row(number)) for number in range(8)]
    assert [answer.result(10)["y"].tolist() for answer in answers] == [[float(n**2)] for n in range(8)]
    assert model.batches == [4, 4]
    batcher.close()


def test_a_lonely_request_waits_no_longer_than_it_must() -> None:
    batcher = Batcher(Squaring(), EngineOptions(max_batch=1000, wait_ms=50))
    begin = time.monotonic()
    assert batcher.run(row(3.0))["y"].tolist() == [9.0]
    assert 0.045 < time.monotonic() - begin < 5
    batcher.close()


def test_an_error_reaches_its_own_batch_and_no_other() -> None:
    batcher = Batcher(Squaring(delay=0.01), EngineOptions(max_batch=2, wait_ms=10_000))
    answers = [batcher.submit(row(number)) for number in (1, -1, 2, 3)]
    for answer in answers[:2]:
        with pytest.raises(InferenceError, match="negative"):
            answer.result(10)
    assert [answer.result(10)["y"].tolist() for answer in answers[2:]] == [[4.0], [9.0]]
    batcher.close()


def test_requests_of_different_shapes_and_types_do_not_meet() -> None:
    batcher = Batcher(open_onnx(doubled(), EngineOptions()), EngineOptions(max_batch=8, wait_ms=20))
    good = [{"x": np.full((1, 4), number, np.float32)} for number in range(6)]
    bad: list[Tensors] = [{"x": np.zeros((1, 5), np.float32)}, {"x": np.zeros((1, 4))}, {"z": np.zeros((1, 4))}]
    answers = [batcher.submit(inputs) for inputs in (*good[:3], *bad, *good[3:])]
    assert [float(answer.result(10)["y"].max()) for answer in (*answers[:3], *answers[6:])] == [0, 2, 4, 6, 8, 10]
    for answer in answers[3:6]:
        with pytest.raises(InferenceError):
            answer.result(10)
    batcher.close()


def test_a_request_without_rows_is_refused_at_once() -> None:
    batcher = Batcher(Squaring(), EngineOptions())
    with pytest.raises(InvalidInputError):
        batcher.submit({"x": np.zeros(0)})
    batcher.close()


def test_closing_finishes_what_waits_and_refuses_the_rest() -> None:
    model = Squaring(delay=0.02)
    batcher = Batcher(model, EngineOptions(max_batch=2, wait_ms=60_000))
    answers = [batcher.submit(row(number)) for number in range(5)]
    batcher.close()
    assert [answer.result(0)["y"].tolist() for answer in answers] == [[float(n**2)] for n in range(5)]
    with pytest.raises(ClosedError):
        batcher.run(row(1.0))
    batcher.close()
    assert model.closed == 2


class Hanging(Squaring):
    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def run(self, inputs: Tensors) -> dict[str, Array]:
        assert self.go.wait(30)
        return super().run(inputs)


def test_nobody_waits_for_a_model_that_hangs() -> None:
    model = Hanging()
    batcher = Batcher(model, EngineOptions(max_batch=1, wait_ms=0, call_seconds=0.2))
    with pytest.raises(InferenceTimeoutError):
        batcher.run(row(1.0))
    hung, waiting = batcher.submit(row(2.0)), batcher.submit(row(3.0))
    batcher.close()
    for answer in (hung, waiting):
        with pytest.raises((ClosedError, InferenceError)):
            answer.result(0)
    model.go.set()


def rush(batcher: Batcher, answers: "list[Future[dict[str, Array]]]", number: int) -> None:
    """Send one request after the other until they are refused."""
    for step in range(100_000):
        try:
            answers.append(batcher.submit(row(number * 100_000 + step)))
        except ClosedError:
            return
        time.sleep(random.Random(number * step).random() * 0.0005)
    raise AssertionError("never refused")


def test_closing_in_the_middle_of_a_rush_leaves_no_request_without_an_answer() -> None:
    for turn in range(5):
        batcher = Batcher(Squaring(delay=0.0005), EngineOptions(max_batch=3, wait_ms=1))
        lists: list[list[Future[dict[str, Array]]]] = [[] for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            rushes = [pool.submit(rush, batcher, answers, number) for number, answers in enumerate(lists)]
            time.sleep(0.005 + 0.003 * turn)
            batcher.close()
            for done in rushes:
                done.result(10)
        for number, answers in enumerate(lists):
            found = [float(answer.result(0)["y"][0]) for answer in answers]
            assert found == [float((number * 100_000 + step) ** 2) for step in range(len(answers))]
