"""The measurement from an empty database to its figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from moderation.assembly import now, plan_source
from moderation.bench.processes import api_process
from moderation.bench.result import BenchResult
from moderation.bench.review.fill import Filled, fill
from moderation.bench.review.pages import PageTime, addresses, page_times, visitors
from moderation.bench.review.place import review_place
from moderation.bench.review.work import Shift, next_times, resolver_on, team_at_work
from moderation.review.plan import Plan
from moderation.screening.report import quantile
from moderation.settings import Settings
from moderation.storage.engine import Database
from moderation.storage.review.decisions import DecisionStore

TARGETS = (
    ("next_ms", "<=", 50.0),
    ("page_ms_max", "<=", 200.0),
    ("double_assignments", "<=", 0.0),
    ("pages_failed", "<=", 0.0),
)
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `seconds` is how long twenty moderators work at once."""

    posts: int = 1_000_000
    jobs: int = 100_000
    next_rounds: int = 300
    page_rounds: int = 15
    seconds: float = 20.0


def bench_review(settings: Settings, size: Size, *, database_url: str, sqlite: bool, tell: Tell) -> BenchResult:
    """Fill a database, then measure `next`, every page of the console, and twenty moderators at once.

    `next_ms` is the 99th percentile, `page_ms_max` the slowest answer of any page that was fetched once before.
    """
    with review_place(settings, database_url=database_url, sqlite=sqlite, posts=size.posts) as (place, database):
        plan = plan_source(place, database).current()
        filled = fill(place, database, plan, posts=size.posts, jobs=size.jobs, now=now(), tell=tell)
        times = _next_times(database, plan, size, tell)
        pages = _pages(place, database, filled, size, tell)
        shift = _shift(database, plan, filled, size, tell)
    return BenchResult("review", _figures(filled, times, pages, shift), targets=TARGETS)


def _next_times(database: Database, plan: Plan, size: Size, tell: Tell) -> list[float]:
    queues = frozenset(name for name, queue in plan.queues.items() if not queue.restricted)
    resolver = resolver_on(database, plan)
    next_times(resolver, queues, rounds=min(20, size.next_rounds), clock=now)
    times = next_times(resolver, queues, rounds=size.next_rounds, clock=now)
    tell(f"next: p50 {quantile(times, 0.5):.1f} ms, p99 {quantile(times, 0.99):.1f} ms")
    return times


def _pages(settings: Settings, database: Database, filled: Filled, size: Size, tell: Tell) -> list[PageTime]:
    with api_process(settings) as address, visitors(settings, database, filled, address, now()) as clients:
        return page_times(clients, addresses(filled), rounds=size.page_rounds, tell=tell)


def _shift(database: Database, plan: Plan, filled: Filled, size: Size, tell: Tell) -> Shift:
    decisions = DecisionStore(database)
    resolver = resolver_on(database, plan)
    shift = team_at_work(resolver, decisions, plan, filled.team.moderators, seconds=size.seconds, clock=now)
    tell(f"{len(filled.team.moderators)} moderators: {len(shift.decide_ms) / shift.seconds:.0f} decisions a second")
    for message, count in shift.refused.items():
        tell(f"refused {count} times: {message}")
    return shift


def _figures(filled: Filled, times: Sequence[float], pages: Sequence[PageTime], shift: Shift) -> dict[str, float]:
    return {
        "next_ms": quantile(times, 0.99),
        "next_p50_ms": quantile(times, 0.5),
        "page_ms_max": max(page.max_ms for page in pages),
        "page_p50_ms_max": max(page.p50_ms for page in pages),
        "page_first_ms_max": max(page.first_ms for page in pages),
        "pages": float(len(pages)),
        "pages_failed": float(sum(page.status != httpx.codes.OK for page in pages)),
        "double_assignments": float(shift.double_assignments),
        "decisions_per_s": len(shift.decide_ms) / shift.seconds,
        "busy_next_p50_ms": quantile(shift.next_ms, 0.5),
        "busy_next_p99_ms": quantile(shift.next_ms, 0.99),
        "busy_decide_p50_ms": quantile(shift.decide_ms, 0.5),
        "busy_decide_p99_ms": quantile(shift.decide_ms, 0.99),
        "refused": float(sum(shift.refused.values())),
        "posts": float(filled.posts),
        "open_jobs": float(filled.open_jobs),
        "fill_s": filled.seconds,
    }
