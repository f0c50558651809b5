"""Taking and deciding jobs through the real resolver: one person after the other, and twenty at once."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from moderation.domain.decision import Action, Submission
from moderation.domain.errors import ConflictError, UnavailableError
from moderation.domain.ids import AccountId, BatchId, JobId, new_id
from moderation.domain.job import Job, JobKind
from moderation.domain.people import Person
from moderation.domain.worker import Worker
from moderation.review.plan import Plan
from moderation.review.resolve import Resolver
from moderation.storage.engine import Database
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.gold import GoldStore
from moderation.storage.review.queue import JobQueue

SETTLE_EVERY_S = 0.25
SETTLED_AT_ONCE = 200
APPROVED_SHARE = 0.4


def resolver_on(database: Database, plan: Plan) -> Resolver:
    """The resolver as the console has it, on one plan."""
    return Resolver(JobQueue(database), DecisionStore(database), GoldStore(database), plan=lambda: plan)


def next_times(
    resolver: Resolver, queues: frozenset[str], *, rounds: int, clock: Callable[[], datetime]
) -> list[float]:
    """Milliseconds of `next` for people who come one after the other, each with no job yet. They keep what they get.

    Raises `UnavailableError` when jobs run out.
    """
    found = []
    for number in range(rounds):
        now = clock()
        worker = Worker(AccountId(new_id(now)), f"visitor-{number}", queues, frozenset({"de"}))
        begin = time.perf_counter()
        job = resolver.next(worker, now=now)
        found.append((time.perf_counter() - begin) * 1000)
        if job is None:
            raise UnavailableError("There are not enough open jobs.", hint="Ask for more jobs.")
    return found


@dataclass(slots=True)
class Shift:
    """What a team did: who was given and who decided which job, and how long each took in milliseconds."""

    given: defaultdict[JobId, set[AccountId]] = field(default_factory=lambda: defaultdict(set))
    decided: defaultdict[JobId, set[AccountId]] = field(default_factory=lambda: defaultdict(set))
    next_ms: list[float] = field(default_factory=list)
    decide_ms: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def double_assignments(self) -> int:
        """Jobs that two people had, or that two people decided."""
        return sum(len(self.given[job] | self.decided[job]) > 1 for job in {*self.given, *self.decided})


def team_at_work(
    resolver: Resolver,
    decisions: DecisionStore,
    plan: Plan,
    people: Sequence[Person],
    *,
    seconds: float,
    clock: Callable[[], datetime],
) -> Shift:
    """Everybody takes and decides for `seconds`, each in a thread, while decisions settle as they do in a lane."""
    shift, stop = Shift(), threading.Event()
    begin = time.perf_counter()
    end = begin + seconds

    def settle() -> None:
        while not stop.wait(SETTLE_EVERY_S):
            decisions.settle_due(limit=SETTLED_AT_ONCE, now=clock())

    with ThreadPoolExecutor(len(people) + 1) as pool:
        settling = pool.submit(settle)
        try:
            working = [pool.submit(_work, resolver, plan, person, shift, end, clock) for person in people]
            for one in working:
                one.result()
        finally:
            stop.set()
        settling.result()
    shift.seconds = time.perf_counter() - begin
    return shift


def _work(
    resolver: Resolver, plan: Plan, person: Person, shift: Shift, end: float, clock: Callable[[], datetime]
) -> None:
    rng = random.Random(person.name)  # noqa: S311 - which decision is taken, not a secret
    worker = Worker.of(person)
    while (begin := time.perf_counter()) < end:
        job = resolver.next(worker, now=clock())
        if job is None:
            return
        taken = time.perf_counter()
        try:
            resolver.decide(person, _submission(plan, job, rng, clock()), now=clock())
        except ConflictError as error:
            with shift.lock:
                shift.refused[error.message] += 1
            continue
        done = time.perf_counter()
        with shift.lock:
            shift.given[job.id].add(person.id)
            shift.decided[job.id].add(person.id)
            shift.next_ms.append((taken - begin) * 1000)
            shift.decide_ms.append((done - taken) * 1000)


def _submission(plan: Plan, job: Job, rng: random.Random, now: datetime) -> Submission:
    assert job.lease is not None
    batch = BatchId(new_id(now))
    if job.kind is JobKind.APPEAL:
        return Submission(batch, job.id, job.lease.token, Action.UPHOLD, seconds=1.0)
    if rng.random() < APPROVED_SHARE:
        return Submission(batch, job.id, job.lease.token, Action.APPROVE, seconds=1.0)
    category = next((one for one in plan.rejections if one.name == job.category), plan.rejections[0])
    reasons = tuple(reason.code for reason in category.reasons[:1])
    return Submission(batch, job.id, job.lease.token, Action.REJECT, category.name, reasons, seconds=1.0)
