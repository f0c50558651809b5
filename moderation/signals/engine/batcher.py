"""Gathers single requests of several threads into batches, with a bound on how long any of them waits."""

import threading
import time
from collections import deque
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from moderation.signals.engine.inference import (
    Array,
    ClosedError,
    Inference,
    InferenceTimeoutError,
    Tensors,
    row_count,
)
from moderation.signals.engine.options import EngineOptions, Plan

Kind = tuple[tuple[str, str, tuple[int, ...]], ...]
"""Names, types and row shapes of a request's arrays: only requests that agree in them can share a batch."""


@dataclass(slots=True, eq=False)
class _Request:
    inputs: Tensors
    rows: int
    kind: Kind
    due: float
    answer: "Future[dict[str, Array]]" = field(default_factory=Future)


class Batcher:
    """An `Inference` in front of another that callers share: one thread of its own runs whole batches.

    A batch holds the oldest request and those that agree with it in kind; it starts when it has `max_batch` rows or
    its first request has waited `wait_ms`. A batch that fails fails for its own requests alone. Closing refuses new
    requests, finishes those that wait, and closes the model; what a hung batch keeps from an answer then fails.
    """

    def __init__(self, inference: Inference, options: EngineOptions) -> None:
        self._inference = inference
        self._most = options.max_batch
        self._wait = options.wait_ms / 1000
        self._seconds = options.call_seconds
        self._waiting: deque[_Request] = deque()
        self._running: list[_Request] = []
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="batcher", daemon=True)
        self._thread.start()

    @property
    def plan(self) -> Plan:
        """See `Inference.plan`."""
        return self._inference.plan

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """See `Inference.run`. Raises `InferenceTimeoutError` after `call_seconds`, the wait for others included."""
        answer = self.submit(inputs)
        try:
            return answer.result(self._seconds)
        except FutureTimeoutError:
            answer.cancel()
            raise InferenceTimeoutError(f"A model did not answer within {self._seconds:g} s.") from None

    def submit(self, inputs: Tensors) -> "Future[dict[str, Array]]":
        """The answer to come. Raises `InvalidInputError` and `ClosedError` at once; other errors are the answer's."""
        kind = tuple((name, str(array.dtype), array.shape[1:]) for name, array in sorted(inputs.items()))
        request = _Request(dict(inputs), row_count(inputs), kind, time.monotonic() + self._wait)
        with self._news:
            if self._closed:
                raise ClosedError("The model was closed.")
            self._waiting.append(request)
            self._news.notify_all()
        return request.answer

    def close(self) -> None:
        """See `Inference.close`. Waits for the batches that are left, at most `call_seconds`."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(self._seconds)
        self._fail_left()
        self._inference.close()

    def _serve(self) -> None:
        while True:
            batch = self._next()
            if not batch:
                return
            self._running = [request for request in batch if request.answer.set_running_or_notify_cancel()]
            if self._running:
                self._answer(self._running)

    def _next(self) -> list[_Request]:
        """The next batch once it is full or due; empty when the batcher is closed and nothing waits."""
        with self._news:
            while True:
                batch = self._gathered()
                rows = sum(request.rows for request in batch)
                left = batch[0].due - time.monotonic() if batch else None
                if batch and (rows >= self._most or self._closed or (left is not None and left <= 0)):
                    for request in batch:
                        self._waiting.remove(request)
                    return batch
                if not batch and self._closed:
                    return []
                self._news.wait(left)

    def _gathered(self) -> list[_Request]:
        """The oldest request and those of its kind that fit beside it, in order."""
        batch: list[_Request] = []
        rows = 0
        for request in self._waiting:
            if batch and (request.kind != batch[0].kind or rows + request.rows > self._most):
                continue
            batch.append(request)
            rows += request.rows
            if rows >= self._most:
                break
        return batch

    def _answer(self, batch: list[_Request]) -> None:
        try:
            inputs = {name: np.concatenate([request.inputs[name] for request in batch]) for name in batch[0].inputs}
            outputs = self._inference.run(inputs)
            ends = np.cumsum([request.rows for request in batch])
            answers = [
                {name: array[end - request.rows : end] for name, array in outputs.items()}
                for request, end in zip(batch, ends, strict=True)
            ]
        except BaseException as error:  # noqa: BLE001 - whatever it is, the callers wait for it
            for request in batch:
                _fail(request, error)
            return
        for request, answer in zip(batch, answers, strict=True):
            with suppress(InvalidStateError):
                request.answer.set_result(answer)

    def _fail_left(self) -> None:
        """For requests that a hung batch kept from an answer, its own among them."""
        with self._news:
            left = [*self._running, *self._waiting]
            self._waiting.clear()
        for request in left:
            _fail(request, ClosedError("The model was closed."))


def _fail(request: _Request, error: BaseException) -> None:
    """Answer with an error, unless there is an answer already: a hung batch may come back after all."""
    with suppress(InvalidStateError):
        request.answer.set_exception(error)
