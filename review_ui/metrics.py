"""What Prometheus reads: counters of this process, and the database's state, at most a second old."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import ModerationError
from review_ui.recent import Recent

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value per label; `label` is empty for a single value under the key ""."""

    name: str
    description: str
    label: str
    values: Mapping[str, float]


class StateCollector(Collector):
    """Reads the state anew for each rendering. A database that does not answer is `moderation_database_up 0`."""

    def __init__(self, read: Callable[[], list[Gauge]]) -> None:
        self._read = read

    def describe(self) -> list[Metric]:
        """Nothing: registering must not touch the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges, and whether they could be read."""
        up = GaugeMetricFamily("moderation_database_up", "1 when the state below could be read.")
        try:
            gauges = self._read()
        except ModerationError as error:
            structlog.get_logger(__name__).error("metrics_unavailable", code=error.code, reason=error.message)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        for gauge in gauges:
            family = GaugeMetricFamily(gauge.name, gauge.description, labels=[gauge.label] if gauge.label else [])
            for label, value in gauge.values.items():
                family.add_metric([label] if gauge.label else [], value)
            yield family


class Metrics:
    """The counters of one application; no global registry, so that each test and each app counts for itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._text = Recent(partial(run_in_threadpool, generate_latest, self.registry))
        self._requests = Histogram(
            "moderation_http_request_seconds",
            "Time per request.",
            ["route", "method", "status"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._intake = Counter(
            "moderation_intake_posts_total", "Posts sent, by outcome.", ["outcome"], registry=self.registry
        )
        self._waited = Histogram(
            "moderation_intake_wait_seconds",
            "How long requests waited for a verdict.",
            ["outcome"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )

    def watch_state(self, read: Callable[[], list[Gauge]]) -> None:
        """Also report what `read` says, each time the text is made."""
        self.registry.register(StateCollector(read))

    def observe_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """One finished request; `route` is a path template."""
        self._requests.labels(route, method if method in METHODS else "other", str(status)).observe(seconds)

    def count_intake(self, outcome: str) -> None:
        """One post sent: `created`, `replayed`, or the code of the refusal."""
        self._intake.labels(outcome).inc()

    def observe_wait(self, outcome: str, seconds: float) -> None:
        """One wait for a verdict: `verdict` or `pending`."""
        self._waited.labels(outcome).observe(seconds)

    async def text(self) -> bytes:
        """Everything in Prometheus's text format; everybody may ask, so it is made once for all who do."""
        return await self._text.get()


METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
