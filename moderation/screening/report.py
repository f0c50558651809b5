"""What a lane did since its last report: numbers, never contents."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from moderation.domain.signal import SignalFailure
from moderation.screening.ports import Committed
from moderation.screening.screen import Screened

MAX_LATENCIES = 10_000


@dataclass(frozen=True, slots=True)
class LaneReport:
    """Counts by verdict and by failed signal, seconds by stage, and latency quantiles (received to verdict)."""

    posts: int
    batches: int
    lost: int
    verdicts: Mapping[str, int]
    failures: Mapping[str, int]
    stage_seconds: Mapping[str, float]
    latency_p50_s: float
    latency_p95_s: float
    latency_p99_s: float


@dataclass(slots=True)
class _Sums:
    batches: int = 0
    lost: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)


class Tally:
    """Collects reports: one for the interval since the last `cut`, one for the whole run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = _Sums()
        self._interval = _Sums()

    def add(self, screened: Screened, committed: Committed) -> None:
        """Count a batch whose commit succeeded; only posts whose verdict was stored count."""
        stored = set(committed.stored)
        with self._lock:
            for sums in (self._all, self._interval):
                sums.batches += 1
                sums.lost += len(committed.lost)
                for stage, seconds in screened.seconds.items():
                    sums.seconds[stage] += seconds  # type: ignore[assignment]  # a Counter of seconds
                for claim, screening in screened.pairs:
                    if claim.post.id not in stored:
                        continue
                    sums.verdicts[screening.judgement.verdict.value] += 1
                    sums.failures.update(
                        result.signal for result in screening.results if isinstance(result, SignalFailure)
                    )
                    if len(sums.latencies) < MAX_LATENCIES:
                        waited = screening.finished_at - claim.post.received_at
                        sums.latencies.append(waited.total_seconds())

    def lose(self, posts: int) -> None:
        """Count posts whose lease ran out before their verdict could be stored."""
        with self._lock:
            self._all.lost += posts
            self._interval.lost += posts

    def cut(self) -> LaneReport:
        """The report since the last cut."""
        with self._lock:
            sums, self._interval = self._interval, _Sums()
        return _report(sums)

    def total(self) -> LaneReport:
        """The report of the whole run so far."""
        with self._lock:
            return _report(self._all)


def quantile(values: Sequence[float], share: float) -> float:
    """The `share` quantile (0 to 1) of `values`, interpolated linearly; 0 when there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    whole, rest = divmod(share * (len(ordered) - 1), 1)
    low = ordered[int(whole)]
    high = ordered[min(int(whole) + 1, len(ordered) - 1)]
    return min(high, low + (high - low) * rest)


def _report(sums: _Sums) -> LaneReport:
    return LaneReport(
        posts=sums.verdicts.total(),
        batches=sums.batches,
        lost=sums.lost,
        verdicts=dict(sums.verdicts),
        failures=dict(sums.failures),
        stage_seconds=dict(sums.seconds),
        latency_p50_s=quantile(sums.latencies, 0.50),
        latency_p95_s=quantile(sums.latencies, 0.95),
        latency_p99_s=quantile(sums.latencies, 0.99),
    )
