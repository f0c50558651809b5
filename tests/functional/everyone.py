"""Every page of the console over a filled database, for whoever the page is for: what axe and the screenshots open."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from moderation.assembly import now, open_database, plan_source
from moderation.bench.processes import api_process
from moderation.bench.review.fill import Filled, fill
from moderation.bench.review.pages import PAGES, addresses, signed_in
from moderation.settings import Settings
from moderation.storage.accounts.sessions import SessionStore
from moderation.storage.engine import Database

POSTS, JOBS = 4_000, 300


@dataclass(frozen=True)
class Everyone:
    """A running console in which something has happened, and the people who work there."""

    url: str
    database: Database
    filled: Filled

    @contextmanager
    def page(self, browser: Browser, who: str, **options: Any) -> Iterator[Page]:
        """A window of somebody's own browser."""
        context = browser.new_context(**{"base_url": self.url, **options})
        person = self.filled.team.by_name().get(who)
        if person is not None:
            store = SessionStore(self.database, lifetime_s=43_200, idle_s=3_600)
            context.add_cookies([{"name": "session", "value": signed_in(store, person, now()), "url": self.url}])
        page = context.new_page()
        try:
            yield page
        finally:
            context.close()

    def pages(self) -> list[tuple[str, str, str]]:
        """Who, address, and a name for files, of every page."""
        names = addresses(self.filled)
        return [(who, page.format(**names), f"{who}-{_slug(page)}") for who, page in PAGES]


def _slug(page: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", page.removeprefix("/console")).strip("-") or "home"


@contextmanager
def everyone(home: Path) -> Iterator[Everyone]:
    """The console on a SQLite file in `home`, filled as the bench fills it."""
    settings = Settings(home=home)
    database = open_database(settings)
    database.migrate()
    plan = plan_source(settings, database).current()
    filled = fill(settings, database, plan, posts=POSTS, jobs=JOBS, now=now(), tell=lambda _line: None)
    with api_process(settings) as url:
        yield Everyone(url, database, filled)
    database.close()
