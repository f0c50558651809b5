import os
import subprocess
import sys
import threading

from pipelines.defs.screening.supervisor import SUPERVISOR_VARIABLE, is_running, stop_with_supervisor, supervisor


def test_a_lane_stops_when_its_supervisor_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stop = threading.Event()
    with stop_with_supervisor(stop, {SUPERVISOR_VARIABLE: f"{child.pid}-aa"}):
        assert is_running(child.pid)
        assert not stop.is_set()
        child.communicate(b"\n")
        assert stop.wait(20)
    assert not is_running(child.pid)


def test_without_a_supervisor_nothing_is_watched() -> None:
    stop = threading.Event()
    before = threading.active_count()
    for environment in ({}, {SUPERVISOR_VARIABLE: "not a pid"}):
        with stop_with_supervisor(stop, environment):
            assert threading.active_count() == before
    assert not stop.is_set()
    assert supervisor({}) == ""


def test_the_watch_ends_with_the_lane() -> None:
    stop, before = threading.Event(), threading.active_count()
    with stop_with_supervisor(stop, {SUPERVISOR_VARIABLE: f"{os.getpid()}-aa"}):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert not stop.is_set()
