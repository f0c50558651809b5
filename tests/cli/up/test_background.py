import threading

import pytest

from moderation.cli.up.background import in_background


def test_the_result_arrives() -> None:
    assert in_background(lambda: 7).result(10) == 7


def test_the_error_arrives() -> None:
    def breaks() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        in_background(breaks).result(10)


def test_the_thread_holds_nobody_up() -> None:
    go, seen = threading.Event(), threading.Event()

    def waits() -> bool:
        seen.set()
        return threading.current_thread().daemon and go.wait(10)

    future = in_background(waits)
    assert seen.wait(10)
    assert not future.done()
    go.set()
    assert future.result(10) is True
