"""Jobs that nobody can take are counted, whatever the reason."""

from dataclasses import replace

from moderation.domain.decision import Action
from moderation.domain.job import JobKind, LeaseRef
from moderation.domain.people import Role
from moderation.storage.jobs import JobStore
from tests.factories import after
from tests.storage.review.jobs import add_job
from tests.storage.review.office import DOUBLE, UNDO, Office
from tests.storage.tampering import run


def test_where_two_must_agree_and_there_is_one_it_is_seen(office: Office) -> None:
    store, ada, post = JobStore(office.database), office.person("ada"), office.held()
    assert store.stranded() == {}
    office.decide(ada, office.job(post).id, Action.APPROVE, terms=DOUBLE)
    office.settle(UNDO)
    assert store.stranded() == {"second": 1}
    ben = office.person("ben", queues=["second"])
    assert store.stranded() == {}
    run(office.database, f"UPDATE accounts SET disabled_at = created_at WHERE id = '{ben.id}'")
    assert store.stranded() == {"second": 1}


def test_a_disagreement_without_a_senior_person_is_seen(office: Office) -> None:
    store, ada, ben = JobStore(office.database), office.person("ada"), office.person("ben")
    office.decide(ada, office.job(office.held()).id, Action.APPROVE, terms=DOUBLE)
    office.settle(UNDO)
    office.decide(ben, office.open_jobs(JobKind.SECOND)[0].id, Action.REJECT, 20)
    office.settle(20 + UNDO)
    office.person("cy")
    assert store.stranded() == {"disagreements": 1}
    office.person("eve", role=Role.SENIOR)
    assert store.stranded() == {}


def test_what_everybody_skipped_or_nobody_can_read_is_seen(office: Office) -> None:
    store, ada, ben = JobStore(office.database), office.person("ada"), office.person("ben")
    post = office.held()
    for number, person in enumerate((ada, ben)):
        assert store.stranded() == {}
        job = office.take(person, office.job(post).id, number)
        assert job.lease is not None
        office.queue.skip(LeaseRef(job.id, job.lease.token), person.id, reason="unsure", now=after(number))
    assert store.stranded() == {"spam": 1}
    add_job(office.database)
    assert store.stranded() == {"spam": 1}
    assert store.stranded(lead_only=["spam"]) == {"spam": 2}
    add_job(office.database, queue="second", language="yo")
    add_job(office.database, queue="appeals", skill="law")
    add_job(office.database, queue="unheard-of")
    expected = {"appeals": 1, "second": 1, "spam": 1, "unheard-of": 1}
    assert store.stranded() == expected
    run(office.database, f"UPDATE accounts SET languages = 'de yo', skills = 'law' WHERE id = '{ada.id}'")
    assert store.stranded() == {"spam": 1, "unheard-of": 1}


def test_late_jobs_and_unsettled_decisions_are_counted(office: Office) -> None:
    store, ada = JobStore(office.database), office.person("ada")
    assert (store.overdue(after(0)), store.oldest_unsettled_at()) == ({}, None)
    first, second = office.held(), office.held(10)
    assert store.overdue(after(3599)) == {}
    assert store.overdue(after(3600)) == {"spam": 1}
    assert store.overdue(after(3610)) == {"spam": 2}
    office.decide(ada, office.job(second).id, Action.APPROVE, 20)
    office.decide(ada, office.job(first).id, Action.REJECT, 30, terms=replace(DOUBLE, double=False))
    assert store.oldest_unsettled_at() == after(20 + UNDO)
    office.settle(100)
    assert store.oldest_unsettled_at() is None
