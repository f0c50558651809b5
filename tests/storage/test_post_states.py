"""Whatever lanes, clients, deadlines and publishers do in whatever order, a post's history stays true.

The machine drives the real store beside a model of a few dictionaries, and compares them after every step.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from moderation.domain.ids import PostId
from moderation.domain.post import PENDING, TRANSITIONS, Claim, PostState
from moderation.domain.verdict import Verdict
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.jobs import JobStore
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore
from tests.conftest import REUSED
from tests.factories import NOW, a_screening, accept, judgement_of
from tests.postgres import Cluster, clear

LEASE = 10.0
DEADLINE = 60.0


@dataclass
class Expected:
    """What the model knows of a post."""

    received_at: datetime
    state: PostState = PostState.RECEIVED
    token: str = ""
    expires_at: datetime = NOW
    attempts: int = 0
    verdicts: int = 0
    approved: bool = False


class PostStates(RuleBasedStateMachine):
    """Posts on their way; `claims` keeps every claim ever made, so that stale ones are used again and again."""

    def __init__(self, open_database: Callable[[], Database]) -> None:
        super().__init__()
        self.database = open_database()
        self.store = PostStore(self.database)
        self.now = NOW
        self.model: dict[PostId, Expected] = {}
        self.claims: list[Claim] = []
        self.keys: dict[str, PostId] = {}
        self.published: list[PostId] = []
        self.messages = 0

    def teardown(self) -> None:
        report = AuditStore(self.database).verify()
        assert report.problem is None
        for post_id, expected in self.model.items():
            kinds = [event.kind for event in AuditStore(self.database).about(f"post:{post_id}")]
            told = ["post.received", "verdict", "post.published"][
                : 1 + expected.verdicts + (expected.state is PostState.PUBLISHED)
            ]
            assert ["verdict" if kind in {"post.verdict", "post.held"} else kind for kind in kinds] == told
        self.database.close()

    @rule(seconds=st.sampled_from([0.001, 1.0, LEASE, DEADLINE]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(key=st.sampled_from([None, "a", "b"]))
    def accept(self, key: str | None) -> None:
        post = accept(self.store, key=key, now=self.now, deadline_seconds=DEADLINE)
        if key is not None and key in self.keys:
            assert post.id == self.keys[key]
            return
        assert post.id not in self.model
        self.model[post.id] = Expected(self.now)
        if key is not None:
            self.keys[key] = post.id

    @rule(limit=st.integers(1, 3))
    def claim(self, limit: int) -> None:
        free = sorted(
            (expected.received_at, post_id)
            for post_id, expected in self.model.items()
            if expected.state is PostState.RECEIVED
            or (expected.state is PostState.SCREENING and expected.expires_at <= self.now)
        )
        if limit > 1:
            retried = [entry for entry in free if self.model[entry[1]].attempts > 0][:1]
            free = retried + [entry for entry in free if self.model[entry[1]].attempts == 0]
        free = free[:limit]
        claims = self.store.claim("lane", limit=limit, lease_seconds=LEASE, now=self.now)
        assert [claim.post.id for claim in claims] == [post_id for _, post_id in free]
        for claim in claims:
            expected = self.model[claim.post.id]
            expected.state, expected.token = PostState.SCREENING, claim.token
            expected.expires_at, expected.attempts = claim.expires_at, expected.attempts + 1
            assert claim.attempt == expected.attempts
        self.claims += claims

    def picked(self, data: st.DataObject) -> list[Claim]:
        return data.draw(
            st.lists(st.sampled_from(self.claims), min_size=1, max_size=3, unique_by=lambda it: it.post.id)
        )

    def holds(self, claim: Claim) -> bool:
        expected = self.model[claim.post.id]
        return expected.state is PostState.SCREENING and expected.token == claim.token

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        claims = self.picked(data)
        renewed = self.store.renew(claims, lease_seconds=LEASE, now=self.now)
        assert [claim.post.id for claim in renewed] == [claim.post.id for claim in claims if self.holds(claim)]
        for claim in renewed:
            self.model[claim.post.id].expires_at = claim.expires_at

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        claims = self.picked(data)
        self.store.release(claims, now=self.now)
        for claim in claims:
            if self.holds(claim):
                self.model[claim.post.id].state = PostState.RECEIVED
                self.model[claim.post.id].attempts -= 1

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        claims = self.picked(data)
        said = [data.draw(st.sampled_from(Verdict)) for _ in claims]
        screened = [(claim, a_screening(claim, judgement_of(one))) for claim, one in zip(claims, said, strict=True)]
        committed = self.store.commit(screened, now=self.now)
        assert list(committed.stored) == [claim.post.id for claim in claims if self.holds(claim)]
        assert list(committed.lost) == [claim.post.id for claim in claims if not self.holds(claim)]
        for claim, verdict in zip(claims, said, strict=True):
            if self.holds(claim):
                self.settle(claim.post.id, verdict)

    @rule()
    def hold_overdue(self) -> None:
        overdue = {
            post_id
            for post_id, expected in self.model.items()
            if expected.state in PENDING and expected.received_at + timedelta(seconds=DEADLINE) <= self.now
        }
        assert self.store.overdue(self.now) == len(overdue)
        assert set(self.store.hold_overdue(now=self.now, limit=100)) == overdue
        for post_id in overdue:
            self.settle(post_id, Verdict.HOLD)

    @rule(limit=st.integers(1, 3))
    def publish(self, limit: int) -> None:
        ready = sorted(
            (expected.received_at, post_id)
            for post_id, expected in self.model.items()
            if expected.state is PostState.APPROVED
        )[:limit]
        done = self.store.publish_approved(limit=limit, now=self.now)
        assert done == [post_id for _, post_id in ready]
        for post_id in done:
            self.model[post_id].state = PostState.PUBLISHED
        self.published += done
        self.messages += len(done)

    def settle(self, post_id: PostId, verdict: Verdict) -> None:
        expected = self.model[post_id]
        assert verdict.state in TRANSITIONS[expected.state]
        expected.state, expected.approved = verdict.state, verdict is Verdict.APPROVE
        expected.verdicts += 1
        self.messages += 1

    @invariant()
    def states_are_as_expected(self) -> None:
        found = self.store.many(list(self.model))
        assert {post_id: post.state for post_id, post in found.items()} == {
            post_id: expected.state for post_id, expected in self.model.items()
        }
        assert sum(self.store.counts().values()) == len(self.model)

    @invariant()
    def the_feed_is_what_was_published(self) -> None:
        assert [item.post.id for item in self.store.feed(cursor=None, limit=200).items] == self.published[::-1]
        assert all(self.model[post_id].approved for post_id in self.published)
        assert self.store.published_without_verdict() == []

    @invariant()
    def each_post_has_at_most_one_verdict_and_a_job_if_held(self) -> None:
        assert sum(it.posts for it in ScreeningStore(self.database).outcome_counts(None)) == sum(
            expected.verdicts for expected in self.model.values()
        )
        assert all(expected.verdicts <= 1 for expected in self.model.values())
        held = {post_id for post_id, expected in self.model.items() if expected.state is PostState.HELD}
        assert {job.post_id for job in JobStore(self.database).open(None, 1000)} == held

    @invariant()
    def every_change_was_told_once(self) -> None:
        messages = OutboxStore(self.database).messages(limit=1000)
        assert len({message.id for message in messages}) == len(messages) == self.messages


def run_machine(open_database: Callable[[], Database], examples: int) -> None:
    class Machine(PostStates):
        def __init__(self) -> None:
            super().__init__(open_database)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(300)
def test_post_states_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    def fresh() -> Database:
        path = tmp_path / "machine.db"
        for leftover in tmp_path.glob("machine.db*"):
            leftover.unlink()
        shutil.copy(sqlite_template, path)
        return Database.open(f"sqlite:///{path}")

    run_machine(fresh, examples=25)


@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_post_states_on_postgresql(postgres_url: str, postgres_cluster: Cluster) -> None:
    def fresh() -> Database:
        clear(postgres_cluster, REUSED)
        return Database.open(postgres_url)

    run_machine(fresh, examples=8)
