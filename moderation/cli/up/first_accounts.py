"""The console's first accounts: an installation that nobody can sign in to helps nobody."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from moderation.assembly import plan_source
from moderation.domain.errors import PolicyError
from moderation.domain.people import Role
from moderation.review.passwords import Passwords, given_password
from moderation.review.plan import QueuePlan
from moderation.settings import Settings
from moderation.storage.accounts.people import NewAccount, PeopleStore
from moderation.storage.engine import Database

ACTOR = "system:up"
ACCOUNTS = (("admin", Role.ADMIN), ("moderator", Role.MODERATOR), ("senior", Role.SENIOR))
NOTE = "# The console's first accounts, for this machine. Delete this file once their passwords are changed.\n"


@dataclass(frozen=True, slots=True)
class FirstLogin:
    """A name and the password that was made for it."""

    name: str
    role: Role
    password: str = field(repr=False)


def login_file(settings: Settings) -> Path:
    """Where the first passwords are kept, readable by this user only."""
    return settings.home / "console-login.txt"


def ensure_first_accounts(settings: Settings, database: Database, *, now: datetime) -> tuple[FirstLogin, ...]:
    """Where there is no account at all: an administrator, a moderator and a senior, with random passwords.

    The two who decide get every queue that is not restricted (the moderator no queue of leads): a restricted one is
    only ever granted by a person, to a person. Without a readable plan, nobody gets any. Returns () where there are
    accounts. The passwords are in `login_file` before the accounts exist, so that none is made that nobody can use.
    """
    people = PeopleStore(database)
    if not people.is_empty():
        return ()
    queues = _planned(settings, database)
    logins = tuple(FirstLogin(name, role, given_password()) for name, role in ACCOUNTS)
    _write(login_file(settings), logins)
    passwords = Passwords()
    for login in logins:
        new = NewAccount(
            name=login.name,
            role=login.role,
            display_name=login.name.capitalize(),
            queues=_queues(login.role, queues),
            password_hash=passwords.hash(login.password),
        )
        people.create(new, actor=ACTOR, now=now)
    return logins


def _planned(settings: Settings, database: Database) -> tuple[QueuePlan, ...]:
    try:
        return tuple(plan_source(settings, database).current().queues.values())
    except PolicyError:
        return ()


def _queues(role: Role, queues: tuple[QueuePlan, ...]) -> frozenset[str]:
    if role is Role.ADMIN:
        return frozenset()
    leads = role is Role.SENIOR
    return frozenset(queue.name for queue in queues if not queue.restricted and (leads or not queue.lead_only))


def _write(path: Path, logins: tuple[FirstLogin, ...]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(NOTE + "".join(f"{login.name} {login.password}\n" for login in logins))
