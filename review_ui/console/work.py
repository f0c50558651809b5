"""How work reaches a person: the next job, the ones after it, a job by its address, and what waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.errors import ConflictError, NotFoundError, OnBreakError
from moderation.domain.ids import JobId
from moderation.domain.job import Job, JobState, LeaseRef
from moderation.domain.people import Person
from moderation.review.plan import QueuePlan
from moderation.storage.review.counting import MyJobs, QueueCount
from review_ui.console.admission import next_worker, opening_worker, worker_ahead
from review_ui.console.desk import Desk
from review_ui.console.sight import may_see_post

MAX_PASSED = 20
"""Jobs that are passed over at most when somebody asks for their next one."""
NOT_LET_IN = "not let in"
"""Why they are."""


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue that the person works in, with what waits there."""

    plan: QueuePlan
    count: QueueCount


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a person: queue by queue, the most urgent first, and what is theirs by name."""

    queues: tuple[QueueLine, ...]
    mine: MyJobs

    @property
    def open(self) -> int:
        """How many jobs wait in all their queues."""
        return sum(line.count.open for line in self.queues)

    @property
    def overdue(self) -> int:
        """How many of them are late."""
        return sum(line.count.overdue for line in self.queues)


def take_next(desk: Desk, person: Person) -> Job | None:
    """The person's next job, leased; None when nothing is offered. Raises `OnBreakError`.

    A job whose post they may not see is left to others for good, for it would come again and again.
    """
    now = desk.clock()
    worker = next_worker(desk, person, now)
    for _ in range(MAX_PASSED):
        job = desk.resolver.next(worker, now=now)
        if job is None or job.lease is None or _is_visible(desk, person, job):
            return job
        desk.queue.skip(LeaseRef(job.id, job.lease.token), person.id, reason=NOT_LET_IN, now=now)
    return None


def take_ahead(desk: Desk, person: Person, current: JobId | None) -> Sequence[Job]:
    """The jobs after `current`, leased so that their pages can be fetched; none while the person has a restricted one,
    and none when a break is due.
    """
    plan, now = desk.plan(), desk.clock()
    if any(plan.queue(job.queue).restricted for job in desk.queue.mine(person.id, now).leased):
        return []
    try:
        worker = worker_ahead(desk, person, now)
    except OnBreakError:
        return []
    return desk.resolver.ahead(worker, current=current, now=now)


def open_job(desk: Desk, person: Person, job_id: JobId) -> Job:
    """One job by its address, leased to the person.

    Raises `NotFoundError` for one that they may not have, `ConflictError` when somebody else has it or it is decided.
    """
    found = desk.queue.get(job_id)
    if found is not None and not _is_visible(desk, person, found):
        raise NotFoundError(f"There is no job {job_id}.")
    try:
        now = desk.clock()
        return desk.resolver.take(opening_worker(desk, person, job_id, now), job_id, now=now)
    except ConflictError as error:
        job = desk.queue.get(job_id)
        if job is None:
            raise NotFoundError(f"There is no job {job_id}.") from None
        if job.state is not JobState.OPEN:
            raise ConflictError("This job is decided.", hint="If it was you, the list Mine can undo it.") from error
        raise


def _is_visible(desk: Desk, person: Person, job: Job) -> bool:
    return may_see_post(person, desk.standings.of([job.post_id])[job.post_id], desk.plan())


def keep_alive(desk: Desk, person: Person, refs: Sequence[LeaseRef]) -> list[JobId]:
    """Let the person's leases run on; returns the jobs that are still theirs."""
    lease_seconds = desk.plan().lease_seconds
    return desk.queue.heartbeat(person.id, refs, lease_seconds=lease_seconds, now=desk.clock())


def waiting_for(desk: Desk, person: Person, now: datetime) -> Waiting:
    """What waits in the person's queues. Three statements, and three for what is theirs."""
    plan = desk.plan()
    counts = desk.queue.counts(person.queues, now) if person.queues else []
    lines = [QueueLine(plan.queue(count.queue), count) for count in counts]
    return Waiting(
        queues=tuple(sorted(lines, key=lambda line: _urgency(line.count, now))), mine=desk.queue.mine(person.id, now)
    )


def _urgency(count: QueueCount, now: datetime) -> tuple[bool, int, float]:
    """Queues with work first, the later a queue's soonest deadline the further down."""
    left = (count.soonest_due_at - now).total_seconds() if count.soonest_due_at is not None else 0.0
    return count.open == 0, -min(count.overdue, 1), left
