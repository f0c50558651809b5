import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from moderation.domain.ids import PostId
from moderation.domain.post import Post
from moderation.domain.verdict import Verdict
from moderation.settings import Settings
from moderation.storage.keys import SCOPES
from review_ui.app import create_app
from review_ui.site import Site, open_site
from tests.factories import accept, judge_all
from tests.review_ui.requests import form

PER_MINUTE = 600


@dataclass(frozen=True)
class Backend:
    """The application, and everything that happens behind its back."""

    site: Site
    client: TestClient

    def key(self, *scopes: str, name: str = "feed-backend", per_minute: int = PER_MINUTE) -> dict[str, str]:
        """Headers with a new key; all scopes unless some are named."""
        _, secret = self.site.keys.create(name, scopes=scopes or SCOPES, per_minute=per_minute, now=self.site.clock())
        return {"Authorization": f"Bearer {secret}"}

    def send(self, headers: Mapping[str, str], query: str = "", **changes: Any) -> Any:
        content_type, body = form(**changes)
        return self.client.post(f"/v1/posts{query}", content=body, headers={"Content-Type": content_type, **headers})

    def judge(self, verdict: Verdict) -> list[PostId]:
        """The lane's work: every waiting post gets this verdict."""
        return judge_all(self.site.posts, verdict, now=self.site.clock())

    def publish(self) -> list[PostId]:
        return self.site.posts.publish_approved(limit=100, now=self.site.clock())

    def published(self, headers: Mapping[str, str], **changes: Any) -> Any:
        """A post that went the whole way, as the API answered when it was sent."""
        sent = self.send(headers, **changes).json()
        self.judge(Verdict.APPROVE)
        self.publish()
        return sent


def settings_in(home: Path, sqlite_template: Path) -> Settings:
    """Small limits, and a migrated database and a blob store of its own in `home`."""
    (home / "blobs").mkdir()
    shutil.copy(sqlite_template, home / "moderation.db")
    return Settings(home=home, max_image_bytes=100_000, max_caption_chars=200, max_prompt_chars=400, log_json=True)


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    return settings_in(tmp_path, sqlite_template)


@pytest.fixture
def site(settings: Settings) -> Site:
    return open_site(settings)


@pytest.fixture
def app(site: Site) -> FastAPI:
    return create_app(site=site)


@pytest.fixture
def backend(app: FastAPI, site: Site) -> Iterator[Backend]:
    with TestClient(app) as client:
        yield Backend(site, client)


@pytest.fixture
def waiting(backend: Backend) -> Post:
    """A post of another client that has no verdict yet."""
    return accept(backend.site.posts, client="somebody", now=backend.site.clock())
