"""What a person's exposure means for the next job: which categories are used up, and when a break is due. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from moderation.domain.exposure import REST_SECONDS, Break, Seen, Usage, break_due_at
from moderation.review.plan import Budget, Exposure

NEAR_SHARE = 0.8
"""From this share of a budget on, or of the time to the next break, the person is told that its end is near."""


class WarningKind(StrEnum):
    """What a person is told before, or after, something runs out."""

    BUDGET_NEAR = "budget_near"
    BUDGET_SPENT = "budget_spent"
    BREAK_NEAR = "break_near"
    SHIFT_OVER = "shift_over"


@dataclass(frozen=True, slots=True)
class ExposureWarning:
    """One thing to tell; `category` for budgets, `at` for what has a time."""

    kind: WarningKind
    category: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CategoryUse:
    """How much of a category was seen in this shift. `share` is of whichever part of the budget is used more; it may
    be above 1, and is 0 without a budget.
    """

    category: str
    seen: Seen
    budget: Budget | None
    share: float

    @property
    def spent(self) -> bool:
        """Whether nothing of the category is offered any more in this shift."""
        return self.budget is not None and self.share >= 1


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the person may have next.

    `avoid` are the categories whose budget is spent. During `current_break` there is no job; `break_due_at` is when
    the next one begins if work goes on (None: not at work). `uses` has every category with a budget, in the plan's
    order, then what else was seen. `shift_ends_at` is the planned end, `counts_anew_at` when a rest begun at the
    newest sign of work would be long enough for fresh budgets.
    """

    avoid: frozenset[str]
    current_break: Break | None
    break_due_at: datetime | None
    uses: tuple[CategoryUse, ...]
    warnings: tuple[ExposureWarning, ...]
    shift_started_at: datetime | None
    shift_ends_at: datetime | None
    counts_anew_at: datetime | None
    seconds: float

    @property
    def break_until(self) -> datetime | None:
        """The end of the running break."""
        return None if self.current_break is None else self.current_break.ends_at


def assess(usage: Usage, budgets: Exposure, now: datetime) -> Allowance:
    """What `usage` leaves of `budgets` at `now`. A shift that a rest has ended counts for nothing."""
    shift = usage.shift
    if shift is not None and now - shift.seen_at >= timedelta(seconds=REST_SECONDS):
        return assess(Usage(current_break=usage.current_break), budgets, now)
    running = usage.current_break if usage.current_break is not None and usage.current_break.ends_at > now else None
    uses = _uses(usage, budgets)
    away = shift is None or now - shift.seen_at >= timedelta(seconds=budgets.break_seconds)
    at_work = not away and running is None
    return Allowance(
        avoid=frozenset(use.category for use in uses if use.spent),
        current_break=running,
        break_due_at=(
            break_due_at(shift, after_seconds=budgets.break_after_seconds) if shift is not None and at_work else None
        ),
        uses=uses,
        warnings=_warnings(usage, budgets, uses, now, at_work=at_work),
        shift_started_at=None if shift is None else shift.started_at,
        shift_ends_at=None if shift is None else shift.started_at + timedelta(seconds=budgets.shift_seconds),
        counts_anew_at=None if shift is None else shift.seen_at + timedelta(seconds=REST_SECONDS),
        seconds=usage.seconds,
    )


def _uses(usage: Usage, budgets: Exposure) -> tuple[CategoryUse, ...]:
    names = [*budgets.budgets, *sorted(set(usage.seen) - set(budgets.budgets))]
    return tuple(_use(name, usage.seen.get(name, Seen()), budgets.budgets.get(name)) for name in names)


def _use(category: str, seen: Seen, budget: Budget | None) -> CategoryUse:
    if budget is None:
        return CategoryUse(category, seen, None, 0.0)
    share = max(_share(seen.items, budget.items), _share(seen.seconds, budget.seconds))
    return CategoryUse(category, seen, budget, share)


def _share(used: float, limit: float) -> float:
    """A budget of nothing is spent from the beginning."""
    return used / limit if limit > 0 else 1.0


def _warnings(
    usage: Usage, budgets: Exposure, uses: tuple[CategoryUse, ...], now: datetime, *, at_work: bool
) -> tuple[ExposureWarning, ...]:
    found = [
        ExposureWarning(WarningKind.BUDGET_SPENT if use.spent else WarningKind.BUDGET_NEAR, use.category)
        for use in uses
        if use.share >= NEAR_SHARE
    ]
    if usage.shift is None:
        return tuple(found)
    if at_work:
        due = break_due_at(usage.shift, after_seconds=budgets.break_after_seconds)
        if due - now <= timedelta(seconds=(1 - NEAR_SHARE) * budgets.break_after_seconds):
            found.append(ExposureWarning(WarningKind.BREAK_NEAR, at=due))
    ends_at = usage.shift.started_at + timedelta(seconds=budgets.shift_seconds)
    if ends_at <= now:
        found.append(ExposureWarning(WarningKind.SHIFT_OVER, at=ends_at))
    return tuple(found)
