"""A bank or a policy changes, and what was judged before is judged again: on both databases, with the real matcher."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from moderation.domain.bank import EntryAmendment, Opinion
from moderation.domain.decision import Action
from moderation.domain.errors import ConflictError, SweepTooLargeError
from moderation.domain.job import JobKind, JobState
from moderation.domain.post import PostState
from moderation.domain.retroaction import Result, SweepState, SweepTerms, day_of
from moderation.domain.signal import PictureHash
from moderation.domain.verdict import Verdict
from moderation.matching.hits import Matched
from moderation.screening import retroaction
from moderation.screening.rematching import match_result
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.retroaction_cases import HashPage, SweptPosts
from moderation.storage.retroaction_ending import REASON
from moderation.storage.review.retention import RetentionStore
from moderation.storage.screenings import ScreeningStore
from tests.factories import NOW, a_new_post, a_score, a_screening, accept, after
from tests.screening.sweeping import ALLOW, BLOCK, REVIEW, Scene
from tests.storage.review.office import DOUBLE, TERMS, UNDO
from tests.storage.review.picture_rows import a_pdq
from tests.storage.tampering import count


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_a_preview_counts_and_changes_nothing(scene: Scene) -> None:
    published, held = scene.published(a_pdq(1)), scene.judged(a_pdq(1, flipped=20), Verdict.HOLD, at=2)
    scene.judged(a_pdq(1), Verdict.REJECT, at=3)
    scene.published(a_pdq(2), at=4)
    scene.bank(a_pdq(1))
    head = AuditStore(scene.database).head()
    found = scene.retroaction.preview(scene.cause(), SweepTerms(withdraw=True))
    assert found.by_result() == {Result.WITHDRAW: 1, Result.EVIDENCE: 1, Result.GONE: 1}
    assert (found.scanned, found.pending, found.touched) == (4, 0, 2)
    assert {example.post_id for example in found.examples} == {published, held}
    assert set(found.counts) == {
        (NOW.date(), "published", Result.WITHDRAW),
        (NOW.date(), "held", Result.EVIDENCE),
        (NOW.date(), "rejected", Result.GONE),
    }
    assert AuditStore(scene.database).head() == head


def test_a_sure_match_is_withdrawn_when_asked_for(scene: Scene) -> None:
    post = scene.published(a_pdq(1))
    scene.bank(a_pdq(1, flipped=31))
    sweep = scene.sweep(withdraw=True)
    assert scene.state(post) is PostState.WITHDRAWN
    assert scene.office.messages(post)[-1] == "post.withdrawn"
    assert scene.office.events(post)[-1] == "post.retroaction"
    assert scene.office.posts.feed(cursor=None, limit=10).items == ()
    screening = ScreeningStore(scene.database).latest(post)
    assert screening is not None
    assert screening.lane == f"retroaction:{sweep}"
    assert (screening.pins.policy, screening.pins.bank_checkpoint) == (scene.cause().policy, scene.banks.checkpoint())
    assert screening.judgement.verdict is Verdict.REJECT
    event = AuditStore(scene.database).about(f"post:{post}")[-1]
    assert (event.payload["cause"], event.payload["sweep"], event.payload["from"]) == (
        "retroaction",
        sweep,
        "published",
    )
    assert AuditStore(scene.database).verify().problem is None
    assert scene.office.posts.published_without_verdict() == []


def test_without_being_asked_a_published_post_stays_and_a_person_looks(scene: Scene) -> None:
    post = scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    scene.sweep()
    assert scene.state(post) is PostState.PUBLISHED
    assert "post.withdrawn" not in scene.office.messages(post)
    job = scene.job(post)
    assert (job.queue, job.category, job.kind) == ("known-images", "known_image", JobKind.REVIEW)
    ada = scene.office.person("ada", queues=["known-images"])
    scene.office.decide(ada, job.id, Action.REJECT, 1100)
    scene.office.settle(1100 + UNDO)
    assert scene.state(post) is PostState.WITHDRAWN
    assert AuditStore(scene.database).verify().problem is None


def test_the_job_of_an_earlier_sweep_ends_when_a_later_one_withdraws_the_post(scene: Scene) -> None:
    post, alone = scene.published(a_pdq(1)), scene.published(a_pdq(2), at=3)
    scene.bank(a_pdq(1), REVIEW)
    scene.bank(a_pdq(2), REVIEW)
    scene.sweep()
    job, other = scene.job(post), scene.job(alone)
    ada = scene.office.person("ada", queues=["known-images"])
    taken = scene.office.take(ada, job.id, 1050)
    scene.clock.pass_seconds(60)
    scene.bank(a_pdq(1), at=600)
    sweep = scene.sweep(withdraw=True)
    assert (scene.state(post), scene.state(alone)) == (PostState.WITHDRAWN, PostState.PUBLISHED)
    ended = scene.office.get(job.id)
    assert (ended.state, ended.lease, ended.closed_at) == (JobState.CLOSED, None, scene.clock())
    assert scene.job(alone).state is JobState.OPEN
    assert scene.job(alone).id == other.id
    event = AuditStore(scene.database).about(f"job:{job.id}")[-1]
    assert (event.kind, event.actor, event.payload["reason"]) == ("job.closed", f"sweep:{sweep}", REASON)
    submission = scene.office.submission(taken, Action.REJECT)
    with pytest.raises(ConflictError, match="closed"):
        scene.office.decisions.decide(submission, TERMS, person=ada, now=after(1070))
    scene.office.check()


def test_the_picture_of_an_old_post_that_is_withdrawn_now_is_kept_for_an_appeal(scene: Scene) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    scene.clock.pass_seconds(timedelta(days=60).total_seconds())
    scene.sweep(withdraw=True)
    retention = RetentionStore(scene.database)
    assert retention.due(NOW + timedelta(days=30), limit=10) == []
    (due,) = retention.due(NOW + timedelta(days=61), limit=10)
    assert not retention.forget(due.image, NOW + timedelta(days=30), delete=lambda _: True, now=scene.clock())


def test_a_post_about_to_be_published_is_kept_back(scene: Scene) -> None:
    first, second = scene.judged(a_pdq(1)), scene.judged(a_pdq(2), at=1)
    scene.bank(a_pdq(1))
    scene.sweep()
    assert scene.state(first) is PostState.HELD
    before = int(scene.banks.checkpoint())
    scene.bank(a_pdq(2))
    scene.sweep(scene.cause(before), withdraw=True)
    assert scene.state(second) is PostState.REJECTED
    assert scene.office.publish(2000) == []
    assert AuditStore(scene.database).verify().problem is None


def test_a_held_post_gets_evidence_and_priority_and_is_never_rejected(scene: Scene) -> None:
    post = scene.judged(a_pdq(1), Verdict.HOLD)
    before = scene.job(post)
    entry = scene.bank(a_pdq(1))
    scene.sweep(withdraw=True)
    assert scene.state(post) is PostState.HELD
    job = scene.job(post)
    assert job.id == before.id
    assert job.queue == before.queue
    assert job.due_at <= before.due_at or job.severity >= before.severity
    screening = ScreeningStore(scene.database).latest(post)
    assert screening is not None
    assert [hit.entry_id for result in screening.results for hit in getattr(result, "hits", ())] == [entry.id]


@pytest.mark.parametrize("facts", [{"opinion": Opinion.DISPUTED}, {"quality": 60}])
def test_what_is_not_sure_enough_is_never_withdrawn(scene: Scene, facts: dict[str, Any]) -> None:
    post = scene.published(a_pdq(1))
    scene.bank(a_pdq(1, flipped=0 if "opinion" in facts else 40), **facts)
    assert scene.results(scene.sweep(withdraw=True)) == {Result.REVIEW: 1}
    assert scene.state(post) is PostState.PUBLISHED


def test_a_demoted_entry_asks_a_person(scene: Scene) -> None:
    scene.published(a_pdq(1))
    entry = scene.bank(a_pdq(1))
    scene.banks.amend(entry.id, EntryAmendment(demoted=True), actor="test", now=after(600))
    assert scene.counted(withdraw=True) == {Result.REVIEW: 1}


@pytest.mark.parametrize("facts", [{"disable_until": after(9e6)}, {"expires_at": after(600)}])
def test_an_entry_that_is_not_active_finds_nothing(scene: Scene, facts: dict[str, Any]) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1), **facts)
    assert scene.counted(withdraw=True).get(Result.WITHDRAW, 0) == 0


def test_a_bank_that_is_switched_off_finds_nothing(scene: Scene) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    scene.banks.update(replace(BLOCK, enabled=False), actor="test", now=after(600))
    assert scene.counted(withdraw=True) == {}


def test_a_flat_picture_finds_nothing(scene: Scene) -> None:
    scene.judged(a_pdq(1), quality=20)
    scene.bank(a_pdq(1))
    assert scene.counted(withdraw=True) == {}


def test_an_allowing_bank_silences_what_is_no_nearer(scene: Scene) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1), ALLOW, at=100)
    scene.bank(a_pdq(1, flipped=10))
    assert scene.counted(withdraw=True) == {Result.SILENCED: 1}
    scene.published(a_pdq(1, flipped=10), at=5)
    assert scene.counted(withdraw=True) == {Result.SILENCED: 1, Result.WITHDRAW: 1}


def test_a_review_bank_never_withdraws(scene: Scene) -> None:
    scene.published(a_pdq(1))
    scene.bank(a_pdq(1), REVIEW)
    assert scene.counted(withdraw=True) == {Result.REVIEW: 1}


def test_what_a_person_decided_after_the_entry_is_left_alone(scene: Scene) -> None:
    before, later = scene.judged(a_pdq(1), Verdict.HOLD), scene.judged(a_pdq(1), Verdict.HOLD, at=1)
    ada = scene.office.person("ada")
    scene.office.decide(ada, scene.job(before).id, Action.APPROVE, 100)
    scene.office.settle(100 + UNDO)
    scene.bank(a_pdq(1), at=500)
    scene.office.decide(ada, scene.job(later).id, Action.APPROVE, 600)
    scene.office.settle(600 + UNDO)
    scene.office.publish(700)
    assert scene.results(scene.sweep(withdraw=True)) == {Result.WITHDRAW: 1, Result.DECIDED: 1}
    assert scene.state(before) is PostState.WITHDRAWN
    assert scene.state(later) is PostState.PUBLISHED


def test_an_overturned_rejection_is_left_alone(scene: Scene) -> None:
    post = scene.judged(a_pdq(1), Verdict.REJECT)
    with scene.database.write() as connection:
        connection.exec_driver_sql("UPDATE posts SET overturned_at = '2026-03-01 12:00:00', state = 'approved'")
    scene.bank(a_pdq(1))
    assert scene.counted(withdraw=True) == {Result.DECIDED: 1}
    assert scene.state(post) is PostState.APPROVED


def test_posts_without_a_verdict_keep_the_day_open(scene: Scene) -> None:
    accept(scene.office.posts, a_new_post(), now=after(0))
    scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(), by="test")
    scene.retroaction.run(sweep.id)
    assert scene.sweeps.get(sweep.id).state is SweepState.OPEN
    (day,) = scene.sweeps.days(sweep.id)
    assert (day.later, day.done_at, day.adds_up) == (1, None, True)
    (claim,) = scene.office.posts.claim("lane", limit=1, lease_seconds=9, now=after(1))
    scene.office.posts.commit([(claim, a_screening(claim))], now=after(2))
    scene.retroaction.run(sweep.id)
    assert scene.sweeps.get(sweep.id).state is SweepState.DONE


def test_a_preview_of_some_days_counts_the_posts_without_a_verdict_of_those(scene: Scene) -> None:
    accept(scene.office.posts, a_new_post(), now=after(0))
    scene.bank(a_pdq(1))
    today, tomorrow = NOW.date(), NOW.date() + timedelta(days=1)
    scene.clock.pass_seconds(timedelta(days=1).total_seconds())
    found = [
        scene.retroaction.preview(scene.cause(first_day=first), SweepTerms()).pending
        for first in (None, today, tomorrow)
    ]
    assert found == [1, 1, 0]


def test_a_post_that_gets_its_verdict_while_its_day_is_looked_through_is_not_missed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(scene.office.posts, a_new_post(), now=after(0))
    (claim,) = scene.office.posts.claim("lane", limit=1, lease_seconds=9, now=after(1))
    scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(withdraw=True), by="test")
    through = SweptPosts.hashes_of_day

    def judged_at_the_end(posts: SweptPosts, day: date) -> Iterator[HashPage]:
        yield from through(posts, day)
        nothing = match_result(Matched((), "3"), (PictureHash(0, a_pdq(1), 90),))
        results = (a_score("image_nsfw", {"image_nsfw": 0.5}), nothing)
        scene.office.posts.commit([(claim, a_screening(claim, results=results))], now=after(2))

    with monkeypatch.context() as patched:
        patched.setattr(SweptPosts, "hashes_of_day", judged_at_the_end)
        assert scene.retroaction.run(sweep.id).state is SweepState.OPEN
    assert scene.retroaction.run(sweep.id).state is SweepState.DONE
    assert scene.results(sweep.id) == {Result.REJECT: 1}


def test_a_held_post_in_a_second_look_gets_no_job_beside_it(scene: Scene) -> None:
    post = scene.judged(a_pdq(1), Verdict.HOLD)
    ada = scene.office.person("ada")
    scene.office.decide(ada, scene.job(post).id, Action.APPROVE, 100, terms=DOUBLE)
    scene.office.settle(100 + UNDO)
    (second,) = scene.office.open_jobs(JobKind.SECOND)
    scene.bank(a_pdq(1))
    assert scene.results(scene.sweep(withdraw=True)) == {Result.EVIDENCE: 1}
    assert scene.office.open_jobs(JobKind.REVIEW) == []
    assert [job.id for job in scene.office.open_jobs(JobKind.SECOND)] == [second.id]
    assert AuditStore(scene.database).verify().problem is None


def test_a_decision_that_has_not_settled_keeps_the_day_open(scene: Scene) -> None:
    post = scene.judged(a_pdq(1), Verdict.HOLD)
    scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(), by="test")
    ada = scene.office.person("ada")
    scene.office.decide(ada, scene.job(post).id, Action.APPROVE, 1001)
    assert scene.retroaction.run(sweep.id).state is SweepState.OPEN
    scene.office.settle(1001 + UNDO)
    assert scene.retroaction.run(sweep.id).results == {Result.DECIDED: 1}


def test_running_twice_does_nothing_twice(scene: Scene) -> None:
    for number in range(3):
        scene.published(a_pdq(1, flipped=number), at=number)
    scene.bank(a_pdq(1))
    sweep = scene.sweep(withdraw=True)
    head = AuditStore(scene.database).head()
    scene.retroaction.run_day(sweep, NOW.date())
    assert AuditStore(scene.database).head() == head
    assert scene.results(sweep) == {Result.WITHDRAW: 3}
    scene.sweep(withdraw=True)
    assert len([one for one in AuditStore(scene.database).events(limit=1000) if one.kind == "post.retroaction"]) == 3


def test_a_partition_that_was_killed_goes_on_where_it_was(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    posts = [scene.published(a_pdq(1, flipped=number), at=number) for number in range(4)]
    scene.bank(a_pdq(1))
    monkeypatch.setattr(retroaction, "CHUNK", 1)
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(withdraw=True), by="test")
    apply, calls = scene.sweeps.apply, []

    def dies(*args: object, **options: object) -> object:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return apply(*args, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(scene.sweeps, "apply", dies)
    with pytest.raises(KeyboardInterrupt):
        scene.retroaction.run(sweep.id)
    assert scene.results(sweep.id) == {Result.WITHDRAW: 2}
    assert scene.retroaction.run(sweep.id).state is SweepState.DONE
    assert scene.results(sweep.id) == {Result.WITHDRAW: 4}
    assert all(scene.office.messages(post).count("post.withdrawn") == 1 for post in posts)


def test_a_post_is_judged_by_what_it_is_when_its_turn_comes(scene: Scene) -> None:
    post = scene.published(a_pdq(1))
    entry = scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(withdraw=True), by="test")
    scene.banks.remove(entry.id, actor="test", now=after(900))
    assert scene.retroaction.run(sweep.id).results == {}
    assert scene.state(post) is PostState.PUBLISHED


def test_the_cap_stops_a_sweep_before_it_begins(scene: Scene) -> None:
    for number in range(3):
        scene.published(a_pdq(1), at=number)
    scene.bank(a_pdq(1))
    with pytest.raises(SweepTooLargeError) as caught:
        scene.sweep(withdraw=True, cap=2)
    assert (caught.value.touched, caught.value.cap) == (3, 2)
    assert scene.sweeps.newest() == []
    assert count(scene.database, "sweep_posts") == 0


def test_the_cap_stops_a_sweep_that_finds_more_than_its_preview(scene: Scene) -> None:
    first = scene.published(a_pdq(1))
    scene.bank(a_pdq(1))
    sweep = scene.retroaction.start(scene.cause(), SweepTerms(1, withdraw=True), by="test")
    second = scene.published(a_pdq(1), at=2)
    with pytest.raises(SweepTooLargeError):
        scene.retroaction.run(sweep.id)
    assert scene.sweeps.get(sweep.id).state is SweepState.STOPPED
    assert {scene.state(first), scene.state(second)} == {PostState.PUBLISHED}
    with pytest.raises(ConflictError):
        scene.retroaction.run_day(sweep.id, NOW.date())
    scene.sweeps.raise_cap(sweep.id, 2, by="test", now=after(1000))
    assert scene.retroaction.run(sweep.id).results == {Result.WITHDRAW: 2}


def test_only_the_days_that_were_asked_for_are_touched(scene: Scene) -> None:
    scene.published(a_pdq(1))
    next_day = scene.published(a_pdq(1), at=86_400)
    scene.clock.pass_seconds(2 * 86_400)
    scene.bank(a_pdq(1))
    day = day_of(NOW) + timedelta(days=1)
    cause = scene.cause(first_day=day, last_day=day)
    assert scene.counted(cause, withdraw=True) == {Result.WITHDRAW: 1}
    sweep = scene.sweep(cause, withdraw=True)
    assert [one.day for one in scene.sweeps.days(sweep)] == [day]
    assert scene.state(next_day) is PostState.WITHDRAWN


def test_one_entry_and_one_bank_can_be_meant(scene: Scene) -> None:
    scene.published(a_pdq(1))
    scene.published(a_pdq(2), at=1)
    entry = scene.bank(a_pdq(1))
    scene.bank(a_pdq(2), REVIEW)
    assert scene.counted(scene.cause(entry=entry.id)) == {Result.REVIEW: 1}
    assert scene.counted(scene.cause(bank=REVIEW.name)) == {Result.REVIEW: 1}
    assert scene.counted(scene.cause(entry.number)) == {Result.REVIEW: 1}
    assert sum(scene.counted().values()) == 2


def test_any_frame_of_an_animation_counts(scene: Scene) -> None:
    post = scene.judged(a_pdq(3), frames=[a_pdq(4), a_pdq(1)])
    scene.bank(a_pdq(1))
    scene.sweep()
    assert scene.state(post) is PostState.HELD


def test_a_new_policy_judges_what_was_measured(scene: Scene) -> None:
    published, decided = scene.published(a_pdq(1)), scene.judged(a_pdq(2), Verdict.HOLD, at=1)
    mild = scene.published(a_pdq(3), at=2, nsfw=0.1)
    ada = scene.office.person("ada")
    scene.office.decide(ada, scene.job(decided).id, Action.APPROVE, 100)
    scene.office.settle(100 + UNDO)
    cause = scene.stricter()
    assert scene.counted(cause) == {Result.REVIEW: 1, Result.DECIDED: 1, Result.UNCHANGED: 1}
    sweep = scene.sweep(cause, withdraw=True)
    assert scene.results(sweep) == {Result.WITHDRAW: 1, Result.DECIDED: 1, Result.UNCHANGED: 1}
    assert scene.state(published) is PostState.WITHDRAWN
    assert scene.state(mild) is PostState.PUBLISHED
    (day,) = scene.sweeps.days(sweep)
    assert (day.scanned, day.found, day.adds_up) == (3, 3, True)
