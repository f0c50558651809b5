"""The dashboard's charts."""

from collections.abc import Mapping, Sequence

from moderation.review.plan import Plan
from moderation.storage.review.counting import QueueCount
from moderation.storage.review.exposure import TeamExposure
from review_ui.console.charts import (
    Bar,
    Chart,
    Dot,
    DotPlot,
    HorizontalBars,
    LineChart,
    Series,
    StackedBars,
    Unit,
)
from review_ui.console.flow import Flow, QueueFlow, RuleVolume

MOST_BARS = 12
VERDICTS = {"approve": "approved", "hold": "held for people", "reject": "rejected"}
NOTHING = "Nothing in this period"
Queues = Sequence[tuple[str, QueueFlow]]


def charts_of(
    flow: Flow, plan: Plan, queues: Queues, team: TeamExposure, waiting: Mapping[str, QueueCount]
) -> dict[str, Chart]:
    """By the name under which the page places them."""
    return {
        "flow": _flow(flow),
        "depth": _depth(flow, sum(count.open for count in waiting.values())),
        "verdicts": _verdicts(flow),
        "automation": _automation(flow),
        "handling": _handling(queues),
        "breach": _breach(queues),
        "rules": _rules(flow),
        "agreement": _agreement(flow, plan),
        "exposure": _exposure(team, plan),
    }


def _flow(flow: Flow) -> LineChart:
    return LineChart(
        id="inflow-outflow",
        title="Jobs opened and decided",
        times=flow.times,
        series=(Series("opened", flow.opened), Series("decided", flow.decided)),
        note="the last step is not over yet",
        empty=NOTHING,
    )


def _depth(flow: Flow, waiting: int) -> LineChart:
    return LineChart(
        id="depth",
        title="Jobs waiting",
        times=flow.times,
        series=(Series("waiting", flow.depth(waiting)),),
        note="worked out from what waits now, and what was opened and decided since",
        filled=True,
        empty=NOTHING,
    )


def _verdicts(flow: Flow) -> StackedBars:
    times, verdicts = (flow.times, flow.verdicts) if flow.hourly else flow.verdicts_by_day
    return StackedBars(
        id="verdicts",
        title="Verdicts of the rules",
        times=times,
        series=tuple(Series(words, verdicts[name]) for name, words in VERDICTS.items()),
        note="posts" if flow.hourly else "posts by day (UTC)",
        empty=NOTHING,
    )


def _automation(flow: Flow) -> LineChart:
    return LineChart(
        id="automation",
        title="Decided without a person",
        times=flow.times,
        series=(Series("of posts with a verdict", flow.automation_by_step),),
        unit=Unit.SHARE,
        note="approved or rejected by rules alone",
        high=1.0,
        empty=NOTHING,
    )


def _handling(queues: Queues) -> HorizontalBars:
    found = sorted(
        ((title, flow) for title, flow in queues if flow.decided), key=lambda one: -(one[1].mean_seconds or 0)
    )
    return HorizontalBars(
        id="handling",
        title="Time to decide",
        bars=tuple(Bar(title, flow.mean_seconds, f"{flow.decided:,.0f} jobs") for title, flow in found[:MOST_BARS]),
        unit=Unit.SECONDS,
        note="mean, from opening a job to its decision",
        empty=NOTHING,
    )


def _breach(queues: Queues) -> HorizontalBars:
    found = sorted(
        ((title, flow) for title, flow in queues if flow.decided), key=lambda one: -(one[1].breach_share or 0)
    )
    return HorizontalBars(
        id="breach",
        title="Decided after the deadline",
        bars=tuple(
            Bar(title, flow.breach_share, f"{flow.breached:,.0f} of {flow.decided:,.0f}")
            for title, flow in found[:MOST_BARS]
        ),
        unit=Unit.SHARE,
        note="share of decided jobs",
        empty=NOTHING,
    )


def _rules(flow: Flow) -> HorizontalBars:
    return HorizontalBars(
        id="rules",
        title="Posts by rule",
        bars=tuple(Bar(volume.rule, volume.posts, _verdict_words(volume)) for volume in flow.rules[:MOST_BARS]),
        note="the rule that decided the verdict",
        empty="No rule decided a post in this period",
    )


def _agreement(flow: Flow, plan: Plan) -> DotPlot:
    dots = []
    for category, reviewed in flow.reviewed.items():
        share = reviewed.share
        note = f"{share.successes:,} of {share.trials:,}"
        dots.append(Dot(plan.category(category).title, share.value, share.low, share.high, note))
    return DotPlot(
        id="agreement",
        title="Second looks that agreed",
        dots=tuple(sorted(dots, key=lambda dot: (dot.value is None, dot.value))[:MOST_BARS]),
        unit=Unit.SHARE,
        note="second reviews and audits, with 95% intervals",
        empty="No second look in this period",
    )


def _exposure(team: TeamExposure, plan: Plan) -> HorizontalBars:
    ranked = sorted(team.seen.items(), key=lambda one: -one[1].seconds)
    return HorizontalBars(
        id="exposure",
        title="Time with pictures unconcealed",
        bars=tuple(
            Bar(plan.category(name).title, seen.seconds, f"{seen.items:,} pictures, {seen.people} people")
            for name, seen in ranked[:MOST_BARS]
        ),
        unit=Unit.SECONDS,
        note="shifts of the last 24 hours, everybody together",
        empty="Fewer than three people looked at pictures, or nobody did",
    )


def _decided(queues: Queues) -> Queues:
    return [(title, flow) for title, flow in queues if flow.decided]


def _verdict_words(volume: RuleVolume) -> str:
    return ", ".join(VERDICTS.get(name, name) for name in sorted(volume.verdicts))
