"""Whether a post that is sent now gets a verdict, and if not, which part is missing or stale."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog
from starlette.concurrency import run_in_threadpool

from moderation.assembly import compile_file, signal_specs
from moderation.domain.errors import ModelStoreError, ModerationError
from moderation.signals.models import ModelStore
from review_ui.recent import Recent
from review_ui.site import Site

CHECK_SECONDS = 5.0
"""A part that takes longer to answer counts as missing."""
DIALECTS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


class PartState(StrEnum):
    """How a part is."""

    OK = "ok"
    MISSING = "missing"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `detail` is one sentence for the operator."""

    name: str
    state: PartState
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Every part. Ready when all are ok."""

    parts: tuple[Part, ...]

    @property
    def ready(self) -> bool:
        """Whether a post that is sent now gets a verdict."""
        return all(part.state is PartState.OK for part in self.parts)


Check = Callable[[Site], Part]


class ReadinessProbe:
    """Checks at most once in a while, however many ask. Belongs to one event loop."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._recent = Recent(self._check)

    async def current(self) -> Readiness:
        """Every check, at once, each under a time limit; a check that throws is a part that is missing."""
        return await self._recent.get()

    async def _check(self) -> Readiness:
        return Readiness(
            tuple(await asyncio.gather(*(_checked(name, check, self._site) for name, check in CHECKS.items())))
        )


async def _checked(name: str, check: Check, site: Site) -> Part:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await run_in_threadpool(check, site)
    except TimeoutError:
        return Part(name, PartState.MISSING, f"It did not answer within {CHECK_SECONDS:g} seconds.")
    except ModerationError as error:
        structlog.get_logger(__name__).warning("part_missing", part=name, code=error.code, reason=error.message)
        return Part(name, PartState.MISSING, f"It does not answer ({error.code}).")
    except Exception:  # noqa: BLE001 - readiness must be answered whatever a part does
        structlog.get_logger(__name__).exception("part_failed", part=name)
        return Part(name, PartState.MISSING, "Its check failed; the log says how.")


def _database(site: Site) -> Part:
    site.database.ping()
    if not site.database.is_current():
        return Part("database", PartState.STALE, "Its tables are not of this version; run the migrations.")
    return Part("database", PartState.OK, f"{DIALECTS[site.database.dialect]} answers, and its tables are current.")


def _blobs(site: Site) -> Part:
    site.blobs.ping()
    return Part("blobs", PartState.OK, "The store can be read and written.")


def _models(site: Site) -> Part:
    names = sorted({model for spec in signal_specs(site.settings) for model in spec.models})
    wrong = [name for name in names if not _verified(site.models, name)]
    if wrong:
        return Part("models", PartState.MISSING, f"Missing or not the pinned bytes: {', '.join(wrong)}.")
    return Part("models", PartState.OK, f"All there: {', '.join(names)}.")


def _verified(models: ModelStore, name: str) -> bool:
    try:
        for file in models.entry(name).files:
            models.path(name, file.filename)  # reads the file only when it is new to this process, or changed
    except ModelStoreError:
        return False
    return True


def _policy(site: Site) -> Part:
    path = site.settings.policy
    policy = compile_file(site.settings, path.read_text(encoding="utf-8"))
    return Part("policy", PartState.OK, f"{policy.name} with {len(policy.rules)} rules is valid.")


def _lanes(site: Site) -> Part:
    alive = site.lanes.alive(within_seconds=site.settings.lane_stale_seconds, now=site.clock())
    if alive:
        return Part("lanes", PartState.OK, f"{len(alive)} alive.")
    if site.posts.oldest_pending_at() is None:
        return Part("lanes", PartState.OK, "None alive, and no post waits.")
    return Part("lanes", PartState.MISSING, "Posts wait, and no lane is alive.")


def _backlog(site: Site) -> Part:
    overdue = site.posts.overdue(site.clock())
    if overdue:
        return Part("backlog", PartState.STALE, f"{overdue} posts are past their deadline without a verdict.")
    oldest = site.posts.oldest_pending_at()
    if oldest is None:
        return Part("backlog", PartState.OK, "No post waits.")
    waited = max(0.0, (site.clock() - oldest).total_seconds())
    return Part("backlog", PartState.OK, f"The oldest post waits for {waited:.1f} seconds.")


CHECKS: dict[str, Check] = {
    "database": _database,
    "blobs": _blobs,
    "models": _models,
    "policy": _policy,
    "lanes": _lanes,
    "backlog": _backlog,
}
