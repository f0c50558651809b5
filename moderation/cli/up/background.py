"""Work on a thread that nobody has to wait for at the end of the process."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")


def in_background(work: Callable[[], ResultT]) -> "Future[ResultT]":
    """Start `work` at once; its result or error arrives in the future. A pool's thread would hold up the exit."""
    future: Future[ResultT] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, name=getattr(work, "__name__", "background"), daemon=True).start()
    return future
