"""My work: what waits in one's queues, what is one's own by name, and the button that starts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.people import Capability, Person
from moderation.storage.review.decisions import RecentBatch
from review_ui.console.access import ThePerson
from review_ui.console.answers import answer
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.keys import keys_of
from review_ui.console.own_exposure import lines_of, told_of
from review_ui.console.shell import render, sections_of
from review_ui.console.work import waiting_for

RECENT_SHOWN = 6
BUDGETS_SHOWN = 4
LANDINGS = {"work"}
"""Sections that lead nowhere for who does not decide."""

Asked = Annotated[bool, Query()]

router = APIRouter(prefix="/console")


@router.get("")
async def home(request: Request, person: ThePerson, desk: TheDesk, *, nothing: Asked = False) -> Response:
    """What waits for the person; for whoever does not decide, what they may open.

    `nothing`: they asked for the next job, and none was free for them.
    """
    if not person.may(Capability.DECIDE):
        sections = sections_of(person, desk.restricted_queues())
        places: dict[str, object] = {"places": [one for one in sections if one.name not in LANDINGS]}
        return render(request, "console/places.html", person, places)
    values = await run_in_threadpool(_values, desk, person)
    return render(request, "console/home.html", person, values | {"nothing": nothing})


@router.get("/", include_in_schema=False)
async def home_with_slash(request: Request, _person: ThePerson) -> Response:
    """The same, for who types a slash."""
    return answer(request, "/console")


def _values(desk: Desk, person: Person) -> dict[str, object]:
    now = desk.clock()
    plan, waiting = desk.plan(), waiting_for(desk, person, now)
    allowance = desk.wellbeing.allowance(person.id, now)
    recent: list[RecentBatch] = desk.decisions.recent(person.id, limit=RECENT_SHOWN, now=now)
    return {
        "waiting": waiting,
        "recent": recent,
        "plan": plan,
        "now": now,
        "keys": keys_of(person),
        "budgets": lines_of(allowance, plan)[:BUDGETS_SHOWN],
        "told": told_of(allowance, plan),
        "allowance": allowance,
    }
