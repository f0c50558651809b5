"""A person's exposure in words, lines and a chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.exposure import Seen
from moderation.review.exposure import NEAR_SHARE, Allowance, CategoryUse, WarningKind
from moderation.review.plan import Budget, Plan
from moderation.storage.review.exposure import PastShift
from review_ui.console.charts import Series, Size, StackedBars, Unit

MOST_SERIES = 5
"""Categories with a part of their own in a bar; the others are one part together."""


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A category's line. `tone` is good, warn (its end is near) or bad (used up), "" without a budget."""

    name: str
    title: str
    seen: Seen
    budget: Budget | None
    share: float
    tone: str


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that the person should know, with a time where it has one."""

    tone: str
    text: str
    at: datetime | None = None


def lines_of(allowance: Allowance, plan: Plan) -> list[BudgetLine]:
    """Every category that has a budget or was seen, the fullest first."""
    lines = [
        BudgetLine(use.category, plan.category(use.category).title, use.seen, use.budget, use.share, _tone(use))
        for use in allowance.uses
    ]
    return sorted(lines, key=lambda line: (line.budget is None, -line.share))


def told_of(allowance: Allowance, plan: Plan) -> list[Told]:
    """The warnings in words."""
    told = []
    for warning in allowance.warnings:
        title = plan.category(warning.category).title
        match warning.kind:
            case WarningKind.BUDGET_SPENT:
                told.append(
                    Told("bad", f"You have seen enough of “{title}” for this shift: your next jobs are of others.")
                )
            case WarningKind.BUDGET_NEAR:
                told.append(Told("warn", f"Your budget for “{title}” is nearly used up. After it you get other jobs."))
            case WarningKind.BREAK_NEAR:
                told.append(Told("warn", "Your break comes up", warning.at))
            case WarningKind.SHIFT_OVER:
                told.append(Told("warn", "The planned end of your shift has passed", warning.at))
    return told


def chart_of_shifts(shifts: Sequence[PastShift], plan: Plan, *, size: Size) -> StackedBars:
    """Minutes of every shift by category; the categories that took most time have parts of their own."""
    totals: dict[str, float] = {}
    for shift in shifts:
        for category, seen in shift.seen.items():
            totals[category] = totals.get(category, 0.0) + seen.seconds
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    named, rest = ranked[:MOST_SERIES], ranked[MOST_SERIES:]
    series = [_series(plan.category(name).title, [name], shifts) for name in named]
    if rest:
        series.append(_series("Other categories", rest, shifts))
    return StackedBars(
        id="past-shifts",
        title="Your shifts",
        times=tuple(shift.started_at for shift in shifts),
        series=tuple(series),
        unit=Unit.SECONDS,
        note="time with pictures unconcealed, by category",
        size=size,
        empty="Your shifts appear here once you have looked at a picture",
    )


def _series(label: str, names: Sequence[str], shifts: Sequence[PastShift]) -> Series:
    return Series(label, tuple(sum(shift.seen.get(name, Seen()).seconds for name in names) for shift in shifts))


def _tone(use: CategoryUse) -> str:
    if use.budget is None:
        return ""
    if use.spent:
        return "bad"
    return "warn" if use.share >= NEAR_SHARE else "good"
