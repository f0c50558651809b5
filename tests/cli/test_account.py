"""`moderation account`, on a real database."""

import io
from pathlib import Path

import pytest

from moderation.domain.people import Role
from moderation.review.passwords import Passwords
from moderation.storage.accounts.credentials import CredentialStore
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from tests.cli.conftest import Run

LONG = "a rather long sentence"


@pytest.fixture
def database(home: Path) -> Database:
    return Database.open(f"sqlite:///{home}/moderation.db")


def test_an_account_is_made_with_a_password_that_is_printed_once(run: Run, database: Database) -> None:
    made = run("account", "create", "ada", "--role", "moderator", "--queue", "hate", "--queue", "spam", "--json")
    assert made.code == 0, made.err
    secret = made.json["password"]
    account = PeopleStore(database).by_name("ada")
    assert (account.person.role, account.person.queues) == (Role.MODERATOR, frozenset({"hate", "spam"}))
    assert account.locks.must_change
    stored = CredentialStore(database).by_name("ada")
    assert stored is not None
    assert Passwords().verify(stored.password_hash, secret)
    assert secret not in run("account", "list").out + run("account", "list", "--json").out
    events = AuditStore(database).about("account:ada")
    assert [(event.kind, event.actor) for event in events] == [("account.created", "system:cli")]
    assert secret not in str(events)


def test_a_piped_password_is_not_printed_and_is_the_person_s_own(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(LONG + "\n"))
    made = run("account", "create", "ada", "--role", "senior", "--password-stdin", "--json")
    assert made.json == {"name": "ada", "created": True}
    assert LONG not in made.out + made.err
    assert not PeopleStore(database).by_name("ada").locks.must_change


def test_a_weak_piped_password_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    refused = run("account", "create", "ada", "--role", "senior", "--password-stdin")
    assert refused.code == 1
    assert "12 characters" in refused.err
    assert run("account", "list", "--json").json["accounts"] == []


def test_queues_are_granted_and_taken_away(run: Run) -> None:
    run("account", "create", "ada", "--role", "moderator", "--queue", "hate")
    assert run("account", "grant", "ada", "--queue", "spam", "--json").json["queues"] == ["hate", "spam"]
    assert run("account", "revoke", "ada", "--queue", "hate", "--json").json["queues"] == ["spam"]


def test_somebody_is_disabled_and_enabled_with_what_they_had(run: Run) -> None:
    run("account", "create", "ada", "--role", "moderator", "--queue", "hate")
    assert run("account", "disable", "ada").code == 0
    assert run("account", "list", "--json").json["accounts"][0]["disabled"]
    assert run("account", "enable", "ada").code == 0
    row = run("account", "list", "--json").json["accounts"][0]
    assert (row["disabled"], row["queues"]) == ("", ["hate"])


def test_a_password_and_a_second_factor_are_reset(run: Run, database: Database) -> None:
    before = run("account", "create", "ada", "--role", "moderator", "--json").json["password"]
    after = run("account", "reset-password", "ada", "--json").json["password"]
    stored = CredentialStore(database).by_name("ada")
    assert stored is not None
    assert Passwords().verify(stored.password_hash, after)
    assert not Passwords().verify(stored.password_hash, before)
    assert run("account", "reset-totp", "ada").code == 0


def test_the_last_administrator_stays(run: Run) -> None:
    run("account", "create", "root", "--role", "admin")
    assert run("account", "disable", "root").code == 1
    refused = run("account", "set-role", "root", "--role", "auditor")
    assert "last administrator" in refused.err
    run("account", "create", "other", "--role", "admin")
    assert run("account", "set-role", "root", "--role", "auditor", "--json").json["role"] == "auditor"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("disable", "nobody"), "no such account"),
        (("grant", "nobody", "--queue", "hate"), "no such account"),
        (("create", "Ada Lovelace", "--role", "moderator"), "cannot be an account's name"),
        (("create", "ada", "--role", "moderator", "--queue", "Not A Queue"), "queue"),
        (("create", "ada", "--role", "moderator", "--subject", "x"), "belong together"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(run: Run, arguments: tuple[str, ...], told: str) -> None:
    refused = run("account", *arguments)
    assert refused.code == 1
    assert told in refused.err


def test_a_name_is_taken_once(run: Run) -> None:
    run("account", "create", "ada", "--role", "moderator")
    assert "already" in run("account", "create", "ada", "--role", "admin").err
