"""Everything that letting people in needs, built once per application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from moderation.settings import Settings
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.accounts.sessions import SessionStore
from review_ui.site import Site


@dataclass(frozen=True, slots=True)
class Entrance:
    """The stores of people and sessions."""

    settings: Settings
    people: PeopleStore
    sessions: SessionStore
    clock: Callable[[], datetime]


def open_entrance(site: Site) -> Entrance:
    """The entrance on the site's database; connects to nothing."""
    settings, database = site.settings, site.database
    return Entrance(
        settings=settings,
        people=PeopleStore(database),
        sessions=SessionStore(
            database, lifetime_s=settings.console_session_seconds, idle_s=settings.console_idle_seconds
        ),
        clock=site.clock,
    )


def entrance_of(request: Request) -> Entrance:
    """The application's entrance."""
    entrance = request.app.state.entrance
    assert isinstance(entrance, Entrance)
    return entrance


TheEntrance = Annotated[Entrance, Depends(entrance_of)]
