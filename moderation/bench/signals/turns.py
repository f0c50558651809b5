"""Contenders that are timed in turns: what disturbs the machine for a while disturbs all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from moderation.bench.signals.table import Line
from moderation.signals.engine.options import Device, Precision
from moderation.signals.engine.peak import peak

MAX_ROUNDS = 400
Peaks = dict[tuple[Precision, Device], float]
"""Operations a second."""
PEAK_SHARE = 1 / 3
"""Of the seconds that each contender gets."""


@dataclass(frozen=True, slots=True)
class Contender:
    """`call` computes one batch of `batch` rows, each of so many `operations`, in `precision`."""

    model: str
    way: str
    batch: int
    call: Callable[[], object]
    operations: float
    precision: Precision
    device: Device = Device.CPU
    naive: bool = False

    def line(self, seconds: float, peak: float) -> Line:
        """Its line of the table when one call takes so long, and the machine can so many operations a second."""
        rate, floor = self.batch / seconds, peak / self.operations
        return Line(self.model, self.way, str(self.device), self.batch, rate, floor, self.naive)


def timed(contenders: Sequence[Contender], *, seconds: float) -> tuple[list[Line], Peaks]:
    """A line for each, by the median call, and the peaks (operations a second) that the floors rest on.

    Each has `seconds` and at least one call after one that does not count; when a single call takes longer than
    that, it is called once, and that call counts. Peaks are measured before and after; the higher one is the floor's.
    """
    before = _peaks(contenders, seconds * PEAK_SHARE)
    found = _medians(contenders, seconds)
    after = _peaks(contenders, seconds * PEAK_SHARE)
    peaks = {place: max(before[place], after[place]) for place in before}
    lines = [
        contender.line(took, peaks[contender.precision, contender.device])
        for contender, took in zip(contenders, found, strict=True)
    ]
    return lines, peaks


def _peaks(contenders: Sequence[Contender], seconds: float) -> Peaks:
    wanted = dict.fromkeys((contender.precision, contender.device) for contender in contenders)
    return {(kind, device): peak(kind, threads=1, seconds=seconds, device=device) for kind, device in wanted}


def _medians(contenders: Sequence[Contender], seconds: float) -> list[float]:
    times: list[list[float]] = [[_time(contender)] for contender in contenders]
    for found in times:
        if found[0] < seconds:
            found.clear()
    spent = [sum(found) for found in times]
    for _ in range(MAX_ROUNDS):
        due = [place for place in range(len(contenders)) if spent[place] < seconds]
        if not due:
            break
        for place in due:
            took = _time(contenders[place])
            times[place].append(took)
            spent[place] += took
    return [median(found) for found in times]


def _time(contender: Contender) -> float:
    begin = time.perf_counter()
    contender.call()
    return time.perf_counter() - begin
