"""Sweeps: what was judged again, why, how far it came and which posts it touched; cancelling one, raising its cap."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import InvalidInputError, ModerationError, NotFoundError
from moderation.domain.people import Capability, Person
from moderation.domain.retroaction import ACTS, CauseKind, Result, Sweep, SweepDay, SweepState
from moderation.storage.banks import BankStore
from moderation.storage.retroaction import SweepStore
from moderation.storage.retroaction_pages import SweepPages, TouchedPost
from review_ui.console.access import needs
from review_ui.console.bank_paths import bank_path
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.post_lines import PostLine, line_of
from review_ui.console.shell import render
from review_ui.console.sweep_asked import cap_of
from review_ui.console.sweep_words import RESULT_TONES, SHORT, WORDS, covers, drawn
from review_ui.console.sweep_words import line_of as sweep_line

PATH = "/console/sweeps"
PAGE = 30
POSTS = 40
MOST_DAYS = 60
"""Days that the page lists; the picture has them all."""
DUE_WINDOW = timedelta(days=1)
MAX_ID_CHARS = 64

router = APIRouter(prefix=PATH)

Keeper = Annotated[Person, needs(Capability.BANKS)]


@dataclass(frozen=True, slots=True)
class Due:
    """Posts that new bank entries match, as the alarm of the last day counted them.

    `href` is the form of a sweep over those entries; `swept`: one was made that covers them all, and not cancelled.
    """

    posts: int
    results: tuple[tuple[str, int], ...]
    href: str
    swept: bool


@dataclass(frozen=True, slots=True)
class TouchedLine:
    """A post that the sweep acted on; of one that the person may not see nothing but that it is there."""

    line: PostLine
    word: str
    tone: str
    at: datetime


@router.get("")
async def sweeps_page(request: Request, person: Keeper, desk: TheDesk, cursor: str = "") -> Response:
    """Sweeps, newest first, and whether new bank entries match posts."""
    return await run_in_threadpool(_list_page, request, person, desk, cursor)


@router.get("/{sweep_id}")
async def sweep_page(request: Request, sweep_id: str, person: Keeper, desk: TheDesk, cursor: str = "") -> Response:
    """One sweep: its days, what it did, and a page of the posts that it touched. 404 for an id that none has."""
    return await run_in_threadpool(_page, request, person, desk, sweep_id, cursor=cursor)


@router.post("/{sweep_id}/cancel")
async def cancel(request: Request, sweep_id: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """End a sweep where it is; what it did stays."""
    return await run_in_threadpool(_cancelled, request, person, desk, sweep_id, form)


@router.post("/{sweep_id}/cap")
async def raise_cap(request: Request, sweep_id: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Let a sweep touch more posts; one that stopped at its cap goes on."""
    return await run_in_threadpool(_raised, request, person, desk, sweep_id, form)


def _list_page(request: Request, person: Person, desk: Desk, cursor: str) -> Response:
    page = SweepPages(desk.database).newest(cursor=cursor or None, limit=PAGE)
    banks = frozenset(bank.name for bank in BankStore(desk.database).definitions())
    values = {
        "lines": [sweep_line(sweep, banks) for sweep in page.sweeps],
        "due": _due(desk, page.sweeps) if not cursor else None,
        "next_href": f"{PATH}?{urlencode({'cursor': page.next_cursor})}" if page.next_cursor else "",
        "first_page": not cursor,
    }
    return render(request, "console/sweeps.html", person, values)


def _due(desk: Desk, newest: Sequence[Sweep]) -> Due | None:
    """What the alarm of the last day counted, with a form for it; None for nothing."""
    now = desk.clock()
    counted = SweepStore(desk.database).due(now - DUE_WINDOW, now)
    posts = int(sum(counted.values()))
    if not posts:
        return None
    after = SweepPages(desk.database).change_before(now - DUE_WINDOW)
    until = int(BankStore(desk.database).checkpoint())
    return Due(
        posts=posts,
        results=tuple((SHORT[result], int(counted[result.value])) for result in SHORT if counted.get(result.value)),
        href=f"{PATH}/new?{urlencode({'what': 'since', 'since': after, 'withdraw': 'yes'})}",
        swept=any(_covers_all(one, after, until) for one in newest),
    )


def _covers_all(sweep: Sweep, after: int, until: int) -> bool:
    """Whether a sweep looks at everything that was banked after one change and up to another, on every day."""
    cause = sweep.cause
    everything = cause.kind is CauseKind.BANK and not (cause.bank or cause.entry or cause.first_day or cause.last_day)
    return everything and cause.after <= after and cause.until >= until and sweep.state is not SweepState.CANCELLED


def _page(
    request: Request,
    person: Person,
    desk: Desk,
    sweep_id: str,
    *,
    cursor: str = "",
    problem: ModerationError | None = None,
) -> Response:
    sweep = _existing(desk, sweep_id)
    days = SweepStore(desk.database).days(sweep.id)
    touched = SweepPages(desk.database).touched(sweep.id, cursor=cursor or None, limit=POSTS)
    banks = frozenset(bank.name for bank in BankStore(desk.database).definitions())
    told = [day for day in reversed(days) if day.found or day.later]
    values = {
        "line": sweep_line(sweep, banks),
        "sweep": sweep,
        "covers": covers(sweep.cause),
        "bank_href": bank_path(sweep.cause.bank) if sweep.cause.bank in banks else "",
        "chart": drawn(_by_day(days), title="Posts that it touched"),
        "results": [
            (WORDS[result], sweep.results[result], result.acts) for result in Result if sweep.results.get(result)
        ],
        "days": told[:MOST_DAYS],
        "more_days": max(0, len(told) - MOST_DAYS),
        "acts": [result for result in Result if result in ACTS],
        "short": SHORT,
        "scanned": sum(day.scanned for day in days),
        "later": sum(day.later for day in days),
        "posts": _lines(desk, person, touched.posts),
        "next_href": f"{PATH}/{sweep.id}?{urlencode({'cursor': touched.next_cursor})}#posts"
        if touched.next_cursor
        else "",
        "first_page": not cursor,
        "goes_on": sweep.state in {SweepState.OPEN, SweepState.STOPPED},
        "problem": problem,
        "path": f"{PATH}/{sweep.id}",
    }
    return render(request, "console/sweep.html", person, values, status=problem.status if problem else 200)


def _cancelled(request: Request, person: Person, desk: Desk, sweep_id: str, form: Form) -> Response:
    sweep = _existing(desk, sweep_id)
    try:
        if form.get("confirm") != "yes":
            raise InvalidInputError("Nothing was confirmed.", hint="Tick that the sweep is to end.")
        SweepStore(desk.database).cancel(sweep.id, by=person.actor, now=desk.clock())
    except ModerationError as error:
        return _page(request, person, desk, sweep_id, problem=error)
    return RedirectResponse(f"{PATH}/{sweep.id}", 303)


def _raised(request: Request, person: Person, desk: Desk, sweep_id: str, form: Form) -> Response:
    sweep = _existing(desk, sweep_id)
    try:
        cap = cap_of(form.get("cap", "").strip())
        SweepStore(desk.database).raise_cap(sweep.id, cap, by=person.actor, now=desk.clock())
    except ModerationError as error:
        return _page(request, person, desk, sweep_id, problem=error)
    return RedirectResponse(f"{PATH}/{sweep.id}", 303)


def _existing(desk: Desk, sweep_id: str) -> Sweep:
    try:
        return SweepStore(desk.database).get(sweep_id[:MAX_ID_CHARS])
    except NotFoundError:
        raise NotFoundError("There is no such sweep.") from None


def _by_day(days: Sequence[SweepDay]) -> Counter[tuple[date, Result]]:
    return Counter({(day.day, result): posts for day in days for result, posts in day.results.items()})


def _lines(desk: Desk, person: Person, touched: Sequence[TouchedPost]) -> list[TouchedLine]:
    """A few statements, however many posts. Of a post in somebody's blind review its outcome is not told."""
    plan, ids = desk.plan(), [one.post_id for one in touched]
    blind = desk.blind.among(ids, person)
    found = {item.post.id: line_of(item, person, plan, blind=blind) for item in desk.search.named(ids)}
    return [
        TouchedLine(
            found[one.post_id],
            "" if one.post_id in blind else SHORT[one.result],
            RESULT_TONES.get(one.result, "quiet"),
            one.at,
        )
        for one in touched
        if one.post_id in found
    ]
