"""Exchanges of hashes: how their fetches go, what waits for a person, and switching one on or off.

Adding one takes credentials from the environment of whoever fetches, so that stays with the command line.
"""

import shlex
import time
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.audit import AuditDraft, AuditEvent
from moderation.domain.errors import ConflictError, InvalidInputError, ModerationError, NotFoundError
from moderation.domain.exchange import MAX_NAME_CHARS, ExchangeState
from moderation.domain.people import Capability, Person
from moderation.matching.exchanges.registry import SPECS
from moderation.storage.banks import BankStore
from moderation.storage.exchange_feedback import FeedbackStore
from moderation.storage.exchanges import ExchangeStore
from moderation.storage.review.audit_search import AuditQuery
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.exchange_facts import (
    happening_of,
    line_of,
    newest_fetch,
    plain_address,
    plain_error,
    why_withheld,
)
from review_ui.console.forms import Form, TheForm
from review_ui.console.shell import render

PATH = "/console/exchanges"
HISTORY = 25
RECENT_FETCHES = 200
"""Newest fetches that the list looks through for each exchange's last change."""
REMOVAL_SECONDS = 5.0
"""A request removes for so long; what is left then is asked about again."""
MAX_DIGITS = 12

router = APIRouter(prefix=PATH)

Keeper = Annotated[Person, needs(Capability.BANKS)]


@router.get("")
async def exchanges_page(request: Request, person: Keeper, desk: TheDesk) -> Response:
    """Every exchange, and how it does."""
    return await run_in_threadpool(_list_page, request, person, desk)


@router.get("/{name}")
async def exchange_page(
    request: Request, name: str, person: Keeper, desk: TheDesk, cursor: str = "", done: str = ""
) -> Response:
    """One exchange with its history. 404 for a name that none has."""
    return await run_in_threadpool(_page, request, person, desk, name, cursor=cursor, done=done)


@router.post("/{name}/enable")
async def enable(name: str, person: Keeper, desk: TheDesk) -> Response:
    """Fetch it from now on; it is due at once."""
    return await run_in_threadpool(_switched, person, desk, name, enabled=True)


@router.post("/{name}/disable")
async def disable(name: str, person: Keeper, desk: TheDesk) -> Response:
    """Fetch it no more; its entries stay."""
    return await run_in_threadpool(_switched, person, desk, name, enabled=False)


@router.post("/{name}/removals")
async def accept_removals(request: Request, name: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Take out the entries whose removal was withheld: as many as the person was told of, and no more."""
    return await run_in_threadpool(_removed, request, person, desk, name, form)


def _list_page(request: Request, person: Person, desk: Desk) -> Response:
    now, told = desk.clock(), FeedbackStore(desk.database).counts()
    fetches = desk.audit_search.page(AuditQuery(kind="exchange.fetch"), cursor=None, limit=RECENT_FETCHES).events
    by_name: dict[str, list[AuditEvent]] = {}
    for event in fetches:
        by_name.setdefault(event.subject.removeprefix("exchange:"), []).append(event)
    lines = [
        line_of(state, newest_fetch(by_name.get(state.exchange.name, ())), told.get(state.exchange.name, {}), now=now)
        for state in ExchangeStore(desk.database).states()
    ]
    values = {"lines": lines, "kinds": {kind.value: spec.title for kind, spec in SPECS.items()}}
    return render(request, "console/exchanges.html", person, values)


def _page(
    request: Request,
    person: Person,
    desk: Desk,
    name: str,
    *,
    cursor: str = "",
    done: str = "",
    problem: ModerationError | None = None,
) -> Response:
    state = _existing(desk, name)
    exchange, spec = state.exchange, SPECS[state.exchange.kind]
    query = AuditQuery(subject=f"exchange:{exchange.name}")
    trail = desk.audit_search.page(query, cursor=cursor or None, limit=HISTORY)
    line = line_of(
        state,
        newest_fetch(trail.events),
        FeedbackStore(desk.database).counts().get(exchange.name, {}),
        now=desk.clock(),
    )
    values = {
        "line": line,
        "state": state,
        "exchange": exchange,
        "address": plain_address(exchange.address),
        "withheld": why_withheld(state),
        "outcomes": sorted(outcome.value for outcome in spec.outcomes),
        "history": [happening_of(event) for event in trail.events],
        "next_cursor": trail.next_cursor,
        "first_page": not cursor,
        "path": f"{PATH}/{exchange.name}",
        "quoted": shlex.quote(exchange.name),
        "has_bank": any(bank.name == exchange.bank for bank in BankStore(desk.database).definitions()),
        "done": done if done in {"on", "off", "removed", "some"} else "",
        "problem": problem,
        "last_word": plain_error(state.last_error) if state.failures else "",
    }
    return render(request, "console/exchange.html", person, values, status=problem.status if problem else 200)


def _switched(person: Person, desk: Desk, name: str, *, enabled: bool) -> Response:
    state = _existing(desk, name)
    if state.exchange.enabled != enabled:
        ExchangeStore(desk.database).set_enabled(state.exchange.name, enabled, actor=person.actor, now=desk.clock())
    return RedirectResponse(f"{PATH}/{state.exchange.name}?done={'on' if enabled else 'off'}", 303)


def _removed(request: Request, person: Person, desk: Desk, name: str, form: Form) -> Response:
    state = _existing(desk, name)
    try:
        asked = _number(form.get("removals", ""))
        if form.get("confirm") != "yes":
            raise InvalidInputError("Nothing was confirmed.", hint="Tick that the removals are meant.")
        if state.removals_due != asked:
            raise ConflictError(
                f"{state.removals_due:,} removals wait now, and you were asked about {asked:,}.",
                hint="Look at the new number, and confirm that if it is meant.",
            )
    except ModerationError as error:
        return _page(request, person, desk, name, problem=error)
    left = _remove(person, desk, state)
    return RedirectResponse(f"{PATH}/{state.exchange.name}?done={'some' if left else 'removed'}", 303)


def _remove(person: Person, desk: Desk, state: ExchangeState) -> int:
    """Audited before anything goes; returns how many removals are left when the time is over."""
    exchanges, name, left = ExchangeStore(desk.database), state.exchange.name, state.removals_due
    told = {"removals": state.removals_due}
    desk.audit.record(
        AuditDraft(desk.clock(), "exchange.removals_accepted", f"exchange:{name}", person.actor, dict(told))
    )
    until = time.monotonic() + REMOVAL_SECONDS
    while left and time.monotonic() < until:
        step = exchanges.sweep(name, now=desk.clock(), allow=True)
        if step.left >= left:
            break  # more came meanwhile: nobody was asked about those
        left = step.left
    return left


def _existing(desk: Desk, name: str) -> ExchangeState:
    if not name or len(name) > MAX_NAME_CHARS or "\0" in name:
        raise NotFoundError("There is no such exchange.")
    try:
        return ExchangeStore(desk.database).state(name)
    except NotFoundError:
        raise NotFoundError("There is no such exchange.") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        raise InvalidInputError("The form names no number of removals.")
    return int(text)
