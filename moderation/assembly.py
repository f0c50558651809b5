"""Builds the real objects from settings; used by the lanes, the API and the command line, and by nothing else.

Imports that are slow or that belong to lanes only (model runtimes) stay inside the function that needs them, so that
the API and the command line start quickly.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial

import structlog

from moderation.domain.errors import NotFoundError, PolicyError
from moderation.domain.ids import Digest
from moderation.domain.signal import SignalSpec
from moderation.domain.verdict import Screening
from moderation.matching.hashes.reductions import REDUCTIONS as MATCHING_REDUCTIONS
from moderation.matching.image_duplicate import IMAGE_DUPLICATE, ImageDuplicate
from moderation.matching.image_match import IMAGE_MATCH, ImageMatch
from moderation.matching.matcher import Matcher
from moderation.media.addresses import parse_allowed
from moderation.media.decode import DecodeLimits, DecoderProcess
from moderation.media.fetching import FetchRules
from moderation.media.store import BlobStore
from moderation.policy.compile import Policy, compile_policy
from moderation.review.compile_plan import compile_plan
from moderation.review.plan import Plan
from moderation.review.plan_source import PlanSource
from moderation.review.router import PlanRouter
from moderation.screening.intake import Intake, IntakeLimits
from moderation.screening.lane import LaneOptions, run_lane
from moderation.screening.life import LaneLife
from moderation.screening.policy_source import PolicySource
from moderation.screening.publish import Publisher
from moderation.screening.quarantine import Quarantine
from moderation.screening.replay import ReplayParts, matched_at
from moderation.screening.report import LaneReport
from moderation.screening.retention import Retention
from moderation.screening.retroaction import Retroaction, RetroactionParts
from moderation.screening.screen import ScreeningParts
from moderation.screening.serving import Catalog, replayed_types, served_signals, shadows
from moderation.screening.webhooks import Courier
from moderation.settings import Settings, make_home
from moderation.signals import hub_catalog
from moderation.signals.catalog import REDUCTIONS as SIGNAL_REDUCTIONS
from moderation.signals.catalog import SPECS
from moderation.signals.engine.options import EngineOptions
from moderation.signals.image_similarity import IMAGE_SIMILARITY, ImageSimilarity
from moderation.signals.models import ModelStore
from moderation.signals.registry import ModelEntry
from moderation.signals.runtime import SignalRuntime
from moderation.storage.banks import BankStore, PinnedBanks
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneStore
from moderation.storage.match_counts import MatchCountStore
from moderation.storage.outbox import OutboxStore
from moderation.storage.picture_features import PictureFeatureStore
from moderation.storage.policies import PolicyStore
from moderation.storage.posts import PostStore
from moderation.storage.published_pictures import PublishedPictureStore
from moderation.storage.retroaction import SweepStore
from moderation.storage.retroaction_cases import SweptPosts
from moderation.storage.review.decisions import DecisionStore
from moderation.storage.review.plans import PlanStore
from moderation.storage.review.retention import RetentionStore

log = structlog.get_logger(__name__)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def open_database(settings: Settings) -> Database:
    """The database in force; the home folder is made when it is missing."""
    make_home(settings.home)
    return Database.open(settings.database)


def blob_store(settings: Settings) -> BlobStore:
    """The blob store in force."""
    return BlobStore(settings.blobs, settings.blob_options)


def model_store(settings: Settings) -> ModelStore:
    """The model store in force."""
    return ModelStore(settings.models, mirror=settings.models_mirror)


def intake(settings: Settings, database: Database, blobs: BlobStore) -> Intake:
    """Intake with the limits in force."""
    limits = IntakeLimits(
        max_image_bytes=settings.max_image_bytes,
        max_caption_chars=settings.max_caption_chars,
        max_prompt_chars=settings.max_prompt_chars,
        deadline_seconds=settings.deadline_seconds,
    )
    return Intake(PostStore(database), blobs, limits)


def signal_specs(settings: Settings | None = None) -> tuple[SignalSpec, ...]:
    """The catalog: what every signal type declares, in order; loads no model.

    With settings, the classifiers too that they turn on; without, the types that every installation has.
    """
    return (*SPECS, *hub_catalog.specs(classifiers(settings)), IMAGE_MATCH, IMAGE_SIMILARITY, IMAGE_DUPLICATE)


def classifiers(settings: Settings | None) -> tuple[ModelEntry, ...]:
    """The registry's classifiers that the settings turn on. Raises `NotFoundError` for a name that is none."""
    return hub_catalog.chosen(settings.classifiers) if settings is not None else ()


def signal_catalog(settings: Settings) -> Catalog:
    """What a lane's signals are made of."""
    return Catalog(model_store(settings), engine_options(settings), classifiers(settings))


def compile_file(settings: Settings, text: str) -> Policy:
    """`text` as the policy file's contents, compiled. Raises `PolicyError` with every problem in it."""
    return compile_policy(text, signal_specs(settings), source=settings.policy.name)


def compile_review_plan(text: str, source: str, number: int = 0, *, settings: Settings | None = None) -> Plan:
    """A review plan's text, compiled against the signal catalog. Raises `PolicyError` with every problem in it."""
    return compile_plan(text, signal_specs(settings), source=source, number=number)


def plan_source(settings: Settings, database: Database) -> PlanSource:
    """The review plan in force. Raises `PolicyError` when not even the file can be read."""
    compile_text = partial(compile_review_plan, settings=settings)
    return PlanSource(PlanStore(database), settings.review_plan, compile_text=compile_text)


def router(settings: Settings, database: Database) -> PlanRouter | None:
    """Routing by the review plan in force; None, and an alarm in the log, when there is no plan that can be read.

    Then held posts wait in the queues that policy names: a broken plan holds up no screening.
    """
    try:
        return PlanRouter(plan_source(settings, database).current, signal_specs(settings))
    except PolicyError as error:
        log.error("routing_without_plan", reason=error.message)  # noqa: TRY400 - the message says it all
        return None


def decode_limits(settings: Settings) -> DecodeLimits:
    """What decoding one image may cost."""
    return DecodeLimits(
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_pixels,
        max_side=settings.max_side,
        max_frames=settings.max_frames,
        seconds=settings.decode_seconds,
        memory_mb=settings.decode_memory_mb,
    )


def retention(settings: Settings, database: Database) -> Retention:
    """Retention of images with the time in force."""
    return Retention(RetentionStore(database), blob_store(settings), days=settings.retention_days, clock=now)


def decoder(settings: Settings) -> DecoderProcess:
    """The decoder process with the limits in force, yielding what every signal and hash needs."""
    hub = hub_catalog.reductions(classifiers(settings), model_store(settings))
    return DecoderProcess(decode_limits(settings), {**SIGNAL_REDUCTIONS, **hub, **MATCHING_REDUCTIONS})


def hash_decoder(settings: Settings) -> DecoderProcess:
    """A decoder process with the limits in force that yields what hashes need, and nothing else."""
    return DecoderProcess(decode_limits(settings), MATCHING_REDUCTIONS)


def fetch_rules(settings: Settings) -> FetchRules:
    """What may be fetched by URL with these settings."""
    hosts = tuple(map(parse_allowed, settings.fetch_hosts))
    return FetchRules(hosts, max_bytes=settings.max_image_bytes, seconds=settings.fetch_seconds)


def engine_options(settings: Settings) -> EngineOptions:
    """How a lane's models run with these settings."""
    return EngineOptions(threads=lane_threads(settings), device=settings.device, precision=settings.precision)


def lane_threads(settings: Settings) -> int:
    """Threads for model inference in each lane: its share of the cores, less one for its decoder and its own work."""
    return settings.threads or max(1, (os.cpu_count() or 1) // settings.lanes - 1)


def matcher(settings: Settings, database: Database) -> Matcher:
    """The banks as a process searches them: the published index file if there is one, and what changed since."""
    return Matcher(BankStore(database), index=settings.home / "index", clock=now)


def quarantine(settings: Settings, database: Database) -> Quarantine:
    """Quarantine of bank entries that suddenly match too much."""
    return Quarantine(MatchCountStore(database), BankStore(database), settings.flood_exempt_banks, clock=now)


@contextmanager
def screening_parts(settings: Settings, database: Database) -> Iterator[ScreeningParts]:
    """Everything that screening needs, with models loaded and the decoder running.

    A model that is missing or not the pinned one is a failing signal, not an error here: its posts are held.
    """
    matches = ImageMatch(matcher(settings, database))
    similar = ImageSimilarity(PictureFeatureStore(database))
    copies = ImageDuplicate(PublishedPictureStore(database), clock=now)
    candidates = shadows(database, seconds=settings.shadow_seconds, clock=now)
    signals = served_signals(database, signal_catalog(settings), (matches, similar, copies), candidates, clock=now)
    policies = PolicyStore(database)

    def remember(digest: Digest, text: str) -> None:
        policies.remember(digest, text, now=now())

    def refresh() -> None:
        matches.refresh()
        similar.refresh()
        copies.refresh()
        signals.refresh()

    source = PolicySource(settings.policy, compile_text=lambda text: compile_file(settings, text), remember=remember)
    matches.prepare()
    copies.refresh()
    with closing(signals), decoder(settings) as decoding, closing(candidates):
        yield ScreeningParts(
            posts=PostStore(database),
            blobs=blob_store(settings),
            decoder=decoding,
            signals=signals,
            judge=source.current,
            refresh=refresh,
            clock=now,
            router=router(settings, database),
            shadows=candidates,
        )


def retroaction(
    settings: Settings, database: Database, *, text: str = "", posts: SweptPosts | None = None
) -> Retroaction:
    """Sweeps over posts that were judged before. `text` is a policy that need not be stored, for a preview; `posts`
    are what reads the posts, the database's own unless given.

    Loads no model, and decodes nothing. A sweep by a policy that is not stored raises `NotFoundError`.
    """
    policies = PolicyStore(database)
    given = compile_file(settings, text) if text else None

    def policy(digest: Digest) -> Policy:
        if given is not None and given.digest == digest:
            return given
        stored = policies.text(digest)
        if stored is None:
            raise NotFoundError(f"The text of policy {digest} is not stored.")
        return compile_file(settings, stored)

    parts = RetroactionParts(
        sweeps=SweepStore(database),
        posts=posts or SweptPosts(database),
        banks=BankStore(database),
        matcher=matcher(settings, database),
        policy=policy,
        router=router(settings, database),
        clock=now,
    )
    return Retroaction(parts)


def lane_options(settings: Settings, name: str) -> LaneOptions:
    """How a lane called `name` works with these settings."""
    return LaneOptions(
        name=name,
        batch_posts=settings.batch_posts,
        lease_seconds=settings.lease_seconds,
        poll_seconds=settings.poll_seconds,
        idle_seconds=settings.lane_idle_seconds,
        max_age_seconds=settings.lane_max_age_seconds,
        report_seconds=settings.lane_report_seconds,
    )


def work_lane(
    settings: Settings,
    *,
    name: str,
    run_id: str,
    stop: threading.Event,
    report: Callable[[LaneReport], None],
) -> LaneReport:
    """Run one lane to its end: what the Dagster job's only op does. `name` must be unique among living lanes.

    It beats from the first moment, and claims nothing before its models are loaded, or exported where that is needed.
    """
    database = open_database(settings)
    life = LaneLife(LaneStore(database), name=name, run_id=run_id, stop=stop, clock=now)
    try:
        with ExitStack() as held:
            with life.starting():
                parts = held.enter_context(screening_parts(settings, database))
            return run_lane(
                parts,
                lane_options(settings, name),
                publisher=Publisher(PostStore(database), clock=now, decisions=DecisionStore(database)),
                courier=Courier(OutboxStore(database), worker=name, clock=now),
                heartbeat=life.heartbeat,
                stop=stop,
                report=report,
            )
    finally:
        life.end()
        database.close()


@contextmanager
def replay_parts(settings: Settings, database: Database, screening: Screening) -> Iterator[ReplayParts]:
    """What replaying `screening` needs: its policy, its banks and its models, today's code and rejected pictures.

    A pinned model that the store has no more fails, and is among what the replay finds changed.

    Raises `NotFoundError` when the policy's text is not stored, `PolicyError` when today's catalog lacks a signal
    that it reads.
    """
    pinned = screening.pins
    text = PolicyStore(database).text(pinned.policy)
    if text is None:
        raise NotFoundError(f"The text of policy {pinned.policy} is not stored.")
    banks = BankStore(database)
    searched = PinnedBanks(banks, pinned.bank_checkpoint) if pinned.bank_checkpoint else banks
    at = matched_at(screening)
    matches = ImageMatch(Matcher(searched, clock=lambda: at))
    matches.refresh()
    types = replayed_types(database, signal_catalog(settings), pinned)
    copies = ImageDuplicate(PublishedPictureStore(database), clock=now)
    signals = SignalRuntime((*types, matches, ImageSimilarity(PictureFeatureStore(database)), copies))
    with decoder(settings) as decoding:
        yield ReplayParts(blob_store(settings), decoding, signals, compile_file(settings, text))
