"""From the next job to its decision: the plan in force, the queue, the gold items and the decisions together."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from random import SystemRandom

from moderation.domain.decision import Action, Submission
from moderation.domain.errors import ForbiddenError, NotFoundError
from moderation.domain.ids import BatchId, JobId
from moderation.domain.job import Job
from moderation.domain.people import Capability, Person
from moderation.domain.worker import Worker
from moderation.review.custody import Custody
from moderation.review.plan import Plan
from moderation.review.quality import is_open
from moderation.review.terms_of import check_submission, terms_of
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.gold import GoldStore
from moderation.storage.review.queue import JobQueue
from moderation.storage.review.terms import Decided


class Resolver:
    """How people get jobs and decide them.

    `custody` preserves evidence before a rejection for the gravest harm is taken. `chance` gives numbers in [0, 1),
    drawn for second reviews and gold items (None: from the system's randomness).
    """

    def __init__(
        self,
        queue: JobQueue,
        decisions: DecisionStore,
        gold: GoldStore,
        *,
        plan: Callable[[], Plan],
        custody: Custody | None = None,
        chance: Callable[[], float] | None = None,
    ) -> None:
        self._queue = queue
        self._decisions = decisions
        self._gold = gold
        self._plan = plan
        self._custody = custody
        self._chance = chance or SystemRandom().random

    def next(self, worker: Worker, *, now: datetime) -> Job | None:
        """The next job under a lease, as `JobQueue.next`; at the plan's rate it is a gold item that looks like any.

        Somebody who has a job already gets no gold item for asking again.
        """
        plan = self._plan()
        admitted = self._admitted(plan, worker)
        if not self._queue.mine(worker.account, now).leased:
            self._mix_in_gold(plan, admitted, now)
        return self._queue.next(admitted, lease_seconds=plan.lease_seconds, now=now)

    def ahead(self, worker: Worker, *, now: datetime, current: JobId | None = None) -> Sequence[Job]:
        """The jobs after `current`, leased for prefetching, as `JobQueue.ahead`; with gold items at the plan's rate.

        None of a restricted queue: their pages are never fetched unasked.
        """
        plan = self._plan()
        admitted = self._admitted(plan, worker)
        self._mix_in_gold(plan, admitted, now)
        return self._queue.ahead(
            admitted,
            count=plan.ahead,
            lease_seconds=plan.lease_seconds,
            now=now,
            current=current,
            without=frozenset(name for name in admitted.queues if plan.queue(name).restricted),
        )

    def take(self, worker: Worker, job_id: JobId, *, now: datetime) -> Job:
        """One job by its id, as `JobQueue.take`."""
        plan = self._plan()
        return self._queue.take(self._admitted(plan, worker), job_id, lease_seconds=plan.lease_seconds, now=now)

    def decide(self, person: Person, submission: Submission, *, now: datetime) -> Decided:
        """Decide a job on the plan's terms; the same batch again changes nothing and answers the same.

        Raises what `DecisionStore.decide` raises, and `InvalidInputError` for a category, reason or queue that the plan
        does not offer.
        """
        replayed = self._decisions.replay(submission, person=person)
        if replayed is not None:
            return replayed
        plan = self._plan()
        job = self._queue.get(submission.job_id)
        if job is None or job.queue not in person.queues:
            raise NotFoundError(f"There is no job {submission.job_id}.")
        if plan.queue(job.queue).lead_only and not person.may(Capability.LEAD):
            raise ForbiddenError("This queue is for senior moderators.")
        check_submission(plan, submission)
        terms = terms_of(plan, job, submission, chance=self._chance)
        self._preserve(plan, job, submission, person, now)
        return self._decisions.decide(submission, terms, person=person, now=now)

    def undo(self, person: Person, batch: BatchId, *, now: datetime) -> list[JobId]:
        """Take a decision back, as `DecisionStore.undo`."""
        lease_seconds = self._plan().lease_seconds
        return self._decisions.undo(batch, person=person, lease_seconds=lease_seconds, now=now)

    def _preserve(self, plan: Plan, job: Job, submission: Submission, person: Person, now: datetime) -> None:
        if self._custody is None:
            return
        concerned = [post_id for post_id in self._queue.members(job.id) if post_id not in submission.exceptions]
        category = submission.category if submission.action is Action.REJECT else job.category
        self._custody.deciding(plan, submission.action, category, concerned, person=person, now=now)

    @staticmethod
    def _admitted(plan: Plan, worker: Worker) -> Worker:
        """Without the queues that are for senior moderators, unless the person is one."""
        if worker.senior:
            return worker
        open_to_all = frozenset(name for name in worker.queues if not plan.queue(name).lead_only)
        return replace(worker, queues=open_to_all)

    def _mix_in_gold(self, plan: Plan, worker: Worker, now: datetime) -> None:
        """Put a gold item before the person's next jobs, at the rate of the queue that it belongs to."""
        drawn = self._chance()
        queues = frozenset(
            name for name in worker.queues if drawn < plan.queue(name).gold_rate and not plan.queue(name).restricted
        )
        if queues:
            self._gold.offer(replace(worker, queues=queues), now=now, may_show=partial(is_open, plan))
