"""What one decided, newest first, and the way back while there is one."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.people import Capability, Person
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.shell import render

SHOWN = 100

router = APIRouter(prefix="/console/mine")

Decider = Annotated[Person, needs(Capability.DECIDE)]


@router.get("")
async def mine(request: Request, person: Decider, desk: TheDesk) -> Response:
    """The person's newest decisions and what became of them."""
    return render(request, "console/mine.html", person, await run_in_threadpool(_values, desk, person))


def _values(desk: Desk, person: Person) -> dict[str, object]:
    now = desk.clock()
    return {
        "recent": desk.decisions.recent(person.id, limit=SHOWN, now=now),
        "plan": desk.plan(),
        "now": now,
    }
