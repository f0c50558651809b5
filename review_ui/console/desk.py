"""Everything that the console's routes work with, built once per application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from moderation.settings import Settings
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from review_ui.site import Site


@dataclass(frozen=True, slots=True)
class Desk:
    """The stores and services of review. `site` has those that the API shares: posts, screenings, blobs."""

    site: Site
    audit: AuditStore

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.site.settings

    @property
    def database(self) -> Database:
        """The database that every store here is on."""
        return self.site.database

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time, in UTC."""
        return self.site.clock


def open_desk(site: Site) -> Desk:
    """The desk on the stores of `site`; connects to nothing, starts nothing."""
    return Desk(site=site, audit=AuditStore(site.database))


def desk_of(request: Request) -> Desk:
    """The application's desk."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]
