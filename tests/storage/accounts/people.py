"""People for the tests of this folder."""

from moderation.domain.people import Person, Role
from moderation.storage.accounts.people import NewAccount, PeopleStore
from moderation.storage.engine import Database
from tests.factories import NOW

ACTOR = "account:root"


def a_person(database: Database, name: str = "ada", role: Role = Role.MODERATOR, **fields: object) -> Person:
    new = NewAccount(name, role, **fields)  # type: ignore[arg-type]
    return PeopleStore(database).create(new, actor=ACTOR, now=NOW)
