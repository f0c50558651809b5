from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import event

from moderation.domain.errors import NotFoundError
from moderation.domain.people import Role
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.accounts.sessions import Client, Session, SessionStore
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from tests.factories import NOW
from tests.storage.accounts.people import ACTOR, a_person
from tests.storage.tampering import run

LIFETIME_S, IDLE_S = 1_000.0, 100.0


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def sessions(database: Database) -> SessionStore:
    return SessionStore(database, lifetime_s=LIFETIME_S, idle_s=IDLE_S)


def begin(sessions: SessionStore, database: Database, name: str = "ada") -> tuple[str, Session]:
    person = a_person(database, name, queues=frozenset({"hate", "spam"}))
    return sessions.start(person, method="password", confirmed=True, client=Client("192.0.2.1", "Browser"), now=NOW)


def test_a_secret_finds_its_person_with_their_grants(database: Database, sessions: SessionStore) -> None:
    secret, session = begin(sessions, database)
    found = sessions.find(secret, now=NOW)
    assert found is not None
    assert found.session == session
    assert found.person == PeopleStore(database).get(session.account)
    assert found.person.queues == {"hate", "spam"}


def test_a_session_is_read_with_one_query(database: Database, sessions: SessionStore) -> None:
    secret, _ = begin(sessions, database)
    with database.read():
        pass
    statements: list[str] = []
    event.listen(database._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert sessions.find(secret, now=NOW) is not None
    assert len([text for text in statements if text.startswith("SELECT")]) == 1


@pytest.mark.parametrize("secret", ["", "x", "x" * 43, "é" * 43, "x" * 10_000, "\0" * 43])
def test_a_secret_that_is_none_finds_nobody(database: Database, sessions: SessionStore, secret: str) -> None:
    begin(sessions, database)
    assert sessions.find(secret, now=NOW) is None


def test_the_database_does_not_hold_the_secret(database: Database, sessions: SessionStore) -> None:
    secret, session = begin(sessions, database)
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM sessions").all()
    assert session.csrf in str(rows)
    assert secret not in str(rows)
    assert secret not in str(AuditStore(database).about("account:ada"))
    assert session.csrf not in repr(session)


def test_a_session_ends_by_its_age_however_busy(database: Database, sessions: SessionStore) -> None:
    secret, _ = begin(sessions, database)
    for second in range(0, int(LIFETIME_S), 90):
        found = sessions.find(secret, now=later(second))
        assert found is not None
        sessions.touch(found.session, now=later(second))
    assert sessions.find(secret, now=later(LIFETIME_S)) is None


def test_an_idle_session_ends(database: Database, sessions: SessionStore) -> None:
    secret, session = begin(sessions, database)
    assert sessions.find(secret, now=later(IDLE_S - 1)) is not None
    assert sessions.lives(session.id, now=later(IDLE_S - 1))
    assert sessions.find(secret, now=later(IDLE_S)) is None
    assert not sessions.lives(session.id, now=later(IDLE_S))
    assert sessions.of(session.account, now=later(IDLE_S)) == []


def test_being_seen_is_not_written_every_time(database: Database, sessions: SessionStore) -> None:
    secret, session = begin(sessions, database)
    sessions.touch(session, now=later(59))
    found = sessions.find(secret, now=later(59))
    assert found is not None
    assert found.session.seen_at == NOW
    sessions.touch(session, now=later(60))
    found = sessions.find(secret, now=later(60))
    assert found is not None
    assert found.session.seen_at == later(60)


def test_a_disabled_person_has_no_session(database: Database, sessions: SessionStore) -> None:
    secret, session = begin(sessions, database)
    run(database, "UPDATE accounts SET disabled_at = '2026-01-01 00:00:00.000000'")
    assert sessions.find(secret, now=NOW) is None
    assert not sessions.lives(session.id, now=NOW)


def test_a_new_sign_in_ends_the_one_before(database: Database, sessions: SessionStore) -> None:
    old, session = begin(sessions, database)
    person = PeopleStore(database).get(session.account)
    new, _ = sessions.start(person, method="oidc", confirmed=True, client=Client(), now=later(1), instead_of=old)
    assert sessions.find(old, now=later(1)) is None
    assert sessions.find(new, now=later(1)) is not None


def test_confirming_changes_the_secret_and_not_the_end(database: Database, sessions: SessionStore) -> None:
    person = a_person(database)
    old, session = sessions.start(person, method="password", confirmed=False, client=Client("a", "b"), now=NOW)
    assert session.confirmed_at is None
    new, confirmed = sessions.confirm(session, now=later(50))
    assert sessions.find(old, now=later(50)) is None
    found = sessions.find(new, now=later(50))
    assert found is not None
    assert found.session == confirmed
    assert confirmed.confirmed_at == later(50)
    assert (confirmed.expires_at, confirmed.created_at) == (session.expires_at, session.created_at)
    assert confirmed.csrf != session.csrf
    with pytest.raises(NotFoundError):
        sessions.confirm(session, now=later(50))


def test_of_two_that_confirm_at_once_one_does(database: Database, sessions: SessionStore) -> None:
    person = a_person(database)
    _, session = sessions.start(person, method="password", confirmed=False, client=Client(), now=NOW)
    together, done, refused = Barrier(2), [], []

    def confirm() -> None:
        together.wait()
        try:
            done.append(sessions.confirm(session, now=later(1)))
        except NotFoundError as error:
            refused.append(error)

    threads = [Thread(target=confirm) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, 1)
    assert len(sessions.of(person.id, now=later(1))) == 1


def test_one_ends_one_s_own_sessions_only(database: Database, sessions: SessionStore) -> None:
    secret, session = begin(sessions, database)
    other = a_person(database, "bob", Role.SENIOR)
    with pytest.raises(NotFoundError):
        sessions.end(session.id, person=other, actor=other.actor, now=NOW)
    assert sessions.find(secret, now=NOW) is not None
    assert [event.kind for event in AuditStore(database).about("account:bob")] == ["account.created"]
    person = PeopleStore(database).get(session.account)
    sessions.end(session.id, person=person, actor=person.actor, now=NOW)
    assert sessions.find(secret, now=NOW) is None
    with pytest.raises(NotFoundError):
        sessions.end(session.id, person=person, actor=person.actor, now=NOW)


def test_all_but_one_end(database: Database, sessions: SessionStore) -> None:
    first, session = begin(sessions, database)
    person = PeopleStore(database).get(session.account)
    others = [sessions.start(person, method="password", confirmed=True, client=Client(), now=NOW)[0] for _ in range(2)]
    theirs, _ = begin(sessions, database, "bob")
    assert sessions.end_all(person, actor=ACTOR, now=NOW, keep=session.id) == 2
    assert sessions.find(first, now=NOW) is not None
    assert [sessions.find(secret, now=NOW) for secret in others] == [None, None]
    assert sessions.find(theirs, now=NOW) is not None


def test_what_a_browser_says_of_itself_is_kept_harmless_and_short(database: Database, sessions: SessionStore) -> None:
    person = a_person(database)
    client = Client("1" * 500, "Mozilla\0\r\n\x1b[31m" + "x" * 5_000)
    _, session = sessions.start(person, method="password", confirmed=True, client=client, now=NOW)
    assert session.browser.startswith("Mozilla[31mxx")
    assert (len(session.address), len(session.browser)) == (64, 200)


def test_old_sessions_are_forgotten(database: Database, sessions: SessionStore) -> None:
    _, session = begin(sessions, database)
    person = PeopleStore(database).get(session.account)
    month = later(LIFETIME_S) + timedelta(days=31)
    sessions.start(person, method="password", confirmed=True, client=Client(), now=month)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar_one() == 1
