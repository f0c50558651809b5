"""What the counters of a period say, in the steps in which it is drawn. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from moderation.domain.verdict import Verdict
from moderation.evaluation.proportion import Proportion, wilson
from moderation.storage.review.counter_sums import HourSum, Total


@dataclass(frozen=True, slots=True)
class QueueFlow:
    """Jobs of a queue in the period. `handling_seconds` adds up over `decided`; `breached` were decided too late."""

    opened: float = 0.0
    decided: float = 0.0
    handling_seconds: float = 0.0
    breached: float = 0.0
    undone: float = 0.0

    @property
    def mean_seconds(self) -> float | None:
        """How long a decision took on average, None without one."""
        return self.handling_seconds / self.decided if self.decided else None

    @property
    def breach_share(self) -> float | None:
        """The share that was decided after its deadline, None without a decision."""
        return min(1.0, self.breached / self.decided) if self.decided else None


@dataclass(frozen=True, slots=True)
class RuleVolume:
    """How many posts a rule decided in the period, by verdict."""

    rule: str
    verdicts: Mapping[str, float]

    @property
    def posts(self) -> float:
        """All of them."""
        return sum(self.verdicts.values())


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How often somebody who looked again agreed."""

    agreed: float = 0.0
    disagreed: float = 0.0

    @property
    def share(self) -> Proportion:
        """With its interval."""
        return wilson(round(self.agreed), round(self.agreed + self.disagreed))


@dataclass(frozen=True, slots=True)
class Flow:
    """A period. `times` are the beginnings of its steps; every series has a value for each, in the same order.

    `verdicts` is by verdict; `actions`, `reviewed` (by category), `appeals` (by outcome) are for the whole period.
    `carried` counts posts that took a cluster's earlier decision.
    """

    times: tuple[datetime, ...]
    opened: tuple[float, ...]
    decided: tuple[float, ...]
    undone: tuple[float, ...]
    verdicts: Mapping[str, tuple[float, ...]]
    queues: Mapping[str, QueueFlow] = field(default_factory=dict)
    rules: tuple[RuleVolume, ...] = ()
    actions: Mapping[str, float] = field(default_factory=dict)
    reviewed: Mapping[str, Reviewed] = field(default_factory=dict)
    appeals: Mapping[str, float] = field(default_factory=dict)
    carried: float = 0.0

    @property
    def total(self) -> QueueFlow:
        """All queues together."""
        flows = self.queues.values()
        return QueueFlow(
            opened=sum(flow.opened for flow in flows),
            decided=sum(flow.decided for flow in flows),
            handling_seconds=sum(flow.handling_seconds for flow in flows),
            breached=sum(flow.breached for flow in flows),
            undone=sum(flow.undone for flow in flows),
        )

    @property
    def judged(self) -> float:
        """Posts with a verdict."""
        return sum(sum(series) for series in self.verdicts.values())

    @property
    def automation(self) -> float | None:
        """The share of posts with a verdict that no person had to look at, None without one."""
        held = sum(self.verdicts.get(Verdict.HOLD, ()))
        return 1 - held / self.judged if self.judged else None

    @property
    def automation_by_step(self) -> tuple[float | None, ...]:
        """The same for each step."""
        held = self.verdicts.get(Verdict.HOLD, (0.0,) * len(self.times))
        judged = [sum(series[index] for series in self.verdicts.values()) for index in range(len(self.times))]
        return tuple(1 - one / of if of else None for one, of in zip(held, judged, strict=True))

    @property
    def hourly(self) -> bool:
        """Whether the steps are hours."""
        return len(self.times) > 1 and self.times[1] - self.times[0] <= timedelta(hours=1)

    @property
    def verdicts_by_day(self) -> tuple[tuple[datetime, ...], Mapping[str, tuple[float, ...]]]:
        """The days of the period (UTC), and the verdicts of each; the first and the last may not be whole."""
        days = sorted({time.replace(hour=0) for time in self.times})
        place = {day: index for index, day in enumerate(days)}
        sums = {verdict: [0.0] * len(days) for verdict in self.verdicts}
        for verdict, series in self.verdicts.items():
            for time, value in zip(self.times, series, strict=True):
                sums[verdict][place[time.replace(hour=0)]] += value
        return tuple(days), {verdict: tuple(values) for verdict, values in sums.items()}

    def depth(self, waiting_now: float) -> tuple[float, ...]:
        """How many jobs waited at the end of each step, worked out backwards from how many wait now: less what was
        opened since, and more what was decided and not taken back. Never below 0.
        """
        depths = [waiting_now]
        for opened, decided, undone in zip(
            reversed(self.opened[1:]), reversed(self.decided[1:]), reversed(self.undone[1:]), strict=True
        ):
            depths.append(max(0.0, depths[-1] - opened + decided - undone))
        return tuple(reversed(depths))


def flow_of(
    *,
    totals: Sequence[Total],
    hours: Sequence[HourSum],
    verdicts: Sequence[HourSum],
    since: datetime,
    until: datetime,
    step: timedelta,
) -> Flow:
    """The period [since, until) in steps of `step`. Hours outside it are left out."""
    times = tuple(since + index * step for index in range(-(-(until - since) // step)))
    return Flow(
        times=times,
        opened=_series([one for one in hours if one.name == "opened"], times, step),
        decided=_series([one for one in hours if one.name == "decided"], times, step),
        undone=_series([one for one in hours if one.name == "undone"], times, step),
        verdicts={
            verdict.value: _series([one for one in verdicts if one.label == verdict], times, step)
            for verdict in Verdict
        },
        queues=_queues(totals),
        rules=_rules(totals),
        actions=_by(totals, "decided", lambda one: one.detail),
        reviewed=_reviewed(totals),
        appeals=_by(totals, "appeal", _label),
        carried=sum(one.value for one in totals if one.name == "carried"),
    )


def _series(sums: Sequence[HourSum], times: Sequence[datetime], step: timedelta) -> tuple[float, ...]:
    values = [0.0] * len(times)
    for one in sums:
        index = (one.hour - times[0]) // step
        if 0 <= index < len(values):
            values[index] += one.value
    return tuple(values)


def _queues(totals: Sequence[Total]) -> dict[str, QueueFlow]:
    parts = {name: _by(totals, name, _label) for name in ("opened", "decided", "handling_s", "breached", "undone")}
    names = sorted({queue for part in parts.values() for queue in part})
    return {
        name: QueueFlow(
            opened=parts["opened"].get(name, 0.0),
            decided=parts["decided"].get(name, 0.0),
            handling_seconds=parts["handling_s"].get(name, 0.0),
            breached=parts["breached"].get(name, 0.0),
            undone=parts["undone"].get(name, 0.0),
        )
        for name in names
    }


def _rules(totals: Sequence[Total]) -> tuple[RuleVolume, ...]:
    """Rules by volume; posts that no rule decided are not among them."""
    found: dict[str, dict[str, float]] = {}
    for one in totals:
        if one.name == "verdict" and one.detail:
            verdicts = found.setdefault(one.detail, {})
            verdicts[one.label] = verdicts.get(one.label, 0.0) + one.value
    volumes = [RuleVolume(rule, verdicts) for rule, verdicts in found.items()]
    return tuple(sorted(volumes, key=lambda volume: (-volume.posts, volume.rule)))


def _reviewed(totals: Sequence[Total]) -> dict[str, Reviewed]:
    """Second reviews and audits by category; gold items are on the page of quality."""
    found: dict[str, list[float]] = {}
    for one in totals:
        kind, _, outcome = one.label.partition(" ")
        if one.name == "reviewed" and kind != "gold":
            found.setdefault(one.detail, [0.0, 0.0])[outcome != "agreed"] += one.value
    return {category: Reviewed(*counts) for category, counts in sorted(found.items())}


def _by(totals: Sequence[Total], name: str, key: Callable[[Total], str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in totals:
        if one.name == name:
            found[key(one)] = found.get(key(one), 0.0) + one.value
    return found


def _label(one: Total) -> str:
    return one.label
