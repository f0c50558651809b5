"""Fetching from an exchange into its bank, page by page, and telling it what our reviews found.

A page, its bank changes and its position are one transaction, so a fetch that was killed goes on where it stopped.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeAlias

import structlog

from moderation.domain.errors import ModerationError, UnavailableError
from moderation.domain.exchange import (
    Applied,
    Exchange,
    ExchangeState,
    Feedback,
    MalformedExchangeError,
    Page,
    kinds_counted,
)
from moderation.matching.exchanges.source import Clock, Source

log = structlog.get_logger(__name__)

MAX_PAGES = 100_000
MAX_SECONDS = 3_600.0
"""A fetch stops after the page that is over it, and the next goes on there."""
RETRIES = 3
FIRST_WAIT_SECONDS = 1.0
TELL_SECONDS = 240.0
"""Less than the lease of what was claimed: nobody else takes it meanwhile."""
TELL_AT_ONCE = 20

OpenSource: TypeAlias = Callable[[Exchange], Source]


class SweptStep(Protocol):
    """One step of a removal; see `ExchangeStore.sweep`."""

    @property
    def applied(self) -> Applied: ...  # noqa: D102
    @property
    def left(self) -> int: ...  # noqa: D102
    @property
    def withheld(self) -> bool: ...  # noqa: D102


class Ledger(Protocol):
    """What a fetch needs of the store; see `ExchangeStore`."""

    def state(self, name: str) -> ExchangeState:
        """The exchange and where its fetch stands."""
        ...

    def apply(self, name: str, page: Page, *, revision: int, now: datetime) -> tuple[int, Applied]:
        """Apply a page and its position together."""
        ...

    def sweep(self, name: str, *, now: datetime, allow: bool = False) -> SweptStep:
        """Remove some of what a full pass did not tell."""
        ...

    def failed(self, name: str, error: str, *, now: datetime) -> datetime:
        """Record a failure."""
        ...

    def succeeded(
        self, name: str, applied: Applied, *, complete: bool = True, problem: str = "", now: datetime
    ) -> None:
        """Record a success."""
        ...


class FeedbackQueue(Protocol):
    """What telling needs of the store; see `FeedbackStore`."""

    def claim(self, *, limit: int, now: datetime) -> list[Feedback]:
        """Results that are due, leased."""
        ...

    def sent(self, feedback: Feedback, *, now: datetime) -> None:
        """It was told."""
        ...

    def failed(self, feedback: Feedback, error: str, *, again: bool, now: datetime) -> None:
        """It was not."""
        ...


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a fetch did. Not `complete`: it stopped at a limit, and the next goes on. `withheld` removals wait."""

    exchange: str
    pages: int = 0
    items: int = 0
    applied: Applied = field(default_factory=Applied)
    unsupported: Mapping[str, int] = field(default_factory=dict)
    malformed: int = 0
    withheld: int = 0
    complete: bool = False


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Where a fetch stops, and how long it waits before it tries a page again."""

    max_pages: int = MAX_PAGES
    max_seconds: float = MAX_SECONDS
    retries: int = RETRIES
    first_wait_seconds: float = FIRST_WAIT_SECONDS


OnPage: TypeAlias = Callable[[FetchReport], None]


class Fetch:
    """One fetch of one exchange."""

    def __init__(
        self,
        ledger: Ledger,
        open_source: OpenSource,
        clock: Clock,
        *,
        limits: FetchLimits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        on_page: OnPage | None = None,
    ) -> None:
        self._ledger = ledger
        self._open = open_source
        self._clock = clock
        self._limits = limits or FetchLimits()
        self._sleep = sleep
        self._on_page = on_page

    def run(self, name: str, *, allow_removals: bool = False) -> FetchReport:
        """Fetch everything that is new, and record how it went.

        Raises what `Source.fetch` and `Ledger.apply` raise, after recording it; pages before the failure stay applied.
        """
        state = self._ledger.state(name)
        try:
            report = self._swept(self._fetched(state), allow_removals=allow_removals)
        except ModerationError as error:
            self._ledger.failed(name, f"{error.message} {error.hint}".strip(), now=self._clock())
            log.warning("exchange_failed", exchange=name, code=error.code, reason=error.message)
            raise
        except Exception as error:
            # Nobody foresaw it: recorded all the same, for an exchange that stays due is started again at once.
            self._ledger.failed(name, f"The fetch broke off: {type(error).__name__}.", now=self._clock())
            raise
        problem = f"{report.withheld} removals are withheld: look, then fetch with --allow-removals."
        told = problem if report.withheld else ""
        self._ledger.succeeded(name, report.applied, complete=report.complete, problem=told, now=self._clock())
        return report

    def _fetched(self, state: ExchangeState) -> FetchReport:
        """Pages until one is complete or a limit is reached; a page that did not come is asked for again."""
        report, tries = FetchReport(state.exchange.name), 0
        position, revision = state.position, state.revision
        begun = time.monotonic()
        while True:
            source = self._open(state.exchange)
            try:
                for page in source.fetch(position):
                    revision, applied = self._ledger.apply(report.exchange, page, revision=revision, now=self._clock())
                    position, tries = page.position, 0
                    report = _counted(report, page, applied)
                    if self._on_page is not None:
                        self._on_page(report)
                    if page.complete or self._spent(report, begun):
                        return report
            except UnavailableError:
                if tries >= self._limits.retries:
                    raise
                self._sleep(self._limits.first_wait_seconds * 2**tries)
                tries += 1
            else:
                raise MalformedExchangeError("The pages ended before one was complete.")
            finally:
                source.close()

    def _spent(self, report: FetchReport, begun: float) -> bool:
        return report.pages >= self._limits.max_pages or time.monotonic() - begun > self._limits.max_seconds

    def _swept(self, report: FetchReport, *, allow_removals: bool) -> FetchReport:
        """The removals of a full pass, once it is complete."""
        applied = report.applied
        while report.complete:
            step = self._ledger.sweep(report.exchange, now=self._clock(), allow=allow_removals)
            applied += step.applied
            if step.withheld or not step.left:
                return replace(report, applied=applied, withheld=step.left)
        return report


def tell(
    queue: FeedbackQueue,
    exchange_of: Callable[[str], Exchange],
    open_source: OpenSource,
    clock: Clock,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[int, int]:
    """Tell what is due; returns how many results were told and how many were not.

    One that may succeed later is tried again; a refusal is final. What fails for one exchange stops no other, and one
    that is away is not asked again. What is not told after `TELL_SECONDS` is left for the next time.
    """
    told = failed = 0
    away: dict[str, UnavailableError] = {}
    until = monotonic() + TELL_SECONDS
    while monotonic() < until and (due := queue.claim(limit=TELL_AT_ONCE, now=clock())):
        for feedback in due:
            if monotonic() >= until:
                return told, failed
            try:
                if feedback.exchange in away:
                    raise away[feedback.exchange]
                _tell_one(feedback, exchange_of, open_source)
            except ModerationError as error:
                again = isinstance(error, UnavailableError)
                if isinstance(error, UnavailableError):
                    away[feedback.exchange] = error
                queue.failed(feedback, error.message, again=again, now=clock())
                log.warning("exchange_not_told", exchange=feedback.exchange, code=error.code, again=again)
                failed += 1
            else:
                queue.sent(feedback, now=clock())
                told += 1
    return told, failed


def _tell_one(feedback: Feedback, exchange_of: Callable[[str], Exchange], open_source: OpenSource) -> None:
    source = open_source(exchange_of(feedback.exchange))
    try:
        source.tell(feedback)
    finally:
        source.close()


def _counted(report: FetchReport, page: Page, applied: Applied) -> FetchReport:
    return replace(
        report,
        pages=report.pages + 1,
        items=report.items + len(page.items),
        applied=report.applied + applied,
        unsupported=kinds_counted(report.unsupported, page.skipped.unsupported),
        malformed=report.malformed + page.skipped.malformed,
        complete=page.complete,
    )
