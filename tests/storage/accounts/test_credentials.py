from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from moderation.domain.errors import ConflictError
from moderation.storage.accounts.credentials import CredentialStore
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.accounts.sessions import Client, SessionStore
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from tests.factories import NOW
from tests.storage.accounts.people import ACTOR, a_person

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def credentials(database: Database) -> CredentialStore:
    return CredentialStore(database)


def test_secrets_are_not_shown_by_accident(database: Database, credentials: CredentialStore) -> None:
    person = a_person(database, password_hash="the-hash")
    credentials.offer_totp(person.id, SECRET)
    found = credentials.by_name("ada")
    assert found is not None
    assert (found.password_hash, found.totp_offered) == ("the-hash", SECRET)
    assert "the-hash" not in repr(found)
    assert SECRET not in repr(found)
    assert credentials.by_name("nobody") is None


def test_a_new_password_ends_the_other_sessions(database: Database, credentials: CredentialStore) -> None:
    person = a_person(database, password_hash="old")
    sessions = SessionStore(database, lifetime_s=100, idle_s=100)
    (mine, session), (other, _) = (
        sessions.start(person, method="password", confirmed=True, client=Client(), now=NOW) for _ in range(2)
    )
    credentials.set_password(person, "new", must_change=False, actor=person.actor, now=NOW, keep_session=session.id)
    assert sessions.find(mine, now=NOW) is not None
    assert sessions.find(other, now=NOW) is None
    credentials.set_password(person, "given", must_change=True, actor=ACTOR, now=NOW)
    assert sessions.find(mine, now=NOW) is None
    assert PeopleStore(database).account(person.id).locks.must_change
    events = AuditStore(database).about("account:ada")
    assert [(event.actor, event.payload) for event in events if event.kind == "account.password_set"] == [
        (person.actor, {"must_change": False}),
        (ACTOR, {"must_change": True}),
    ]
    assert "given" not in str(events)


def test_a_rehash_never_brings_an_old_password_back(database: Database, credentials: CredentialStore) -> None:
    person = a_person(database, password_hash="new")
    credentials.rehash(person.id, "old", "old under other parameters")
    found = credentials.of(person.id)
    assert found is not None
    assert found.password_hash == "new"


def test_a_second_factor_counts_once_its_code_was_shown(database: Database, credentials: CredentialStore) -> None:
    person = a_person(database)
    credentials.offer_totp(person.id, "offer")
    people = PeopleStore(database)
    assert not people.account(person.id).locks.totp
    with pytest.raises(ConflictError):
        credentials.accept_totp(person, "ANOTHER", "ANOTHER", step=7, recovery=["a"], actor=person.actor, now=NOW)
    credentials.accept_totp(person, "offer", SECRET, step=7, recovery=["a", "b"], actor=person.actor, now=NOW)
    locks = people.account(person.id).locks
    assert (locks.totp, locks.recovery_codes) == (True, 2)
    with pytest.raises(ConflictError):
        credentials.accept_totp(person, "offer", SECRET, step=8, recovery=[], actor=person.actor, now=NOW)
    credentials.remove_totp(person, actor=ACTOR, now=NOW, end=True)
    locks = people.account(person.id).locks
    assert (locks.totp, locks.recovery_codes) == (False, 0)


def test_a_step_is_used_once_and_never_an_older_one(database: Database, credentials: CredentialStore) -> None:
    person = a_person(database)
    assert credentials.use_step(person.id, 100)
    assert not credentials.use_step(person.id, 100)
    assert not credentials.use_step(person.id, 99)
    assert credentials.use_step(person.id, 101)


def test_of_many_at_once_one_uses_the_step(database: Database, credentials: CredentialStore) -> None:
    person = a_person(database)
    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(lambda _: credentials.use_step(person.id, 100), range(6))) == [False] * 5 + [True]


def test_a_recovery_code_is_used_once(database: Database, credentials: CredentialStore) -> None:
    person = a_person(database)
    credentials.replace_recovery(person, ["a", "b"], actor=person.actor, now=NOW)
    with ThreadPoolExecutor(4) as pool:
        used = list(pool.map(lambda _: credentials.use_recovery(person, "a", now=NOW), range(4)))
    assert sorted(used) == [False, False, False, True]
    assert not credentials.use_recovery(person, "c", now=NOW)
    assert credentials.use_recovery(person, "b", now=NOW + timedelta(1))
    events = AuditStore(database).about("account:ada")
    assert [event.payload for event in events if event.kind == "account.recovery_code_used"] == [
        {"left": 1},
        {"left": 0},
    ]
