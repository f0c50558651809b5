from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AccountId
from moderation.domain.people import Role
from moderation.storage.accounts.account_words import NAME
from moderation.storage.accounts.people import NewAccount, PeopleStore
from moderation.storage.accounts.sessions import Client, SessionStore
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from tests.factories import NOW
from tests.storage.accounts.people import ACTOR, a_person


def kinds(database: Database, name: str = "ada") -> list[tuple[str, str]]:
    return [(event.kind, event.actor) for event in AuditStore(database).about(f"account:{name}")]


def test_a_person_comes_back_with_their_grants(database: Database) -> None:
    queues = frozenset({"hate", "spam"})
    made = a_person(
        database, queues=queues, languages=frozenset({"en", "pt"}), skills=frozenset({"medical"}), display_name="Ada L"
    )
    people = PeopleStore(database)
    assert people.get(made.id) == made
    assert (made.queues, made.languages, made.skills) == (queues, frozenset({"en", "pt"}), frozenset({"medical"}))
    assert people.by_name("ada").person == made
    assert [account.person for account in people.everybody()] == [made]
    assert people.names([made.id, AccountId("nobody")]) == {made.id: "Ada L"}


def test_somebody_without_a_grant_is_somebody(database: Database) -> None:
    made = a_person(database)
    assert made.queues == frozenset()
    assert PeopleStore(database).get(made.id) == made


def test_nobody_is_not_found(database: Database) -> None:
    people = PeopleStore(database)
    assert people.is_empty()
    with pytest.raises(NotFoundError):
        people.get(AccountId("nobody"))
    with pytest.raises(NotFoundError):
        people.by_name("nobody")
    assert people.by_subject("issuer", "subject") is None
    with pytest.raises(NotFoundError):
        people.set_queues(AccountId("nobody"), frozenset({"hate"}), actor=ACTOR, now=NOW)


def test_a_name_and_an_identity_are_taken_once(database: Database) -> None:
    a_person(database, issuer="https://i", subject="1")
    for taken in (NewAccount("ada", Role.ADMIN), NewAccount("bob", Role.ADMIN, issuer="https://i", subject="1")):
        with pytest.raises(ConflictError):
            PeopleStore(database).create(taken, actor=ACTOR, now=NOW)
    assert len(PeopleStore(database).everybody()) == 1
    assert kinds(database, "bob") == []


def test_an_identity_finds_its_account_and_no_other_issuer_s(database: Database) -> None:
    made = a_person(database, issuer="https://i", subject="1")
    people = PeopleStore(database)
    found = people.by_subject("https://i", "1")
    assert found is not None
    assert found.person == made
    assert people.by_subject("https://j", "1") is None
    people.connect(made.id, issuer="", subject="", actor=ACTOR, now=NOW)
    assert people.by_subject("https://i", "1") is None


def test_two_accounts_without_an_identity_do_not_meet(database: Database) -> None:
    a_person(database)
    a_person(database, "bob")
    assert PeopleStore(database).by_subject("", "") is None


def test_grants_are_set_exactly_and_told(database: Database) -> None:
    made = a_person(database, queues=frozenset({"hate", "spam"}))
    people = PeopleStore(database)
    after = people.set_queues(made.id, frozenset({"spam", "adult"}), actor=ACTOR, now=NOW)
    assert after.queues == {"spam", "adult"}
    event = AuditStore(database).about("account:ada")[-1]
    assert (event.kind, event.payload) == ("account.queues_changed", {"granted": ["adult"], "revoked": ["hate"]})
    people.set_queues(made.id, frozenset({"spam", "adult"}), actor=ACTOR, now=NOW)
    assert len(kinds(database)) == 2


def test_who_works_in_a_queue(database: Database) -> None:
    a_person(database, "cy", queues=frozenset({"hate"}))
    gone = a_person(database, "bob", queues=frozenset({"hate"}))
    a_person(database, "ada", queues=frozenset({"spam", "hate"}))
    people = PeopleStore(database)
    people.disable(gone.id, actor=ACTOR, now=NOW)
    found = people.working_in("hate")
    assert [person.name for person in found] == ["ada", "cy"]
    assert found[0].queues == {"spam", "hate"}


def test_disabling_ends_sessions_and_enabling_gives_everything_back(database: Database) -> None:
    made = a_person(database, queues=frozenset({"hate"}))
    people, sessions = PeopleStore(database), SessionStore(database, lifetime_s=100, idle_s=100)
    secret, _ = sessions.start(made, method="password", confirmed=True, client=Client(), now=NOW)
    people.disable(made.id, actor=ACTOR, now=NOW)
    people.disable(made.id, actor=ACTOR, now=NOW)
    assert sessions.find(secret, now=NOW) is None
    people.enable(made.id, actor=ACTOR, now=NOW)
    assert sessions.find(secret, now=NOW) is None
    assert people.get(made.id) == made
    assert [kind for kind, _ in kinds(database)] == [
        "account.created",
        "account.signed_in",
        "account.disabled",
        "account.enabled",
    ]


def test_one_administrator_always_stays(database: Database) -> None:
    first, second = a_person(database, "root", Role.ADMIN), a_person(database, "other", Role.ADMIN)
    people = PeopleStore(database)
    people.disable(second.id, actor=ACTOR, now=NOW)
    with pytest.raises(ConflictError, match="last administrator"):
        people.disable(first.id, actor=ACTOR, now=NOW)
    with pytest.raises(ConflictError, match="last administrator"):
        people.set_role(first.id, Role.AUDITOR, actor=ACTOR, now=NOW)
    people.enable(second.id, actor=ACTOR, now=NOW)
    assert people.set_role(first.id, Role.AUDITOR, actor=ACTOR, now=NOW).role is Role.AUDITOR


def test_a_role_change_is_told_once(database: Database) -> None:
    made = a_person(database)
    people = PeopleStore(database)
    for _ in range(2):
        people.set_role(made.id, Role.SENIOR, actor=ACTOR, now=NOW + timedelta(seconds=1))
    assert [kind for kind, _ in kinds(database)] == ["account.created", "account.role_changed"]


def test_preferences_come_back(database: Database) -> None:
    made = a_person(database)
    people = PeopleStore(database)
    people.set_preferences(made.id, {"theme": "dark", "keys": {"approve": "q"}})
    assert people.get(made.id).preferences == {"theme": "dark", "keys": {"approve": "q"}}
    with pytest.raises(InvalidInputError):
        people.set_preferences(made.id, {"note": "x" * 20_001})


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Ada"},
        {"name": ""},
        {"name": "a" * 65},
        {"name": "a:b"},
        {"name": "a\nb"},
        {"queues": frozenset({"Hate"})},
        {"queues": frozenset({"a b"})},
        {"languages": frozenset({"english"})},
        {"skills": frozenset({"two words"})},
        {"display_name": "x" * 81},
        {"display_name": "a\0b"},
        {"queues": frozenset(f"queue-{number}" for number in range(51))},
    ],
)
def test_what_is_no_name_is_refused(sqlite_database: Database, fields: dict[str, object]) -> None:
    new = NewAccount(**{"name": "ada", "role": Role.MODERATOR, **fields})  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        PeopleStore(sqlite_database).create(new, actor=ACTOR, now=NOW)
    assert PeopleStore(sqlite_database).is_empty()


@given(st.from_regex(NAME, fullmatch=True))
def test_a_name_never_reads_as_something_else_in_the_audit_log(name: str) -> None:
    assert name == name.strip().lower()
    assert not set(name) & set(" :/\\\"'\n\r\t\0")
