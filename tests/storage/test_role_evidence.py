import pytest

from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.model_roles import ModelRoleStore
from tests.factories import NOW
from tests.storage.tampering import run, unprotect

SLOT, PIN = "image_nsfw", ModelPin("opennsfw-2", Digest("1" * 64))


@pytest.fixture
def changed(database: Database) -> Database:
    """A database in which a model was tried, promoted and rolled back."""
    store = ModelRoleStore(database)
    store.name_candidate(SLOT, PIN, by="cli", now=NOW)
    store.promote(SLOT, PIN, at_least=0, by="cli", now=NOW, note="")
    store.rollback(SLOT, by="cli", now=NOW)
    return database


def test_changes_that_are_as_they_were_audited_are_in_order(changed: Database) -> None:
    assert AuditStore(changed).verify().problem is None


@pytest.mark.parametrize(
    "tampering",
    [
        "live_digest = 'other' WHERE number = 2",
        "live_name = NULL, live_digest = NULL WHERE number = 2",
        "live_name = 'other', live_digest = 'other' WHERE number = 3",
        "candidate_name = 'other' WHERE number = 1",
        "slot = 'text_harm' WHERE number = 2",
        "change = 'rollback' WHERE number = 2",
        "note = 'no reason was given' WHERE number = 2",
        "\"by\" = 'somebody else' WHERE number = 2",
        "at = '2020-01-01 00:00:00.000000' WHERE number = 2",
    ],
)
def test_a_changed_role_is_found(changed: Database, tampering: str) -> None:
    unprotect(changed, "model_roles")
    run(changed, f"UPDATE model_roles SET {tampering}")
    problem = AuditStore(changed).verify().problem
    assert problem is not None
    assert "is not the one that was audited" in problem.problem


def test_a_role_that_is_gone_is_found(changed: Database) -> None:
    unprotect(changed, "model_roles")
    run(changed, "DELETE FROM model_roles WHERE number = 3")
    problem = AuditStore(changed).verify().problem
    assert problem is not None
    assert (problem.number, problem.problem) == (3, f"the change of slot:{SLOT} was audited and is gone")


def test_a_role_that_was_slipped_in_is_found(changed: Database) -> None:
    run(
        changed,
        'INSERT INTO model_roles (number, slot, change, live_name, live_digest, "by", at, note) '
        "SELECT 99, slot, 'promote', 'evil', 'evil', \"by\", at, note FROM model_roles WHERE number = 1",
    )
    problem = AuditStore(changed).verify().problem
    assert problem is not None
    assert problem.number == 99
