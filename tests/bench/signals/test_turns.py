import time
from dataclasses import replace

import pytest

from moderation.bench.signals import turns
from moderation.bench.signals.turns import Contender, timed
from moderation.signals.engine.options import Device, Precision

PEAK = 1000.0
FASTER = 50
"""How much more a device can than the CPU."""


@pytest.fixture(autouse=True)
def _peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as high the second time: what counts is the higher one."""
    found: dict[tuple[Precision, Device], float] = {}

    def peak(kind: Precision, *, threads: int, seconds: float, device: Device) -> float:
        assert threads == 1
        assert seconds > 0
        faster = 1 if device is Device.CPU else FASTER
        found[kind, device] = found.get((kind, device), 0.0) + faster * PEAK / 2
        return found[kind, device]

    monkeypatch.setattr(turns, "peak", peak)


def sleeping(seconds: float, batch: int = 1, *, calls: list[str] | None = None, name: str = "way") -> Contender:
    def call() -> None:
        if calls is not None:
            calls.append(name)
        time.sleep(seconds)

    return Contender("model", name, batch, call, operations=10.0, precision=Precision.FLOAT32)


def test_rates_count_rows_and_floors_divide_the_higher_peak() -> None:
    (single, eight), peaks = timed([sleeping(0.01), sleeping(0.01, 8)], seconds=0.1)
    assert single.per_s < 101
    assert eight.per_s == pytest.approx(8 * single.per_s, rel=0.5)
    assert peaks == {(Precision.FLOAT32, Device.CPU): PEAK}
    assert single.floor_per_s == PEAK / 10


def test_floors_are_of_the_contenders_own_device() -> None:
    here = sleeping(0.001)
    there = replace(here, device=Device.CUDA)
    lines, peaks = timed([there, here], seconds=0.01)
    assert [line.floor_per_s for line in lines] == [FASTER * PEAK / 10, PEAK / 10]
    assert [line.device for line in lines] == ["cuda", "cpu"]
    assert len(peaks) == 2


def test_contenders_take_turns() -> None:
    calls: list[str] = []
    timed([sleeping(0.005, calls=calls, name="a"), sleeping(0.005, calls=calls, name="b")], seconds=0.05)
    assert calls[:8] == ["a", "b"] * 4


def test_what_is_slower_than_its_time_is_called_once() -> None:
    calls: list[str] = []
    (line,), _ = timed([sleeping(0.1, calls=calls)], seconds=0.05)
    assert calls == ["way"]
    assert 5 < line.per_s < 10
