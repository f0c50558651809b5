"""How the queues, the rules and the team are doing: what waits now, and what the counters added up to."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.people import Capability, Person
from moderation.review.plan import Plan
from moderation.storage.review.counting import QueueCount
from review_ui.console.access import may_see_queue, needs
from review_ui.console.charts import draw
from review_ui.console.dashboard_charts import charts_of
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.flow import Flow, QueueFlow, flow_of
from review_ui.console.shell import render

NAMES = ("opened", "decided", "handling_s", "breached", "undone", "carried", "verdict", "reviewed", "appeal")
"""The counters that the page adds up."""
HOURLY = ("opened", "decided", "undone")
EXPOSURE_HOURS = 24

router = APIRouter(prefix="/console/dashboard")

Lead = Annotated[Person, needs(Capability.LEAD)]


@dataclass(frozen=True, slots=True)
class Period:
    """What a page is about: its length, and the step in which it is drawn, both in hours."""

    name: str
    title: str
    hours: int
    step: int


PERIODS = {
    "day": Period("day", "24 hours", 24, 1),
    "week": Period("week", "7 days", 7 * 24, 6),
    "month": Period("month", "30 days", 30 * 24, 24),
}
DEFAULT = "week"


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue's line: what waits now, and what the period brought."""

    name: str
    title: str
    restricted: bool
    now: QueueCount
    flow: QueueFlow


@router.get("")
async def dashboard(
    request: Request, person: Lead, desk: TheDesk, period: Annotated[str, Query(max_length=10)] = DEFAULT
) -> Response:
    """The dashboard of one period, from a bounded number of sums."""
    values = await run_in_threadpool(_values, desk, person, PERIODS.get(period, PERIODS[DEFAULT]))
    return render(request, "console/dashboard.html", person, values)


def _values(desk: Desk, person: Person, period: Period) -> dict[str, object]:
    now, plan = desk.clock(), desk.plan()
    flow = _without_closed(_flow(desk, period, now), person, plan)
    waiting = {count.queue: count for count in desk.queue.counts(None, now) if may_see_queue(person, count.queue, plan)}
    lines = _lines(person, plan, waiting, flow)
    team = desk.exposures.team(since=now - timedelta(hours=EXPOSURE_HOURS), now=now)
    return {
        "plan": plan,
        "now": now,
        "period": period,
        "periods": PERIODS,
        "flow": flow,
        "lines": lines,
        "open": sum(count.open for count in waiting.values()),
        "overdue": sum(count.overdue for count in waiting.values()),
        "oldest": min((one for count in waiting.values() if (one := count.oldest_opened_at) is not None), default=None),
        "team": team,
        "withheld": sorted(plan.category(name).title for name in team.withheld),
        "charts": {
            name: draw(chart)
            for name, chart in charts_of(flow, plan, [(line.title, line.flow) for line in lines], team, waiting).items()
        },
    }


def _without_closed(flow: Flow, person: Person, plan: Plan) -> Flow:
    """Without the queues that the person may know nothing of: what is missing from a total tells it, too."""
    return replace(flow, queues={name: one for name, one in flow.queues.items() if may_see_queue(person, name, plan)})


def _flow(desk: Desk, period: Period, now: datetime) -> Flow:
    """The counters of the period, whose last step is the one that runs now."""
    step = timedelta(hours=period.step)
    hour = now.replace(minute=0, second=0, microsecond=0)
    midnight = hour.replace(hour=0)
    until = midnight + step * ((hour - midnight) // step + 1)
    since = until - timedelta(hours=period.hours)
    return flow_of(
        totals=desk.counters.totals(NAMES, since=since, until=until),
        hours=desk.counters.hours(HOURLY, since=since, until=until),
        verdicts=desk.counters.hours(["verdict"], since=since, until=until, by_label=True),
        since=since,
        until=until,
        step=step,
    )


def _lines(person: Person, plan: Plan, waiting: dict[str, QueueCount], flow: Flow) -> list[QueueLine]:
    """The queues that the person may know of, in the plan's order, then those that the plan lost."""
    names = [*plan.queues, *sorted({*waiting, *flow.queues} - set(plan.queues))]
    lines = [
        QueueLine(
            name=name,
            title=plan.queue(name).title,
            restricted=plan.queue(name).restricted,
            now=waiting.get(name, QueueCount(name)),
            flow=flow.queues.get(name, QueueFlow()),
        )
        for name in names
        if may_see_queue(person, name, plan)
    ]
    return [line for line in lines if line.now.open or line.flow.opened or line.flow.decided]
