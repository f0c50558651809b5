"""Calls that must all come from one thread: CUDA graphs belong to the thread that recorded them."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

from moderation.signals.engine.inference import ClosedError, InferenceTimeoutError

Answer = TypeVar("Answer")


class OneThread:
    """Runs what it is given one after the other; a daemon, so that a call that hangs cannot keep the process alive."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def run(self, call: Callable[[], Answer], *, seconds: float | None = None) -> Answer:
        """What `call` returns or raises. Raises `InferenceTimeoutError` after `seconds`; the call itself goes on."""
        if self._closed:
            raise ClosedError("The model was closed.")
        answer: Future[Answer] = Future()
        self._jobs.put(lambda: _settle(answer, call))
        try:
            return answer.result(seconds)
        except FutureTimeoutError:
            answer.cancel()
            raise InferenceTimeoutError(f"A model did not answer within {seconds:g} s.") from None

    def close(self) -> None:
        """End the thread after the calls that it was given."""
        self._closed = True
        self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _settle(answer: "Future[Answer]", call: Callable[[], Answer]) -> None:
    """Call, unless nobody waits any more."""
    if not answer.set_running_or_notify_cancel():
        return
    try:
        found = call()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the caller waits for it
        with suppress(InvalidStateError):
            answer.set_exception(error)
    else:
        with suppress(InvalidStateError):
            answer.set_result(found)
