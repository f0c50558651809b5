import pytest

from moderation.domain.people import Role
from moderation.review import routing_preview
from moderation.review.routing_preview import RoutingPreview
from moderation.storage.engine import Database
from moderation.storage.review.queue import JobQueue
from moderation.storage.review.waiting import WaitingStore
from tests.factories import after
from tests.policy.signals import SPECS
from tests.review.plans import rule, small
from tests.storage.review.jobs import add_job, add_person
from tests.storage.tampering import run


def a_preview(database: Database) -> RoutingPreview:
    return RoutingPreview(WaitingStore(database), SPECS)


def test_a_preview_says_what_each_rule_takes_and_changes_nothing(sqlite_database: Database) -> None:
    database = sqlite_database
    cases = (("spam", "spam"), ("spam", "spam"), ("adult", "gone"), ("gone", ""))
    jobs = [
        add_job(database, queue=queue, category=category, severity=50, now=after(seconds))
        for seconds, (queue, category) in enumerate(cases)
    ]
    plan = small(
        rule("low", "image_nsfw < 0.5 AND job_queue = 'spam'", queue="adult", severity=60)
        + rule("never", "image_nsfw >= 0.9", severity=1)
    )
    found = a_preview(database).preview(plan)
    assert (found.sampled, found.waiting) == (4, 4)
    low, never, rest = found.effects
    assert (low.rule, low.jobs, low.moves) == (plan.routing[0], 2, (("spam", "adult", 2),))
    assert (low.harsher, low.milder) == (2, 0)
    assert {example.job.id for example in low.examples} == set(jobs[:2])
    assert low.examples[0].route.queue == "adult"
    assert (never.jobs, never.examples) == (0, ())
    assert (rest.rule, rest.jobs) == (None, 2)
    assert found.changed == 3, "two by the rule, one whose category is not in the plan"
    assert (found.unknown_queues, found.unknown_categories) == (("gone",), ("gone",))
    assert [item.job.queue for item in WaitingStore(database).newest(9, signals=())] == [
        "gone",
        "adult",
        "spam",
        "spam",
    ]


def test_rerouting_does_what_the_preview_said(sqlite_database: Database) -> None:
    database = sqlite_database
    person = add_person(database, "pia", role=Role.POLICY)
    jobs = [add_job(database, queue="spam", category="spam", severity=20, now=after(seconds)) for seconds in (0, 1)]
    plan = small(rule("low", "image_nsfw < 0.5", queue="adult"), number=7)
    preview = a_preview(database)
    assert preview.preview(plan).changed == 2
    assert sorted(preview.reroute(plan, person=person, now=after(60))) == sorted(jobs)
    assert preview.preview(plan).changed == 0
    assert preview.reroute(plan, person=person, now=after(61)) == []
    assert {job.queue for job in map(JobQueue(database).get, jobs) if job} == {"adult"}


def test_what_a_dropped_rule_put_into_a_restricted_queue_stays_there(sqlite_database: Database) -> None:
    database = sqlite_database
    person = add_person(database, "pia", role=Role.POLICY)
    job = add_job(database, queue="spam", category="spam", severity=90)
    run(database, "UPDATE jobs SET queue = 'closed' WHERE id = :job", job=job)
    plan = small()
    assert a_preview(database).preview(plan).effects[-1].moves == (("closed", "closed", 1),)
    a_preview(database).reroute(plan, person=person, now=after(60))
    found = JobQueue(database).get(job)
    assert found is not None
    assert (found.queue, found.severity) == ("closed", 90)


def test_the_sample_is_bounded_and_says_so(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing_preview, "SAMPLE", 2)
    for seconds in range(3):
        add_job(sqlite_database, now=after(seconds))
    found = a_preview(sqlite_database).preview(small())
    assert (found.sampled, found.waiting) == (2, 3)


def test_an_empty_queue_has_an_empty_preview(sqlite_database: Database) -> None:
    found = a_preview(sqlite_database).preview(small(rule("low", "image_nsfw < 0.5", severity=1)))
    assert (found.sampled, found.waiting, found.changed) == (0, 0, 0)
    assert [effect.jobs for effect in found.effects] == [0, 0]
