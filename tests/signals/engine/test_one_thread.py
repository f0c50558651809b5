import threading

import pytest

from moderation.signals.engine.inference import ClosedError, InferenceTimeoutError
from moderation.signals.engine.one_thread import OneThread


def test_every_call_runs_in_the_same_thread_whoever_asks() -> None:
    one = OneThread("one")
    found: list[int] = [one.run(threading.get_ident)]
    asking = [threading.Thread(target=lambda: found.append(one.run(threading.get_ident))) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(10)
    assert len(found) == 5
    assert set(found) == {found[0]} != {threading.get_ident()}
    one.close()


def test_an_error_reaches_who_asked_and_the_thread_goes_on() -> None:
    one = OneThread("one")
    with pytest.raises(ZeroDivisionError):
        one.run(lambda: 1 // 0)
    assert one.run(lambda: 7) == 7
    one.close()
    with pytest.raises(ClosedError):
        one.run(lambda: 7)


def test_nobody_waits_longer_than_they_will_and_what_nobody_waits_for_is_not_called() -> None:
    one = OneThread("one")
    go, called = threading.Event(), threading.Event()
    with pytest.raises(InferenceTimeoutError):
        one.run(lambda: go.wait(30), seconds=0.05)
    with pytest.raises(InferenceTimeoutError):
        one.run(called.set, seconds=0.05)
    go.set()
    assert one.run(lambda: 7, seconds=10) == 7
    assert not called.is_set()
    one.close()
