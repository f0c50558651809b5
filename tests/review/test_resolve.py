"""The plan, the queue, the gold items and the decisions together."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import update

from moderation.assembly import signal_specs
from moderation.domain.decision import Action, Submission
from moderation.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.job import Job, JobKind, JobState
from moderation.domain.people import Person, Role
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.domain.worker import Worker
from moderation.review.appeals import AppealDesk
from moderation.review.compile_plan import compile_plan
from moderation.review.custody import Custody
from moderation.review.plan import Plan
from moderation.review.quality import GoldKeeper
from moderation.review.resolve import Resolver
from moderation.storage.engine import Database
from moderation.storage.tables import jobs
from tests.factories import after
from tests.review.plans import SHIPPED
from tests.storage.review.office import Office

QUEUES = ("spam", "adult", "child-safety", "escalations", "appeals")


class NoEvidence:
    """Holds cannot be placed; `asked` is what was to be held."""

    def __init__(self) -> None:
        self.asked: list[PostId] = []

    def place(self, post_ids: Collection[PostId], reason: str, *, person: Person, now: datetime) -> list[PostId]:
        self.asked += post_ids
        raise UnavailableError("the database is away")


class Room:
    """A resolver on a real database, whose chance is set by the test."""

    def __init__(self, database: Database) -> None:
        self.office = Office(database)
        self.plan: Plan = compile_plan(SHIPPED.read_text(), signal_specs(), source=SHIPPED.name)
        self.drawn = 0.99
        self.resolver = self.made()

    def made(self, custody: Custody | None = None) -> Resolver:
        office = self.office
        return Resolver(
            office.queue,
            office.decisions,
            office.gold,
            plan=lambda: self.plan,
            custody=custody,
            chance=lambda: self.drawn,
        )

    def person(self, name: str, *, role: Role = Role.MODERATOR, queues: Collection[str] = QUEUES) -> Person:
        return self.office.person(name, role=role, queues=queues)

    def next(self, person: Person, at: float = 0) -> Job | None:
        return self.resolver.next(Worker.of(person), now=after(at))

    def submission(self, job: Job, action: Action, *, category: str = "adult") -> Submission:
        return self.office.submission(job, action, category=category)


@pytest.fixture
def room(database: Database) -> Room:
    return Room(database)


def test_a_job_goes_from_the_queue_to_the_feed(room: Room) -> None:
    ada, post = room.person("ada"), room.office.held()
    job = room.next(ada, 1)
    assert job is not None
    assert job.lease is not None
    assert (job.post_id, job.lease.expires_at) == (post, after(1 + 90))
    decided = room.resolver.decide(ada, room.submission(job, Action.APPROVE), now=after(2))
    assert decided.effective_at == after(2 + 8)
    assert room.resolver.undo(ada, decided.batch, now=after(3)) == [job.id]
    again = room.next(ada, 4)
    assert again is not None
    room.resolver.decide(ada, room.submission(again, Action.APPROVE), now=after(4))
    room.office.settle(12)
    assert room.office.publish(13) == [post]
    room.office.check()


def test_asking_for_the_jobs_ahead_ends_no_restricted_lease(room: Room) -> None:
    ada, grave, restricted = room.person("ada"), room.office.held(), room.office.held()
    with room.office.database.write() as connection:
        waits = jobs.c.post_id.in_([grave, restricted])
        connection.execute(update(jobs).where(waits).values(queue="child-safety", severity=100))
    job = room.next(ada, 1)
    assert job is not None
    assert job.queue == "child-safety"
    room.office.held()
    ahead = room.resolver.ahead(Worker.of(ada), now=after(2), current=job.id)
    assert [one.queue for one in ahead] == ["spam"]
    assert room.resolver.ahead(Worker.of(ada), now=after(3), current=ahead[0].id) == []
    still = room.office.get(job.id)
    assert still.lease is not None
    assert still.lease.holder == ada.id


def test_a_repeated_submission_is_answered_even_when_the_job_has_moved_on(room: Room) -> None:
    ada = room.person("ada", queues=["spam"])
    room.office.held()
    job = room.next(ada)
    assert job is not None
    submission = room.submission(job, Action.ESCALATE)
    first = room.resolver.decide(ada, submission, now=after(1))
    assert room.office.get(job.id).queue == "escalations"
    assert room.resolver.decide(ada, submission, now=after(2)) == replace(first, replayed=True)


def test_what_the_plan_does_not_offer_is_refused(room: Room) -> None:
    ada = room.person("ada")
    room.office.held()
    job = room.next(ada)
    assert job is not None
    for category in ("none", "violence"):
        with pytest.raises(InvalidInputError):
            room.resolver.decide(ada, room.submission(job, Action.REJECT, category=category), now=after(1))
    stranger = room.person("stranger", queues=["adult"])
    with pytest.raises(NotFoundError):
        room.resolver.decide(stranger, room.submission(job, Action.APPROVE), now=after(1))
    assert room.office.get(job.id).state is JobState.OPEN


def test_queues_for_seniors_are_theirs(room: Room) -> None:
    ada, eve = room.person("ada"), room.person("eve", role=Role.SENIOR)
    room.office.held()
    job = room.next(ada)
    assert job is not None
    room.resolver.decide(ada, room.submission(job, Action.ESCALATE), now=after(1))
    assert room.next(ada, 2) is None
    with pytest.raises(NotFoundError):
        room.resolver.take(Worker.of(ada), job.id, now=after(2))
    assert room.resolver.take(Worker.of(eve), job.id, now=after(2)).id == job.id
    leased = room.office.take(eve, job.id, 3)
    moderator = replace(eve, role=Role.MODERATOR)
    with pytest.raises(ForbiddenError):
        room.resolver.decide(moderator, room.submission(leased, Action.APPROVE), now=after(3))


def test_jobs_are_fetched_ahead_but_restricted_ones_never(room: Room) -> None:
    ada = room.person("ada")
    posts = [room.office.held(number) for number in range(4)]
    job = room.next(ada, 5)
    assert job is not None
    ahead = room.resolver.ahead(Worker.of(ada), current=job.id, now=after(5))
    assert len(ahead) == room.plan.ahead == 2
    assert {one.post_id for one in ahead} < set(posts)
    restricted = Worker.of(room.person("ben", queues=["child-safety"]))
    assert room.resolver.ahead(restricted, now=after(5)) == []


def test_a_drawn_decision_gets_a_second_look_by_somebody_else(room: Room) -> None:
    ada, ben = room.person("ada"), room.person("ben")
    post = room.office.held()
    job = room.next(ada)
    assert job is not None
    room.drawn = 0.01
    room.resolver.decide(ada, room.submission(job, Action.APPROVE), now=after(1))
    room.office.settle(20)
    assert room.office.state(post) is PostState.APPROVED
    assert room.next(ada, 21) is None
    second = room.next(ben, 21)
    assert second is not None
    assert (second.kind, second.shown_kind, second.queue) == (JobKind.SECOND, JobKind.REVIEW, "spam")


def test_gold_items_come_at_the_queues_rate_and_only_to_people_without_a_job(room: Room) -> None:
    ada, lead = room.person("ada"), room.person("lead", role=Role.POLICY, queues=[])
    keeper = GoldKeeper(room.office.gold, plan=lambda: room.plan)
    known = room.office.judged(Verdict.REJECT)
    keeper.add(known, queue="spam", action=Action.REJECT, category="adult", note="", person=lead, now=after(1))
    waiting = room.office.held(2)
    room.drawn = 0.03
    first = room.next(ada, 3)
    assert first is not None
    assert first.post_id == waiting
    room.drawn = 0.0
    assert room.next(ada, 4) == replace(first, lease=room.office.get(first.id).lease)
    room.resolver.decide(ada, room.submission(first, Action.APPROVE), now=after(5))
    gold = room.next(ada, 6)
    assert gold is not None
    assert (gold.kind, gold.post_id, gold.queue) == (JobKind.GOLD, known, "spam")


def test_gold_items_are_chosen_by_leads_within_the_plan(room: Room) -> None:
    lead, ada = room.person("lead", role=Role.SENIOR), room.person("ada")
    keeper = GoldKeeper(room.office.gold, plan=lambda: room.plan)
    post = room.office.judged(Verdict.REJECT)

    def add(person: Person, queue: str, category: str) -> str:
        return keeper.add(
            post, queue=queue, action=Action.REJECT, category=category, note="", person=person, now=after(1)
        ).id

    with pytest.raises(ForbiddenError):
        add(ada, "spam", "adult")
    for queue, category in (("child-safety", "adult"), ("none", "adult"), ("spam", "minors"), ("spam", "none")):
        with pytest.raises(InvalidInputError):
            add(lead, queue, category)
    gold_id = add(lead, "spam", "adult")
    with pytest.raises(ForbiddenError):
        keeper.retire(gold_id, person=ada, now=after(2))
    keeper.retire(gold_id, person=lead, now=after(2))
    assert room.office.gold.list() == []


@pytest.mark.parametrize(("queue", "category"), [("child-safety", "adult"), ("spam", "minors")])
def test_what_was_restricted_is_nobodys_gold_item(room: Room, queue: str, category: str) -> None:
    """Not chosen, and not asked when it became restricted after it was chosen."""
    ada, lead = room.person("ada"), room.person("lead", role=Role.SENIOR)
    post = room.office.held(category=category)
    room.office.decide(ada, room.office.job(post).id, Action.APPROVE, 1)
    room.office.settle(20)
    with room.office.database.write() as connection:
        connection.execute(update(jobs).values(queue=queue))
    answer, action = {"queue": "spam", "category": "", "note": ""}, Action.APPROVE
    keeper = GoldKeeper(room.office.gold, plan=lambda: room.plan)
    with pytest.raises(InvalidInputError, match="restricted"):
        keeper.add(post, **answer, action=action, person=lead, now=after(30))
    room.office.gold.add(post, **answer, action=action, person=lead, now=after(30))
    room.drawn = 0.0
    assert room.next(room.person("ben"), 31) is None


def test_where_evidence_cannot_be_held_the_gravest_rejection_is_not_taken(room: Room) -> None:
    ada, evidence = room.person("ada"), NoEvidence()
    post = room.office.held(category="minors")
    resolver = room.made(Custody(evidence))
    job = room.next(ada)
    assert job is not None
    submission = replace(room.submission(job, Action.REJECT, category="minors"), reasons=(_reason(room, "minors"),))
    with pytest.raises(UnavailableError):
        resolver.decide(ada, submission, now=after(1))
    assert evidence.asked == [post]
    assert room.office.decisions.of_post(post) == []
    resolver.decide(ada, room.submission(job, Action.APPROVE), now=after(2))
    (decision,) = room.office.decisions.of_post(post)
    assert not decision.binding


def _reason(room: Room, category: str) -> str:
    return room.plan.category(category).reasons[0].code


def test_an_appeal_waits_in_the_plans_queue_and_what_was_restricted_stays_so(room: Room) -> None:
    desk = AppealDesk(room.office.appeals, plan=lambda: room.plan)
    post = room.office.judged(Verdict.REJECT)
    appeal = desk.open(post, client="client-1", text="Why?", now=after(1))
    assert room.office.get(appeal.job_id).queue == room.plan.appeal_queue("", "adult") == "appeals"
    assert desk.of_post(post) == [appeal]
    with pytest.raises(ConflictError):
        desk.open(post, client="client-1", text="Why?", now=after(2))
    with pytest.raises(NotFoundError):
        desk.open(PostId("none"), client="client-1", text="Why?", now=after(2))
