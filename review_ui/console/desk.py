"""Everything that the console's routes work with, built once per application."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from moderation.assembly import decode_limits, plan_source, signal_specs
from moderation.reporting.cybertip_desk import CyberTipDesk
from moderation.review.custody import Custody
from moderation.review.near_pictures import NearPictures
from moderation.review.plan import Plan
from moderation.review.plan_source import PlanSource
from moderation.review.quality import GoldKeeper
from moderation.review.resolve import Resolver
from moderation.review.routing_preview import RoutingPreview
from moderation.review.wellbeing import Wellbeing
from moderation.settings import Settings
from moderation.storage.accounts.people import PeopleStore
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.policies import PolicyStore
from moderation.storage.review.appeals import AppealStore
from moderation.storage.review.audit_search import AuditSearch
from moderation.storage.review.author_records import AuthorRecordStore
from moderation.storage.review.blind import BlindStore
from moderation.storage.review.counter_sums import CounterSums
from moderation.storage.review.cybertips import CyberTipStore
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.drafts import DraftStore
from moderation.storage.review.evidence import EvidenceStore
from moderation.storage.review.exposure import ExposureStore
from moderation.storage.review.gold import GoldStore
from moderation.storage.review.hashes import HashStore
from moderation.storage.review.overturned import AppealedStore
from moderation.storage.review.plans import PlanStore
from moderation.storage.review.post_records import PostRecordStore
from moderation.storage.review.queue import JobQueue
from moderation.storage.review.search import PostSearch
from moderation.storage.review.seen import SeenStore
from moderation.storage.review.standing import StandingStore
from moderation.storage.review.waiting import WaitingStore
from review_ui.console.later import Later
from review_ui.console.near_at_hand import NearAtHand
from review_ui.console.pictures import Pictures
from review_ui.console.pinned import PinnedPolicies
from review_ui.console.reports import open_reports
from review_ui.console.streams import Streams
from review_ui.console.sweep_trials import Trials
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
    blind: BlindStore
    standings: StandingStore
    near: NearPictures
    near_at_hand: NearAtHand
    search: PostSearch
    records: PostRecordStore
    audit_search: AuditSearch
    seen: SeenStore
    verification: Verification
    pictures: Pictures
    pinned: PinnedPolicies
    plans: Later[PlanSource]
    resolver: Resolver
    exposures: ExposureStore
    wellbeing: Wellbeing
    gold_keeper: GoldKeeper
    appealed: AppealedStore
    counters: CounterSums
    plan_versions: PlanStore
    routing: RoutingPreview
    evidence: EvidenceStore
    custody: Custody
    cybertips: CyberTipStore
    reports: CyberTipDesk
    views: Views = field(default_factory=Views)
    streams: Streams = field(default_factory=Streams)
    trials: Trials = field(default_factory=Trials)
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when the server is about to end: whoever pushes to browsers stops."""

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

    def restricted_queues(self) -> frozenset[str]:
        """The restricted queues of the plan that was read last; reads nothing, none before the first reading."""
        plans = self.plans.built
        return frozenset() if plans is None else plans.loaded.restricted_queues

    def close(self) -> None:
        """End what is pushed, a preview that runs, and the decoder."""
        self.closing.set()
        self.trials.close()
        self.pictures.close()


def open_desk(site: Site) -> Desk:
    """The desk on the stores of `site`; connects to nothing, starts nothing."""
    database = site.database
    plans = Later(lambda: plan_source(site.settings, database))
    near = NearPictures(HashStore(database))
    queue, decisions, gold = JobQueue(database), DecisionStore(database), GoldStore(database)
    exposures, evidence = ExposureStore(database), EvidenceStore(database)
    custody = Custody(evidence)
    return Desk(
        site=site,
        audit=AuditStore(database),
        people=PeopleStore(database),
        queue=queue,
        decisions=decisions,
        appeals=AppealStore(database),
        gold=gold,
        drafts=DraftStore(database),
        authors=AuthorRecordStore(database),
        blind=BlindStore(database),
        standings=StandingStore(database),
        near=near,
        near_at_hand=NearAtHand(near),
        search=PostSearch(database),
        records=PostRecordStore(database),
        audit_search=AuditSearch(database),
        seen=SeenStore(database),
        verification=Verification(AuditStore(database), site.clock),
        pictures=Pictures(site.blobs, decode_limits(site.settings)),
        pinned=PinnedPolicies(site.settings, PolicyStore(database)),
        plans=plans,
        resolver=Resolver(queue, decisions, gold, plan=lambda: plans.get().current(), custody=custody),
        exposures=exposures,
        plan_versions=PlanStore(database),
        routing=RoutingPreview(WaitingStore(database), signal_specs(site.settings)),
        evidence=evidence,
        custody=custody,
        cybertips=CyberTipStore(database),
        reports=open_reports(site),
        wellbeing=Wellbeing(exposures, lambda: plans.get().current()),
        gold_keeper=GoldKeeper(gold, plan=lambda: plans.get().current()),
        appealed=AppealedStore(database),
        counters=CounterSums(database),
    )


def desk_of(request: Request) -> Desk:
    """The application's desk."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]
