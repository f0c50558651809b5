"""Contenders that are timed in turns: what disturbs the machine for a while disturbs all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from moderation.bench.signals.table import Line

MAX_ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Contender:
    """`call` computes one batch of `batch` rows. `operations` of one row and `peak` a second give the floor."""

    model: str
    way: str
    batch: int
    call: Callable[[], object]
    operations: float = 0.0
    peak: float = 0.0
    device: str = "cpu"
    naive: bool = False

    def line(self, seconds: float) -> Line:
        """Its line of the table when one call takes so long."""
        floor = self.peak / self.operations if self.operations else 0.0
        return Line(self.model, self.way, self.device, self.batch, self.batch / seconds, floor, self.naive)


def timed(contenders: Sequence[Contender], *, seconds: float) -> list[Line]:
    """A line for each, by the median call; each has `seconds` and at least one call after one that does not count.

    A contender whose single call takes longer than `seconds` is called once, and that call counts.
    """
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
    return [contender.line(median(found)) for contender, found in zip(contenders, times, strict=True)]


def _time(contender: Contender) -> float:
    begin = time.perf_counter()
    contender.call()
    return time.perf_counter() - begin
