"""Sweeps in the database: races, what is written of them, and what an audit sees."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.job import Route
from moderation.domain.retroaction import Case, Result, Ruling, SweepState, SweepTerms
from moderation.domain.verdict import Verdict
from moderation.storage import retroaction_acts
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.review.waiting import WaitingStore
from moderation.storage.screenings import ScreeningStore
from tests.factories import NOW, after
from tests.screening.sweeping import Scene
from tests.storage.review.picture_rows import a_pdq
from tests.storage.tampering import run, unprotect

DAY = NOW.date()


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_two_runs_of_one_day_at_once_do_everything_once(scene: Scene) -> None:
    posts = [scene.published(a_pdq(1, flipped=number), at=number) for number in range(12)]
    scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(withdraw=True), by="test")
    together = Barrier(3)

    def run_day(_: int) -> None:
        together.wait()
        scene.retroaction.run_day(sweep.id, DAY)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(run_day, range(3)))
    assert scene.results(sweep.id) == {Result.WITHDRAW: 12}
    told = [one.type for one in OutboxStore(scene.database).messages(limit=1_000) if one.post_id in posts]
    assert told.count("post.withdrawn") == 12
    assert AuditStore(scene.database).verify().problem is None
    assert scene.sweeps.get(sweep.id).state is SweepState.DONE


def test_a_sweep_is_read_as_it_was_made(scene: Scene) -> None:
    entry = scene.bank(a_pdq(1))
    cause = scene.cause(3, bank="BANNED", entry=entry.id, first_day=DAY, last_day=DAY)
    terms = SweepTerms(7, withdraw=True, queue="adult")
    sweep = scene.sweeps.create(cause, terms, by="cli", now=after(5))
    assert (sweep.cause, sweep.terms, sweep.by, sweep.created_at) == (cause, terms, "cli", after(5))
    assert (sweep.state, sweep.days) == (SweepState.DONE, 0)
    assert scene.sweeps.newest() == [sweep]
    assert scene.sweeps.newest(states=[SweepState.OPEN]) == []


def test_a_sweep_without_posts_is_done_at_once(scene: Scene) -> None:
    sweep = scene.sweeps.create(scene.cause(), SweepTerms(), by="test", now=after(0))
    assert (sweep.state, sweep.ended_at, sweep.touched) == (SweepState.DONE, after(0), 0)


def test_wrong_caps_and_unknown_sweeps_are_refused(scene: Scene) -> None:
    for cap in (0, 10_000_001):
        with pytest.raises(InvalidInputError):
            scene.sweeps.create(scene.cause(), SweepTerms(cap), by="test", now=after(0))
    with pytest.raises(NotFoundError):
        scene.sweeps.raise_cap("none", 9, by="test", now=after(0))
    done = scene.sweeps.create(scene.cause(), SweepTerms(), by="test", now=after(0))
    with pytest.raises(ConflictError):
        scene.sweeps.raise_cap(done.id, 1_000, by="test", now=after(0))
    with pytest.raises(ConflictError):
        scene.sweeps.cancel(done.id, by="test", now=after(0))
    with pytest.raises(NotFoundError):
        scene.sweeps.finish_day(done.id, DAY, scanned=0, found=0, later=0, now=after(0))


def test_an_error_while_judging_leaves_nothing_behind(scene: Scene) -> None:
    post = scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(withdraw=True), by="test")
    head = AuditStore(scene.database).head()

    def breaks(_: Sequence[Case]) -> Sequence[Ruling]:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        scene.sweeps.apply(sweep.id, DAY, [post], breaks, now=after(1000))
    with pytest.raises(ValueError, match="without a screening"):
        scene.sweeps.apply(sweep.id, DAY, [post], lambda _: [Ruling(Result.WITHDRAW)], now=after(1000))
    assert AuditStore(scene.database).head() == head
    assert scene.sweeps.dealt_with(sweep.id, DAY) == set()


def test_who_made_and_changed_a_sweep_is_audited(scene: Scene) -> None:
    scene.published(a_pdq(1))
    sweep = scene.sweeps.create(scene.cause(), SweepTerms(1), by="ada", now=after(10))
    scene.sweeps.raise_cap(sweep.id, 5, by="bob", now=after(11))
    scene.sweeps.cancel(sweep.id, by="eve", now=after(12))
    events = AuditStore(scene.database).about(f"sweep:{sweep.id}")
    assert [(one.kind, one.actor) for one in events] == [
        ("sweep.started", "ada"),
        ("sweep.cap_raised", "bob"),
        ("sweep.cancelled", "eve"),
    ]
    assert events[1].payload == {"from": 1, "cap": 5}


@pytest.mark.parametrize("statement", ["UPDATE verdicts SET verdict = 'hold'", "DELETE FROM verdicts"])
def test_an_audit_finds_a_verdict_of_a_sweep_that_was_changed(scene: Scene, statement: str) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    scene.sweep(withdraw=True)
    assert AuditStore(scene.database).verify().problem is None
    unprotect(scene.database, "verdicts")
    run(scene.database, f"{statement} WHERE verdict = 'reject'")
    assert AuditStore(scene.database).verify().problem is not None


def test_an_audit_finds_a_withdrawal_that_nobody_told_of(scene: Scene) -> None:
    scene.published(a_pdq(1))
    run(scene.database, "UPDATE posts SET state = 'withdrawn'")
    problem = AuditStore(scene.database).verify().problem
    assert problem is not None
    assert "withdrawn without an event" in problem.problem


def test_asking_a_person_explains_no_withdrawal(scene: Scene) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    scene.sweep()
    assert AuditStore(scene.database).verify().problem is None
    run(scene.database, "UPDATE posts SET state = 'withdrawn'")
    problem = AuditStore(scene.database).verify().problem
    assert problem is not None
    assert "withdrawn without an event" in problem.problem


def test_a_withdrawn_post_can_be_appealed(scene: Scene) -> None:
    post = scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    scene.sweep(withdraw=True)
    route = Route("appeals", 50, 3600.0)
    appeal = scene.office.appeals.open(post, client="client-1", text="It is mine.", route=route, now=after(1100))
    assert appeal.post_id == post


def test_what_is_due_is_counted_for_the_metric(scene: Scene) -> None:
    scene.sweeps.note_due({Result.WITHDRAW: 2, Result.GONE: 5}, now=after(0))
    scene.sweeps.note_due({Result.WITHDRAW: 1, Result.EVIDENCE: 4}, now=after(10))
    assert scene.sweeps.due(after(-3600), after(60)) == {"withdraw": 3.0, "evidence": 4.0}
    assert scene.sweeps.due(after(7200), after(9000)) == {}


def test_a_post_that_waits_already_keeps_its_queue_and_becomes_more_urgent(scene: Scene) -> None:
    post = scene.judged(a_pdq(1), Verdict.HOLD)
    run(scene.database, "UPDATE jobs SET severity = 10, rank = 1")
    before = scene.job(post)
    scene.bank(a_pdq(1))
    scene.sweep()
    job = scene.job(post)
    assert (job.id, job.queue, job.category) == (before.id, before.queue, before.category)
    assert job.severity > before.severity
    (waiting,) = WaitingStore(scene.database).newest(5, signals=())
    assert (waiting.queue, waiting.category) == ("spam", "spam")


def test_a_post_that_came_to_wait_meanwhile_gets_no_second_job(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    post = scene.judged(a_pdq(1), Verdict.HOLD)
    job = scene.job(post).id
    scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(), by="test")
    with monkeypatch.context() as patched:
        patched.setattr(retroaction_acts, "lock_jobs", lambda *_: {})
        assert scene.retroaction.run(sweep.id).state is SweepState.OPEN
    assert scene.retroaction.run(sweep.id).results == {Result.EVIDENCE: 1}
    assert scene.job(post).id == job


def test_of_several_findings_on_one_job_the_most_urgent_counts(scene: Scene) -> None:
    post = scene.judged(a_pdq(1), Verdict.HOLD)
    with scene.database.write() as connection:
        row = retroaction_acts.lock_jobs(connection, [post])[post]
        found = [(row, Route("spam", 90, 60.0)), (row, Route("spam", 20, 7200.0))]
        retroaction_acts._raise_priorities(connection, found, after(10))
    job = scene.job(post)
    assert (job.severity, job.due_at) == (90, after(70))


def test_what_a_sweep_repeats_counts_as_no_measurement_and_no_wait(scene: Scene) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    store = ScreeningStore(scene.database)
    before = store.failure_rates(None), store.latencies(None, 10)
    scene.sweep(withdraw=True)
    assert (store.failure_rates(None), store.latencies(None, 10)) == before
