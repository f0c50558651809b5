"""Whatever several people do with their jobs in whatever order, each job is one person's, and every decision one.

The machine drives the real queue and the real decisions beside `model.Model`, and compares them after every step.
"""

import random
import secrets
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from moderation.domain.decision import Action, Fate, Submission
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AccountId, BatchId, JobId, PostId
from moderation.domain.job import Job, JobKind, JobState, LeaseRef, Route
from moderation.domain.people import Person, Role
from moderation.domain.post import PostState
from moderation.domain.quality import label_of
from moderation.domain.signal import Match, PictureHash
from moderation.domain.worker import Worker
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.queue import JobQueue
from moderation.storage.review.terms import Terms
from moderation.storage.tables import job_posts, jobs
from tests.conftest import REUSED
from tests.factories import NOW, a_digest, a_hold, a_screening, accept, claim_all
from tests.postgres import Cluster, clear
from tests.storage.review.jobs import add_person, job_of_post
from tests.storage.review.model import (
    DISAGREEMENTS,
    ESCALATIONS,
    HANDED_OVER,
    HELD_ALONE,
    LEASE,
    SECONDS,
    UNDO,
    ExpectedBatch,
    ExpectedJob,
    Model,
)

ROUTES = {queue: Route(queue, 70, 1800.0) for queue in (ESCALATIONS, SECONDS, DISAGREEMENTS)}
ANSWERS = [(Action.APPROVE, ""), (Action.REJECT, "adult"), (Action.REJECT, "spam"), (Action.ESCALATE, "")]
MAX_OPEN = 4


class Review(RuleBasedStateMachine):
    """`refs` keeps every lease that anybody ever had, so that stale ones are used again and again."""

    def __init__(self, open_database: Callable[[], Database]) -> None:
        super().__init__()
        self.database = open_database()
        self.posts, self.queue = PostStore(self.database), JobQueue(self.database)
        self.decisions = DecisionStore(self.database)
        self.now, self.model = NOW, Model()
        self.refs: list[tuple[AccountId, LeaseRef]] = []
        self.sent: list[tuple[Submission, Terms, AccountId]] = []
        common = {"spam", ESCALATIONS, SECONDS}
        ada, ben = (add_person(self.database, name, queues=common) for name in ("ada", "ben"))
        cleo = add_person(self.database, "cleo", queues={*common, DISAGREEMENTS}, role=Role.SENIOR)
        self.people = {person.id: person for person in (ada, ben, cleo)}
        spanish = frozenset({"es"})
        self.workers = {
            person.id: replace(Worker.of(person), languages=spanish if person is ben else frozenset())
            for person in self.people.values()
        }

    def teardown(self) -> None:
        assert AuditStore(self.database).verify().problem is None
        assert self.posts.published_without_verdict() == []
        self.database.close()

    def person(self, data: st.DataObject) -> Person:
        return data.draw(st.sampled_from(list(self.people.values())))

    def used(self, data: st.DataObject) -> tuple[AccountId, LeaseRef]:
        """Somebody uses a lease: mostly whoever had it, and mostly a newer one."""
        owner, ref = data.draw(st.sampled_from(self.refs[-6:] + self.refs))
        return data.draw(st.sampled_from([owner, owner, owner, *self.people])), ref

    def keep(self, person: AccountId, job: Job, *, seconds: float = LEASE) -> None:
        assert job.lease is not None
        self.model.jobs[job.id].grant(person, job.lease.token, self.now, seconds)
        self.refs.append((person, LeaseRef(job.id, job.lease.token)))

    def act(self, held: bool, act: Callable[[], object]) -> bool:
        """Do it; whoever has no valid lease is refused. Returns whether it was done."""
        if held:
            act()
            return True
        with pytest.raises(ConflictError):
            act()
        return False

    def new_jobs(self) -> list[tuple[Job, list[PostId]]]:
        """Jobs that the model does not know yet."""
        with self.database.read() as connection:
            ids = [JobId(job_id) for job_id in connection.execute(select(jobs.c.id)).scalars()]
        found = [
            (self.queue.get(job_id), self.queue.members(job_id)) for job_id in ids if job_id not in self.model.jobs
        ]
        return [(job, posts) for job, posts in found if job is not None]

    @rule(seconds=st.sampled_from([0.5, 1.0, UNDO, LEASE, 3600.0, 86400.0]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def has_room(self) -> bool:
        """Few jobs at once, so that people meet at them."""
        return sum(job.state is JobState.OPEN for job in self.model.jobs.values()) < MAX_OPEN

    @initialize(terms=st.permutations(["", "double", "second"]))
    def begin(self, terms: list[str]) -> None:
        for number, kind in enumerate(terms):
            self.open(posts=1 + number % 2, severity=50, language="", terms=kind)

    @precondition(has_room)
    @rule(
        posts=st.integers(1, 2),
        severity=st.sampled_from([10, 90]),
        language=st.sampled_from(["", "", "es"]),
        terms=st.sampled_from(["", "double", "second"]),
    )
    def open_another(self, posts: int, severity: int, language: str, terms: str) -> None:
        self.open(posts=posts, severity=severity, language=language, terms=terms)

    def open(self, *, posts: int, severity: int, language: str, terms: str) -> None:
        for _ in range(posts):
            accept(self.posts, now=self.now)
        claims = claim_all(self.posts, now=self.now)
        match = Match("image_match", {}, (), "1", (PictureHash(0, a_digest(str(len(self.model.jobs))), 100),))
        ids = [claim.post.id for claim in claims]
        self.posts.commit(
            [(claim, a_screening(claim, a_hold("spam"), results=[match])) for claim in claims],
            now=self.now,
            routes={post_id: Route("spam", severity, 3600.0, language) for post_id in ids},
            bases={post_id: f"basis {len(self.model.jobs)}" for post_id in ids},
        )
        job = self.queue.get(job_of_post(self.database, ids[0]))
        assert job is not None
        self.model.jobs[job.id] = ExpectedJob.of(job, ids, double=terms == "double", second=terms == "second")
        self.model.posts |= dict.fromkeys(ids, PostState.HELD)

    @rule(data=st.data())
    def next(self, data: st.DataObject) -> None:
        self.goes_on(self.person(data))

    @rule(data=st.data(), answer=st.sampled_from(ANSWERS[:3]), settled=st.booleans())
    def work(self, data: st.DataObject, answer: tuple[Action, str], settled: bool) -> None:
        """What people do all day: the next job, an answer, and its undo window passes."""
        person = self.person(data)
        self.goes_on(person)
        live = self.model.live(person.id, self.now)
        if live:
            assert live[0].token is not None
            self.answer(person.id, LeaseRef(live[0].id, live[0].token), answer, leave_one_out=False)
        if settled:
            self.wait(UNDO)
            self.settle()

    def goes_on(self, person: Person) -> None:
        worker = self.workers[person.id]
        live = self.model.live(person.id, self.now)
        expected = live[:1] or self.model.best(person, worker, 1, self.now)
        job = self.queue.next(worker, lease_seconds=LEASE, now=self.now)
        assert ([] if job is None else [job.id]) == [one.id for one in expected]
        if job is not None:
            self.keep(person.id, job)

    @rule(data=st.data(), count=st.integers(0, 2))
    def ahead(self, data: st.DataObject, count: int) -> None:
        person = self.person(data)
        worker = self.workers[person.id]
        live = self.model.live(person.id, self.now)
        wanted = max(0, 1 + count - len(live))
        expected = [*live, *self.model.best(person, worker, wanted, self.now)][1:][:count]
        found = self.queue.ahead(worker, count=count, lease_seconds=LEASE, now=self.now)
        assert [job.id for job in found] == [job.id for job in expected]
        for job in found:
            self.keep(person.id, job)

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        person, expected = self.person(data), data.draw(st.sampled_from(list(self.model.jobs.values())))
        live, waits_for = expected.is_live(self.now), expected.waits_for(self.now)
        aside = expected.is_aside(self.now) and expected.held_by != person.id
        free = expected.holder == person.id if live else not aside and waits_for in {None, person.id}

        def take() -> Job:
            return self.queue.take(self.workers[person.id], expected.id, lease_seconds=LEASE, now=self.now)

        if not expected.may_be_had(person):
            with pytest.raises(NotFoundError):
                take()
        elif expected.state is not JobState.OPEN or not free:
            with pytest.raises(ConflictError):
                take()
        else:
            self.keep(person.id, take())

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def heartbeat(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from([owner for owner, _ in self.refs[-6:]]))
        mine = [ref for owner, ref in self.refs[-10:] if owner == person]
        refs = {ref.job_id: ref for ref in mine}
        held = [ref for ref in refs.values() if self.model.jobs[ref.job_id].is_held(person, ref.token)]
        kept = self.queue.heartbeat(person, list(refs.values()), lease_seconds=LEASE, now=self.now)
        assert kept == [ref.job_id for ref in held]
        for ref in held:
            self.model.jobs[ref.job_id].grant(person, ref.token, self.now)

    @precondition(lambda self: self.refs)
    @rule(data=st.data(), seconds=st.sampled_from([60.0, 1800.0]))
    def extend(self, data: st.DataObject, seconds: float) -> None:
        person, ref = self.used(data)
        job = self.model.jobs[ref.job_id]
        if self.act(
            job.is_held(person, ref.token), lambda: self.queue.extend(ref, person, seconds=seconds, now=self.now)
        ):
            job.grant(person, ref.token, self.now, seconds)

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        person, ref = self.used(data)
        job = self.model.jobs[ref.job_id]
        if self.act(job.is_held(person, ref.token), lambda: self.queue.release(ref, person, self.now)):
            job.end()

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def skip(self, data: st.DataObject) -> None:
        person, ref = self.used(data)
        job = self.model.jobs[ref.job_id]
        if self.act(job.is_held(person, ref.token), lambda: self.queue.skip(ref, person, reason="no", now=self.now)):
            job.end()
            job.assign(None, None)
            job.excluded.add(person)

    @precondition(lambda self: self.refs)
    @rule(data=st.data(), seconds=st.sampled_from([1.0, 600.0, 86400.0]))
    def hold(self, data: st.DataObject, seconds: float) -> None:
        person, ref = self.used(data)
        job, wake_at = self.model.jobs[ref.job_id], self.now + timedelta(seconds=seconds)
        if self.act(
            job.is_held(person, ref.token),
            lambda: self.queue.hold(ref, person, wake_at=wake_at, note="", now=self.now),
        ):
            job.end()
            job.wake_at, job.held_by = wake_at, person
            job.assign(person, wake_at + HELD_ALONE)

    @precondition(lambda self: self.refs)
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        (person, ref), to = self.used(data), self.person(data)
        job = self.model.jobs[ref.job_id]

        def hand_over() -> None:
            self.queue.hand_over(ref, person, to=to.id, note="", now=self.now)

        if job.is_held(person, ref.token) and (to.id == person or not job.may_be_had(to)):
            with pytest.raises(InvalidInputError):
                hand_over()
        elif self.act(job.is_held(person, ref.token), hand_over):
            job.end()
            job.assign(to.id, self.now + HANDED_OVER)

    @precondition(lambda self: self.model.jobs)
    @rule(data=st.data(), nobody=st.booleans())
    def assign(self, data: st.DataObject, nobody: bool) -> None:
        job, to = data.draw(st.sampled_from(list(self.model.jobs.values()))), self.person(data)

        def assign() -> None:
            self.queue.assign(job.id, None if nobody else to.id, actor="account:lead", now=self.now)

        if job.state is not JobState.OPEN:
            with pytest.raises(ConflictError):
                assign()
        elif not nobody and not job.may_be_had(to):
            with pytest.raises(InvalidInputError):
                assign()
        else:
            assign()
            job.end()
            job.wake_at = job.held_by = None
            job.assign(*((None, None) if nobody else (to.id, self.now + HANDED_OVER)))

    @precondition(lambda self: self.refs)
    @rule(data=st.data(), answer=st.sampled_from(ANSWERS), leave_one_out=st.booleans())
    def decide(self, data: st.DataObject, answer: tuple[Action, str], leave_one_out: bool) -> None:
        person, ref = self.used(data)
        self.answer(person, ref, answer, leave_one_out=leave_one_out)

    def answer(self, person: AccountId, ref: LeaseRef, answer: tuple[Action, str], *, leave_one_out: bool) -> None:
        job, (action, category) = self.model.jobs[ref.job_id], answer
        left = set(job.posts[:1]) if leave_one_out and len(job.posts) > 1 else set()
        batch = BatchId(f"batch-{len(self.sent):06d}")
        submission = Submission(
            batch, ref.job_id, ref.token, action, category, ("code",) if category else (), exceptions=frozenset(left)
        )
        terms = Terms(
            undo_seconds=UNDO,
            second_route=ROUTES[SECONDS],
            disagreement_route=ROUTES[DISAGREEMENTS],
            escalate=None if job.queue == ESCALATIONS else ROUTES[ESCALATIONS],
            double=job.double,
            second=job.second,
        )

        def decide() -> object:
            return self.decisions.decide(submission, terms, person=self.people[person], now=self.now)

        if job.is_held(person, ref.token) and action is Action.ESCALATE and job.queue == ESCALATIONS:
            with pytest.raises(InvalidInputError):
                decide()
        elif self.act(job.is_held(person, ref.token), decide):
            self.sent.append((submission, terms, person))
            self.decided(job, batch, person, (action, label_of(action, category)), left)

    def decided(
        self, job: ExpectedJob, batch: BatchId, person: AccountId, answer: tuple[Action, str], left: set[PostId]
    ) -> None:
        queue, language = job.queue, job.language
        job.posts = [post_id for post_id in job.posts if post_id not in left]
        self.model.decide(job, batch, person, answer, self.now)
        if answer[0] is Action.ESCALATE:
            moved = self.queue.get(job.id)
            assert moved is not None
            job.queue, job.language = ESCALATIONS, ""
            job.rank = ExpectedJob.of(moved, []).rank
            job.assign(None, None)
        opened = self.new_jobs()
        assert [posts for _, posts in opened] == [[post_id] for post_id in left]
        for found, posts in opened:
            assert (found.kind, found.queue, found.language) == (job.kind, queue, language)
            new = ExpectedJob.of(found, posts, double=job.double, second=job.second)
            new.excluded, new.compared = set(job.excluded), job.compared
            self.model.jobs[found.id] = new

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        submission, terms, person = data.draw(st.sampled_from(self.sent))
        if self.model.batches[submission.batch].fate == "undone":
            with pytest.raises(ConflictError):
                self.decisions.decide(submission, terms, person=self.people[person], now=self.now)
            return
        again = self.decisions.decide(submission, terms, person=self.people[person], now=self.now)
        assert again.replayed
        assert {decision.post_id for decision in again.decisions} == set(self.model.batches[submission.batch].posts)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), late=st.sampled_from([0.0, 0.0, UNDO]))
    def undo(self, data: st.DataObject, late: float) -> None:
        self.wait(late)
        submission, _, owner = data.draw(st.sampled_from(self.sent[-4:]))
        who = self.people[data.draw(st.sampled_from([owner, owner, *self.people]))]
        made = self.model.batches[submission.batch]

        def undo() -> list[JobId]:
            return self.decisions.undo(submission.batch, person=who, now=self.now, lease_seconds=LEASE)

        if who.id != owner and who.role is not Role.SENIOR:
            with pytest.raises(NotFoundError):
                undo()
        elif made.fate == "undone":
            assert undo() == [made.job.id]
        elif not self.model.can_undo(made, self.now):
            with pytest.raises(ConflictError):
                undo()
        else:
            assert undo() == [made.job.id]
            self.model.undone(made)
            job = self.queue.get(made.job.id)
            assert job is not None
            if who.id == owner:
                self.keep(owner, job)

    @rule()
    def settle(self) -> None:
        before = {job.id for job in self.model.jobs.values()}
        about, asking = self.model.settle(self.now)
        assert set(self.decisions.settle_due(limit=1000, now=self.now)) == about
        opened = {frozenset(posts): (job, posts) for job, posts in self.new_jobs()}
        assert set(opened) == {frozenset(made.posts) for made in asking}
        assert before == set(self.model.jobs)
        for made in asking:
            self.asked(made, *opened[frozenset(made.posts)])

    def asked(self, made: ExpectedBatch, job: Job, posts: list[PostId]) -> None:
        queue = SECONDS if made.opens is JobKind.SECOND else DISAGREEMENTS
        assert (job.kind, job.queue) == (made.opens, queue)
        new = ExpectedJob.of(job, posts)
        new.excluded, new.compared = self.model.deciders(made.posts), made
        self.model.jobs[job.id] = new

    @rule()
    def publish(self) -> None:
        ready = {post_id for post_id, state in self.model.posts.items() if state is PostState.APPROVED}
        assert set(self.posts.publish_approved(limit=1000, now=self.now)) == ready
        self.model.posts |= dict.fromkeys(ready, PostState.PUBLISHED)

    @invariant()
    def jobs_are_as_expected(self) -> None:
        with self.database.read() as connection:
            rows = {row.id: row for row in connection.execute(select(jobs))}
            members = connection.execute(select(job_posts).where(job_posts.c.left_at.is_(None))).all()
        posts: dict[str, set[str]] = {}
        for row in members:
            posts.setdefault(row.job_id, set()).add(row.post_id)
        assert set(rows) == set(self.model.jobs)
        for job in self.model.jobs.values():
            row = rows[job.id]
            assert (row.state, row.kind, row.queue) == (job.state, job.kind, job.queue)
            assert (row.lease_token, row.lease_holder, row.lease_expires_at) == (job.token, job.holder, job.expires_at)
            assert (row.wake_at, row.held_by) == (job.wake_at, job.held_by)
            assert (row.assigned_to, row.assigned_until) == (job.assigned_to, job.assigned_until)
            assert row.available_at == (job.expires_at or job.wake_at)
            assert posts[job.id] == set(job.posts)
            assert (row.post_id in job.posts, row.posts) == (True, len(job.posts))

    @invariant()
    def posts_are_as_expected(self) -> None:
        found = self.posts.many(list(self.model.posts))
        assert {post_id: post.state for post_id, post in found.items()} == self.model.posts

    @invariant()
    def nobody_decides_what_somebody_decided(self) -> None:
        """Of each job at most one answer stands, and a person answers no case twice."""
        for job in self.model.jobs.values():
            standing = [
                decision
                for decision in self.decisions.of_job(job.id)
                if decision.fate is not Fate.UNDONE and decision.action is not Action.ESCALATE
            ]
            assert len({decision.batch for decision in standing}) <= 1
        for decided in self.decisions.of_posts(list(self.model.posts)).values():
            answers = [one for one in decided if one.fate is not Fate.UNDONE and one.action is not Action.ESCALATE]
            assert len({one.account for one in answers}) == len(answers)


def run_machine(open_database: Callable[[], Database], *, examples: int, steps: int) -> None:
    class Machine(Review):
        def __init__(self) -> None:
            super().__init__(open_database)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def same_ids(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Begin the same series of ids again: a history must go the same way when it is tried again."""

    def begin() -> None:
        monkeypatch.setattr(secrets, "randbits", random.Random(0).getrandbits)

    return begin


@pytest.fixture
def fresh_sqlite(sqlite_template: Path, tmp_path: Path, same_ids: Callable[[], None]) -> Callable[[], Database]:
    def fresh() -> Database:
        same_ids()
        for leftover in tmp_path.glob("machine.db*"):
            leftover.unlink()
        path = tmp_path / "machine.db"
        shutil.copy(sqlite_template, path)
        return Database.open(f"sqlite:///{path}")

    return fresh


@pytest.fixture
def fresh_postgres(
    postgres_url: str, postgres_cluster: Cluster, same_ids: Callable[[], None]
) -> Callable[[], Database]:
    def fresh() -> Database:
        same_ids()
        clear(postgres_cluster, REUSED)
        return Database.open(postgres_url)

    return fresh


@pytest.mark.timeout(600)
def test_review_on_sqlite(fresh_sqlite: Callable[[], Database]) -> None:
    run_machine(fresh_sqlite, examples=40, steps=50)


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_review_on_postgresql(fresh_postgres: Callable[[], Database]) -> None:
    run_machine(fresh_postgres, examples=8, steps=50)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_review_on_sqlite_for_long(fresh_sqlite: Callable[[], Database]) -> None:
    run_machine(fresh_sqlite, examples=150, steps=80)


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.timeout(1800)
def test_review_on_postgresql_for_long(fresh_postgres: Callable[[], Database]) -> None:
    run_machine(fresh_postgres, examples=60, steps=80)
