"""One bank: what it does, its entries, and the form that changes it, which first says what it would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.bank import Bank, BankEffect, BankEntry, Opinion
from moderation.domain.errors import InvalidInputError, ModerationError
from moderation.domain.people import Capability, Person
from moderation.storage.bank_checks import check_bank
from moderation.storage.bank_overview import BankOverviewStore, BankSummary
from moderation.storage.banks import BankStore
from review_ui.console.access import needs
from review_ui.console.bank_forms import bank_fields, bank_version, check_sure, check_version, edited_bank, typed_fields
from review_ui.console.bank_lines import (
    EFFECTS,
    OPINIONS,
    STATES,
    EntryLine,
    State,
    closed_entries,
    differences,
    entry_lines,
    state_of,
)
from review_ui.console.bank_paths import BANKS, bank_name, bank_path
from review_ui.console.banks_page import DAYS, line_of, since
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.shell import render

PAGE = 50
SCAN = 1_000
ROUNDS = 10
"""How many thousand entries one page looks through for those that fit its filters."""
MAX_SOURCE_CHARS = 200
MAX_DIGITS = 18
FILTERS = ("state", "source", "opinion")
DONE = {
    "created": "The bank is there, and empty.",
    "changed": "Changed. Running lanes match by it within a second.",
    "removed": "The entry is removed. Running lanes stop matching it within a second.",
}

router = APIRouter(prefix=BANKS)

Reader = Annotated[Person, needs(Capability.READ_BANKS)]
Keeper = Annotated[Person, needs(Capability.BANKS)]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are asked for; empty: any. `before` is the number that they come before, None for the newest."""

    state: str = ""
    source: str = ""
    opinion: str = ""
    before: int | None = None

    @property
    def filters(self) -> Mapping[str, str]:
        """Those that are set."""
        return {name: getattr(self, name) for name in FILTERS if getattr(self, name)}


@dataclass(frozen=True, slots=True)
class Found:
    """A page of entries; `more` is where the next one begins, None on the last. `looked` were looked through."""

    entries: Sequence[BankEntry] = ()
    more: int | None = None
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings that somebody typed: what would change, or what is wrong with them."""

    fields: Mapping[str, str]
    changes: Sequence[tuple[str, str, str]] = ()
    error: ModerationError | None = None


@router.get("/{bank}")
async def bank_page(request: Request, bank: str, person: Reader, desk: TheDesk) -> Response:
    """A bank and a page of its entries, newest first. 404 for one that is not there (any more)."""
    typed = {name: request.query_params.get(name, "").strip() for name in (*FILTERS, "before")}
    return await run_in_threadpool(_page, request, desk, person, bank_name(bank), typed)


@router.post("/{bank}/settings")
async def change(request: Request, bank: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Without a confirmation, what the form would change; with one, change it."""
    return await run_in_threadpool(_changed, request, desk, person, bank_name(bank), form)


def _changed(request: Request, desk: Desk, person: Person, name: str, form: Form) -> Response:
    store = BankStore(desk.database)
    before, fields = store.bank(name), typed_fields(form)
    changes: list[tuple[str, str, str]] = []
    try:
        after = edited_bank(before, form)
        check_bank(after)
        changes = differences(before, after)
        check_version(form, bank_version(before))
        if not changes:
            raise InvalidInputError("Nothing would change.")
        if "sure" not in form and form.get("step") != "save":
            return _page(request, desk, person, name, {}, trial=Trial(fields, changes))
        check_sure(form)

        def revised(current: Bank) -> Bank:
            check_version(form, bank_version(current))
            return replace(after, name=current.name)

        store.revise(name, revised, actor=person.actor, now=desk.clock())
    except ModerationError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise
        return _page(request, desk, person, name, {}, trial=Trial(fields, changes, error))
    return RedirectResponse(f"{bank_path(name)}?done=changed", 303)


def _page(
    request: Request, desk: Desk, person: Person, name: str, typed: Mapping[str, str], *, trial: Trial | None = None
) -> Response:
    store, now = BankStore(desk.database), desk.clock()
    bank, problem = store.bank(name), ""
    overview = BankOverviewStore(desk.database)
    summary = overview.summaries(since(now)).get(name, BankSummary())
    asked, found = Asked(), Found()
    try:
        asked = _asked(typed)
        found = _found(desk, store, bank, asked)
    except InvalidInputError as error:
        problem = f"{error.message} {error.hint}".strip()
    lines: list[EntryLine] = []
    if found.entries:
        refused = overview.refused([entry.id for entry in found.entries], since(now))
        lines = entry_lines(found.entries, refused, closed_entries(desk, person, found.entries), now)
    more = {} if found.more is None else {**asked.filters, "before": str(found.more)}
    values = {
        "bank": bank,
        "line": line_of(bank, summary),
        "days": DAYS,
        "lines": lines,
        "found": found,
        "asked": {name: typed.get(name, "") for name in FILTERS},
        "filtered": bool(asked.filters),
        "first_page": asked.before is None,
        "here": bank_path(name),
        "next_href": f"{bank_path(name)}?{urlencode(more)}#entries" if more else "",
        "states": [(state.value, *STATES[state]) for state in State],
        "opinions": [(opinion.value, *OPINIONS[opinion]) for opinion in Opinion],
        "effects": [(effect.value, *EFFECTS[effect]) for effect in BankEffect],
        "may_change": person.may(Capability.BANKS),
        "fields": trial.fields if trial else bank_fields(bank),
        "version": bank_version(bank),
        "trial": trial,
        "problem": problem,
        "done": DONE.get(request.query_params.get("done", ""), ""),
    }
    status = trial.error.status if trial and trial.error else HTTPStatus.UNPROCESSABLE_ENTITY if problem else 200
    return render(request, "console/bank.html", person, values, status=int(status))


def _asked(typed: Mapping[str, str]) -> Asked:
    """Raises `InvalidInputError`."""
    state, opinion = typed.get("state", ""), typed.get("opinion", "")
    if state and state not in set(State):
        raise InvalidInputError("There is no such state.", hint="Choose one of the list.")
    if opinion and opinion not in set(Opinion):
        raise InvalidInputError("There is no such opinion.", hint="Choose one of the list.")
    source = typed.get("source", "")
    if len(source) > MAX_SOURCE_CHARS or "\0" in source:
        raise InvalidInputError("There is no such source.")
    before = typed.get("before", "")
    if before and (not (before.isascii() and before.isdigit()) or len(before) > MAX_DIGITS):
        raise InvalidInputError("There is no such page.", hint="Start with the newest entries.")
    return Asked(state, source, opinion, int(before) if before else None)


def _found(desk: Desk, store: BankStore, bank: Bank, asked: Asked) -> Found:
    """A page of the entries that fit, found by looking through at most `SCAN` times `ROUNDS`."""
    if not asked.filters:
        some = store.entries(bank.name, PAGE + 1, before=asked.before)
        return Found(some[:PAGE], some[PAGE - 1].number if len(some) > PAGE else None, len(some))
    now, before, fitting, looked = desk.clock(), asked.before, list[BankEntry](), 0
    for _ in range(ROUNDS):
        some = store.entries(bank.name, SCAN, before=before)
        looked += len(some)
        fitting += [entry for entry in some if _fits(entry, asked, state_of(entry, now))]
        if len(fitting) > PAGE:
            return Found(fitting[:PAGE], fitting[PAGE - 1].number, looked)
        if len(some) < SCAN:
            return Found(fitting, None, looked)
        before = some[-1].number
    return Found(fitting, before, looked)


def _fits(entry: BankEntry, asked: Asked, state: State) -> bool:
    return asked.state in {"", state} and asked.source in {"", entry.source} and asked.opinion in {"", entry.opinion}
