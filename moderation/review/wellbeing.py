"""What stands between a person and the next job: their break, and the categories of which they saw enough."""

from collections.abc import Callable
from datetime import datetime, timedelta

from moderation.domain.errors import OnBreakError
from moderation.domain.exposure import Break
from moderation.domain.ids import AccountId, PostId
from moderation.domain.people import Person
from moderation.domain.worker import Worker
from moderation.review.exposure import Allowance, assess
from moderation.review.plan import Exposure, Plan
from moderation.storage.review.exposure import ExposureStore, Report


class Wellbeing:
    """Budgets and breaks of the plan in force, kept for everybody."""

    def __init__(self, exposures: ExposureStore, plan: Callable[[], Plan]) -> None:
        self._exposures = exposures
        self._plan = plan

    def next_worker(self, person: Person, *, avoid: frozenset[str] = frozenset(), now: datetime) -> Worker:
        """The person as they may be offered a next job; `avoid` is what they chose not to see.

        Asking is a sign of work, and begins the break that is due. Raises `OnBreakError` while there is a break.
        """
        budgets = self._budgets
        usage = self._exposures.work(
            person.id,
            pause_seconds=budgets.break_seconds,
            break_after_seconds=budgets.break_after_seconds,
            now=now,
        )
        return _worker(person, assess(usage, budgets, now), avoid)

    def worker(self, person: Person, *, avoid: frozenset[str] = frozenset(), now: datetime) -> Worker:
        """The person at a job that they have already: nothing begins. Raises `OnBreakError` while there is a break."""
        return _worker(person, self.allowance(person.id, now), avoid)

    def worker_ahead(self, person: Person, *, avoid: frozenset[str] = frozenset(), now: datetime) -> Worker:
        """The person for whom jobs are fetched ahead. Raises `OnBreakError` when a break is due, too: who always has a
        next job at hand would never come to it.
        """
        allowance = self.allowance(person.id, now)
        if allowance.break_due_at is not None and allowance.break_due_at <= now:
            raise OnBreakError(now + timedelta(seconds=self._budgets.break_seconds))
        return _worker(person, allowance, avoid)

    def worked(self, account: AccountId, now: datetime) -> None:
        """The person did something that shows that they are at work, such as a decision."""
        self._exposures.sign(account, pause_seconds=self._budgets.break_seconds, now=now)

    def allowance(self, account: AccountId, now: datetime) -> Allowance:
        """How much the person saw in this shift, and what that leaves; changes nothing."""
        return assess(self._exposures.usage(account, now), self._budgets, now)

    def shown(self, view: str, *, account: AccountId, post: PostId, category: str, now: datetime) -> None:
        """A picture is being sent to be shown unconcealed; see `ExposureStore.begin`."""
        pause = self._budgets.break_seconds
        self._exposures.begin(view, account=account, post=post, category=category, pause_seconds=pause, now=now)

    def reported(self, account: AccountId, report: Report, now: datetime) -> bool:
        """A browser tells of a view; see `ExposureStore.report`."""
        return self._exposures.report(account, report, pause_seconds=self._budgets.break_seconds, now=now)

    def take_break(self, account: AccountId, now: datetime) -> Break:
        """A break because the person wants one, as long as the plan's. Raises `ConflictError` during another."""
        return self._exposures.start_break(account, seconds=self._budgets.break_seconds, now=now)

    @property
    def _budgets(self) -> Exposure:
        return self._plan().exposure


def _worker(person: Person, allowance: Allowance, avoid: frozenset[str]) -> Worker:
    if allowance.current_break is not None:
        raise OnBreakError(allowance.current_break.ends_at)
    return Worker.of(person, avoid=allowance.avoid | avoid)
