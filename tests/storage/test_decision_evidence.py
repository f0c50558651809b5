"""Whoever changes a decision behind the system's back is found out by the audit log."""

import pytest

from moderation.domain.decision import Action
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from tests.storage.review.office import CARRIED, UNDO, Office
from tests.storage.review.picture_rows import a_pdq
from tests.storage.tampering import run, unprotect


@pytest.fixture
def office(database: Database) -> Office:
    """A cluster that was approved and published, a post that was carried along, and a decision that was undone."""
    office = Office(database)
    ada, first = office.person("ada"), office.held(pdq=a_pdq(1))
    office.decide(ada, office.job(first).id, Action.APPROVE, terms=CARRIED)
    office.settle(UNDO)
    office.held(20, pdq=a_pdq(1))
    office.settle(20)
    office.publish(21)
    other = office.held(30)
    batch = office.decide(ada, office.job(other).id, Action.REJECT, 31).batch
    office.decisions.undo(batch, person=ada, now=office.decisions.of_job(office.job(other).id)[0].decided_at)
    office.check()
    return office


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("decisions", "action = 'reject' WHERE action = 'approve'"),
        ("decisions", "category = 'other' WHERE action = 'reject'"),
        ("decisions", "note = 'something else' WHERE source = 'person'"),
        ("decisions", "note = 'invented' WHERE source = 'carried'"),
        ("decisions", "binding = (1 = 0) WHERE source = 'carried'"),
        ("decisions", "queue = 'other' WHERE source = 'person'"),
        ("decisions", "source = 'carried' WHERE source = 'person'"),
        ("decision_fates", "fate = 'settled' WHERE fate = 'undone'"),
        ("decision_fates", "fate = 'undone' WHERE fate = 'settled'"),
        ("decision_fates", "number = 1"),
    ],
)
def test_a_changed_decision_is_found(office: Office, table: str, change: str) -> None:
    unprotect(office.database, table)
    run(office.database, f"UPDATE {table} SET {change}")
    problem = AuditStore(office.database).verify().problem
    assert problem is not None
    assert "audited" in problem.problem


def test_a_removed_decision_is_found(office: Office) -> None:
    unprotect(office.database, "decisions")
    unprotect(office.database, "decision_fates")
    run(office.database, "DELETE FROM decision_fates")
    run(office.database, "DELETE FROM decisions WHERE source = 'carried'")
    problem = AuditStore(office.database).verify().problem
    assert problem is not None
    assert "gone" in problem.problem


def test_a_post_that_is_let_in_without_an_approval_is_found(office: Office) -> None:
    post = office.held(50)
    run(office.database, "UPDATE posts SET state = 'approved' WHERE id = :id", id=post)
    problem = AuditStore(office.database).verify().problem
    assert problem is not None
    assert problem.problem == f"post {post} is let in without an approval"
    assert office.publish(60) == []


def test_a_post_that_is_withdrawn_without_a_decision_is_found(office: Office) -> None:
    post = office.held(50)
    run(office.database, "UPDATE posts SET state = 'withdrawn' WHERE id = :id", id=post)
    problem = AuditStore(office.database).verify().problem
    assert problem is not None
    assert "withdrawn" in problem.problem
