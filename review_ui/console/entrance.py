"""Everything that letting people in needs, built once per application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from moderation.review.passwords import Passwords
from moderation.review.sign_in import SignIn
from moderation.settings import Settings
from moderation.storage.accounts.attempts import AttemptStore
from moderation.storage.accounts.credentials import CredentialStore
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.accounts.sessions import SessionStore
from review_ui.console.provider import Provider, open_provider
from review_ui.site import Site


@dataclass(frozen=True, slots=True)
class Entrance:
    """The stores of people and sessions, and what checks passwords, codes and identities."""

    settings: Settings
    people: PeopleStore
    sessions: SessionStore
    credentials: CredentialStore
    attempts: AttemptStore
    sign_in: SignIn
    provider: Provider | None
    clock: Callable[[], datetime]


def open_entrance(site: Site, passwords: Passwords | None = None) -> Entrance:
    """The entrance on the site's database; connects to nothing. `passwords` replaces the parameters of RFC 9106."""
    settings, database = site.settings, site.database
    people, credentials, attempts = PeopleStore(database), CredentialStore(database), AttemptStore(database)
    return Entrance(
        settings=settings,
        people=people,
        sessions=SessionStore(
            database, lifetime_s=settings.console_session_seconds, idle_s=settings.console_idle_seconds
        ),
        credentials=credentials,
        attempts=attempts,
        sign_in=SignIn(people, credentials, attempts, passwords or Passwords()),
        provider=open_provider(settings),
        clock=site.clock,
    )


def entrance_of(request: Request) -> Entrance:
    """The application's entrance."""
    entrance = request.app.state.entrance
    assert isinstance(entrance, Entrance)
    return entrance


TheEntrance = Annotated[Entrance, Depends(entrance_of)]
