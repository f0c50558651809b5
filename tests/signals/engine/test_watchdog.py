import threading
import time

import pytest

from moderation.signals.engine import watchdog
from moderation.signals.engine.watchdog import Watchdog


def test_only_what_takes_too_long_is_stopped_and_only_once() -> None:
    dog = Watchdog(0.3)
    stopped: list[str] = []

    def call(name: str, seconds: float) -> None:
        with dog.watching(lambda: stopped.append(name)):
            time.sleep(seconds)

    calls = [threading.Thread(target=call, args=one) for one in (("short", 0.02), ("long", 1.0), ("longer", 1.2))]
    for thread in calls:
        thread.start()
    for thread in calls:
        thread.join()
    assert sorted(stopped) == ["long", "longer"]


def test_its_thread_ends_when_there_is_nothing_to_watch_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "IDLE_SECONDS", 0.05)
    dog = Watchdog(0.1)
    for _ in range(2):
        stopped = threading.Event()
        with dog.watching(stopped.set):
            assert stopped.wait(10)
        end = time.monotonic() + 10
        while dog._thread is not None:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_a_call_that_fails_is_no_longer_watched() -> None:
    dog = Watchdog(0.1)
    stopped = threading.Event()
    with pytest.raises(ZeroDivisionError), dog.watching(stopped.set):
        raise ZeroDivisionError
    assert not stopped.wait(0.4)


def test_a_thread_that_could_not_be_started_is_started_by_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    dog = Watchdog(0.1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        with pytest.raises(RuntimeError, match="can't start"), dog.watching(lambda: None):
            pytest.fail("ran unwatched")
    assert dog._calls == {}
    stopped = threading.Event()
    with dog.watching(stopped.set):
        assert stopped.wait(10)
