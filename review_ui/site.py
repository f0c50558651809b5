"""Everything that the routes work with, built once per application."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from moderation.assembly import blob_store, intake, model_store, now, open_database
from moderation.media.store import BlobStore
from moderation.screening.intake import Intake
from moderation.settings import Settings
from moderation.signals.models import ModelStore
from moderation.storage.engine import Database
from moderation.storage.jobs import JobStore
from moderation.storage.keys import ApiKeyStore
from moderation.storage.lanes import LaneStore
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore
from review_ui.body import BodyLimits
from review_ui.body_budget import BodyBudget
from review_ui.metrics import Metrics
from review_ui.rate_limit import RateLimiter
from review_ui.watch import VerdictWatch


@dataclass(frozen=True, slots=True)
class Site:
    """The stores, the intake, and this process's own state."""

    settings: Settings
    database: Database
    posts: PostStore
    screenings: ScreeningStore
    jobs: JobStore
    outbox: OutboxStore
    keys: ApiKeyStore
    lanes: LaneStore
    blobs: BlobStore
    models: ModelStore
    intake: Intake
    watch: VerdictWatch
    limiter: RateLimiter = field(default_factory=RateLimiter)
    metrics: Metrics = field(default_factory=Metrics)
    clock: Callable[[], datetime] = now

    body_budget: BodyBudget = field(default_factory=BodyBudget)

    @property
    def body_limits(self) -> BodyLimits:
        """What the longest acceptable post needs."""
        return BodyLimits(
            self.settings.max_image_bytes, self.settings.max_caption_chars + self.settings.max_prompt_chars
        )


def open_site(settings: Settings) -> Site:
    """The site on the database and blob store of `settings`; connects only when first used."""
    database, blobs = open_database(settings), blob_store(settings)
    posts = PostStore(database)
    return Site(
        settings=settings,
        database=database,
        posts=posts,
        screenings=ScreeningStore(database),
        jobs=JobStore(database),
        outbox=OutboxStore(database),
        keys=ApiKeyStore(database),
        lanes=LaneStore(database),
        blobs=blobs,
        models=model_store(settings),
        intake=intake(settings, database, blobs),
        watch=VerdictWatch(posts.many),
    )


def site_of(request: Request) -> Site:
    """The application's site."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site


TheSite = Annotated[Site, Depends(site_of)]
