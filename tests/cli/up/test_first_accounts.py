"""The accounts of an empty installation."""

from pathlib import Path

import pytest

from moderation.cli.up.first_accounts import ensure_first_accounts, login_file
from moderation.domain.people import Role
from moderation.review.passwords import Passwords
from moderation.settings import Settings
from moderation.storage.accounts.credentials import CredentialStore
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.engine import Database
from tests.factories import NOW


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_an_empty_installation_gets_people_who_can_sign_in(sqlite_database: Database, settings: Settings) -> None:
    logins = ensure_first_accounts(settings, sqlite_database, now=NOW)
    assert {login.name: login.role for login in logins} == {
        "admin": Role.ADMIN,
        "moderator": Role.MODERATOR,
        "senior": Role.SENIOR,
    }
    for login in logins:
        stored = CredentialStore(sqlite_database).by_name(login.name)
        assert stored is not None
        assert Passwords().verify(stored.password_hash, login.password)
    assert len({login.password for login in logins}) == 3


def test_the_file_has_them_for_this_user_only(sqlite_database: Database, settings: Settings) -> None:
    path = login_file(settings)
    path.write_text("somebody's")
    path.chmod(0o644)
    logins = ensure_first_accounts(settings, sqlite_database, now=NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text().splitlines()
    assert lines[1:] == [f"{login.name} {login.password}" for login in logins]


def test_nobody_is_let_into_a_restricted_queue_by_default(sqlite_database: Database, settings: Settings) -> None:
    ensure_first_accounts(settings, sqlite_database, now=NOW)
    people = PeopleStore(sqlite_database)
    admin, moderator, senior = (people.by_name(name).person for name in ("admin", "moderator", "senior"))
    assert not admin.queues
    assert "child-safety" not in moderator.queues | senior.queues
    assert "hate" in moderator.queues
    assert moderator.queues < senior.queues


def test_nothing_is_made_or_written_where_there_is_somebody(sqlite_database: Database, settings: Settings) -> None:
    ensure_first_accounts(settings, sqlite_database, now=NOW)
    before = login_file(settings).read_text()
    assert ensure_first_accounts(settings, sqlite_database, now=NOW) == ()
    assert login_file(settings).read_text() == before


def test_a_plan_that_cannot_be_read_gives_nobody_a_queue(
    sqlite_database: Database, settings: Settings, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: nonsense")
    ensure_first_accounts(settings.model_copy(update={"review_plan": broken}), sqlite_database, now=NOW)
    assert not PeopleStore(sqlite_database).by_name("senior").person.queues
