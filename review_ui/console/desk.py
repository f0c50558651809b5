"""Everything that the console's routes work with, built once per application."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from moderation.assembly import decode_limits, plan_source
from moderation.review.near_pictures import NearPictures
from moderation.review.plan import Plan
from moderation.review.plan_source import PlanSource
from moderation.review.wellbeing import Wellbeing
from moderation.settings import Settings
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.policies import PolicyStore
from moderation.storage.review.appeals import AppealStore
from moderation.storage.review.audit_search import AuditSearch
from moderation.storage.review.author_records import AuthorRecordStore
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.drafts import DraftStore
from moderation.storage.review.exposure import ExposureStore
from moderation.storage.review.gold import GoldStore
from moderation.storage.review.hashes import HashStore
from moderation.storage.review.post_records import PostRecordStore
from moderation.storage.review.queue import JobQueue
from moderation.storage.review.search import PostSearch
from moderation.storage.review.seen import SeenStore
from moderation.storage.review.standing import StandingStore
from review_ui.console.later import Later
from review_ui.console.pictures import Pictures
from review_ui.console.pinned import PinnedPolicies
from review_ui.console.verification import Verification
from review_ui.console.views import Views
from review_ui.site import Site


@dataclass(frozen=True, slots=True)
class Desk:
    """The stores and services of review. `site` has those that the API shares: posts, screenings, blobs."""

    site: Site
    audit: AuditStore
    people: PeopleStore
    queue: JobQueue
    decisions: DecisionStore
    appeals: AppealStore
    gold: GoldStore
    drafts: DraftStore
    authors: AuthorRecordStore
    standings: StandingStore
    near: NearPictures
    search: PostSearch
    records: PostRecordStore
    audit_search: AuditSearch
    seen: SeenStore
    verification: Verification
    pictures: Pictures
    pinned: PinnedPolicies
    plans: Later[PlanSource]
    exposures: ExposureStore
    wellbeing: Wellbeing
    views: Views = field(default_factory=Views)

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

    def plan(self) -> Plan:
        """The review plan in force. May read the database: not for the event loop."""
        return self.plans.get().current()

    def close(self) -> None:
        """End the decoder."""
        self.pictures.close()


def open_desk(site: Site) -> Desk:
    """The desk on the stores of `site`; connects to nothing, starts nothing."""
    database = site.database
    plans = Later(lambda: plan_source(site.settings, database))
    exposures = ExposureStore(database)
    return Desk(
        site=site,
        audit=AuditStore(database),
        people=PeopleStore(database),
        queue=JobQueue(database),
        decisions=DecisionStore(database),
        appeals=AppealStore(database),
        gold=GoldStore(database),
        drafts=DraftStore(database),
        authors=AuthorRecordStore(database),
        standings=StandingStore(database),
        near=NearPictures(HashStore(database)),
        search=PostSearch(database),
        records=PostRecordStore(database),
        audit_search=AuditSearch(database),
        seen=SeenStore(database),
        verification=Verification(AuditStore(database), site.clock),
        pictures=Pictures(site.blobs, decode_limits(site.settings)),
        pinned=PinnedPolicies(site.settings, PolicyStore(database)),
        plans=plans,
        exposures=exposures,
        wellbeing=Wellbeing(exposures, lambda: plans.get().current()),
    )


def desk_of(request: Request) -> Desk:
    """The application's desk."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]
