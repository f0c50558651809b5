"""The banks of known pictures, and the form for a new one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.bank import Bank, BankEffect
from moderation.domain.errors import ModerationError
from moderation.domain.people import Capability, Person
from moderation.storage.bank_overview import BankOverviewStore, BankSummary
from moderation.storage.banks import BankStore
from review_ui.console.access import needs
from review_ui.console.bank_forms import bank_fields, edited_bank, typed_fields
from review_ui.console.bank_lines import EFFECTS
from review_ui.console.bank_paths import BANKS, bank_path
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.shell import render

DAYS = 7
"""Over how many days posts and floods are counted."""

router = APIRouter()

Reader = Annotated[Person, needs(Capability.READ_BANKS)]
Keeper = Annotated[Person, needs(Capability.BANKS)]


@dataclass(frozen=True, slots=True)
class BankLine:
    """A bank in the list. Posts are only counted where matches refuse them."""

    bank: Bank
    href: str
    effect: str
    tone: str
    about: str
    summary: BankSummary
    by: str

    @property
    def counted(self) -> bool:
        """Whether the number of refused posts says something."""
        return self.bank.effect is BankEffect.BLOCK


def since(now: datetime) -> datetime:
    """Where the counted days begin."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)


def actor_words(actor: str) -> str:
    """Who changed something, without the kind of name that the audit log puts before it."""
    return actor.removeprefix("account:").removeprefix("system:")


@router.get(BANKS)
async def banks_page(request: Request, person: Reader, desk: TheDesk) -> Response:
    """Every bank, by name."""
    return await run_in_threadpool(_page, request, desk, person)


@router.post(BANKS)
async def create(request: Request, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """A new, empty bank."""

    def act() -> Response:
        try:
            new = edited_bank(Bank(form.get("name", "").strip(), BankEffect.REVIEW), form)
            made = BankStore(desk.database).create(new, actor=person.actor, now=desk.clock())
        except ModerationError as error:
            return _page(request, desk, person, form, error)
        return RedirectResponse(f"{bank_path(made.name)}?done=created", 303)

    return await run_in_threadpool(act)


def line_of(bank: Bank, summary: BankSummary) -> BankLine:
    """The bank as the list tells of it."""
    word, tone, about = EFFECTS[bank.effect]
    return BankLine(bank, bank_path(bank.name), word, tone, about, summary, actor_words(summary.changed_by))


def _page(
    request: Request, desk: Desk, person: Person, form: Form | None = None, error: ModerationError | None = None
) -> Response:
    summaries = BankOverviewStore(desk.database).summaries(since(desk.clock()))
    banks = BankStore(desk.database).definitions()
    values = {
        "lines": [line_of(bank, summaries.get(bank.name, BankSummary())) for bank in banks],
        "days": DAYS,
        "may_change": person.may(Capability.BANKS),
        "effects": [(effect.value, *EFFECTS[effect]) for effect in BankEffect],
        "asked": typed_fields(form) if form else bank_fields(Bank("", BankEffect.REVIEW)) | {"name": ""},
        "error": error,
    }
    return render(request, "console/banks.html", person, values, status=error.status if error else 200)
