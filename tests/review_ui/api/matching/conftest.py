from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from moderation.domain.bank import Bank, BankEffect
from moderation.domain.errors import ModerationError
from moderation.media.fetching import Fetcher, FetchRules
from moderation.storage.banks import BankStore
from review_ui.api.matching.pictures import PictureReader
from review_ui.api.matching.service import Matching
from review_ui.app import create_app
from review_ui.site import Site, open_site
from tests.review_ui.api.matching.pictures import LocalDecoder
from tests.review_ui.conftest import PER_MINUTE, settings_in

NOW_ACTOR = "test"


class Pages(Fetcher):
    """A fetcher whose network is a dictionary; a URL that it lacks is refused by the real one."""

    def __init__(self) -> None:
        super().__init__(FetchRules((), 1_000))
        self.known: dict[str, bytes | ModerationError] = {}

    async def fetch(self, url: str) -> bytes:
        found = self.known.get(url)
        if found is None:
            return await super().fetch(url)
        if isinstance(found, ModerationError):
            raise found
        return found


@dataclass(frozen=True)
class Api:
    """The application, its client, and what is behind it."""

    site: Site
    client: TestClient
    matching: Matching
    pages: Pages

    @property
    def banks(self) -> BankStore:
        return self.matching.banks

    def key(self, *scopes: str, name: str = "") -> dict[str, str]:
        wanted = scopes or ("matching:read", "banks:read", "banks:write")
        named = name or f"key of {' '.join(wanted)}"
        _, secret = self.site.keys.create(named, scopes=wanted, per_minute=PER_MINUTE * 1000, now=self.site.clock())
        return {"X-API-KEY": secret}

    def bank(self, name: str = "BANNED", effect: BankEffect = BankEffect.BLOCK, **facts: Any) -> Bank:
        return self.banks.create(Bank(name, effect, **facts), actor=NOW_ACTOR, now=self.site.clock())


@contextmanager
def serving(app: FastAPI, site: Site) -> Iterator[Api]:
    """The application with a decoder and a network of its own."""
    pages = Pages()
    app.state.matching = replace(app.state.matching, pictures=PictureReader(LocalDecoder), fetcher=pages)
    with TestClient(app) as client:
        yield Api(site, client, app.state.matching, pages)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Api]:
    """One for a module, with two empty banks: for what must change nothing."""
    site = open_site(settings_in(tmp_path_factory.mktemp("still"), sqlite_template))
    with serving(create_app(site=site), site) as api:
        api.bank("A")
        api.bank()
        yield api
        assert [(bank.name, size) for bank, size in api.banks.banks()] == [("A", 0), ("BANNED", 0)]


@pytest.fixture(scope="module")
def still_key(still: Api) -> dict[str, str]:
    return still.key()


@pytest.fixture
def api(app: FastAPI, site: Site) -> Iterator[Api]:
    with serving(app, site) as made:
        yield made
