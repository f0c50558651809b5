"""What a person saw in their shift and what is left of it, their breaks, and how pictures are shown to them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import OnBreakError
from moderation.domain.exposure import REST_SECONDS, BreakReason
from moderation.domain.people import Capability, Person
from moderation.review.exposure import Allowance
from moderation.review.plan import Plan
from review_ui.console.access import ThePerson, needs
from review_ui.console.answers import answer
from review_ui.console.charts import Size, draw
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.keys import KEYS, keys_of
from review_ui.console.own_exposure import chart_of_shifts, lines_of, told_of
from review_ui.console.preferences import EVERY, MAX_BLUR, MAX_SIZE, MIN_SIZE, Preferences, RevealChoice, preferences_of
from review_ui.console.preferences_form import Sent, keys_from, pictures_from
from review_ui.console.shell import render

WELLBEING, BREAK = "/console/wellbeing", "/console/break"
PAST_SHIFTS = 14
SAVED = {"pictures", "keys", "break", "break-over"}

router = APIRouter(prefix="/console")

Decider = Annotated[Person, needs(Capability.DECIDE)]


@router.get("/wellbeing")
async def wellbeing(request: Request, person: Decider, desk: TheDesk, done: str = "") -> Response:
    """The person's own exposure, budgets, break and preferences. Nobody else sees this page."""
    values = await run_in_threadpool(_values, desk, person, preferences_of(person))
    return render(request, "console/wellbeing.html", person, values | {"done": done if done in SAVED else ""})


@router.post("/wellbeing/pictures")
async def save_pictures(request: Request, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Keep how pictures are shown; with a problem nothing is kept and the page shows what was typed."""
    plan = await run_in_threadpool(desk.plan)
    return await _save(request, person, desk, pictures_from(form, preferences_of(person), plan), "pictures", form)


@router.post("/wellbeing/keys")
async def save_keys(request: Request, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Keep the person's own keys, or go back to the default ones."""
    before = preferences_of(person)
    sent = Sent(before.model_copy(update={"keys": {}})) if form.get("act") == "defaults" else keys_from(form, before)
    return await _save(request, person, desk, sent, "keys", form)


@router.get("/break")
async def on_break(request: Request, person: ThePerson, desk: TheDesk) -> Response:
    """Until when there is no job and why; leads back to work by itself when the break is over."""

    def gather() -> tuple[Plan, Allowance, datetime]:
        now = desk.clock()
        return desk.plan(), desk.wellbeing.allowance(person.id, now), now

    plan, allowance, now = await run_in_threadpool(gather)
    if allowance.current_break is None:
        return answer(request, "/console")
    values = {
        "plan": plan,
        "allowance": allowance,
        "now": now,
        "asked": allowance.current_break.reason is BreakReason.ASKED,
    }
    page = render(request, "console/break.html", person, values)
    left = (allowance.current_break.ends_at - now).total_seconds()
    page.headers["Refresh"] = f"{max(1, round(left + 1))}; url=/console"
    return page


@router.post("/break")
async def take_break(request: Request, person: Decider, desk: TheDesk) -> Response:
    """A break because the person wants one; the jobs they have go back to the queue when their leases end."""
    await run_in_threadpool(desk.wellbeing.take_break, person.id, desk.clock())
    return answer(request, BREAK)


@router.post("/break/end")
async def end_break(request: Request, person: Decider, desk: TheDesk) -> Response:
    """End a break that the person wanted; others end by themselves."""
    await run_in_threadpool(desk.exposures.end_break, person.id, desk.clock())
    return answer(request, "/console")


def install(app: FastAPI) -> None:
    """Lead whoever asks for a job during a break to the break's page; scripts are told where that is."""

    async def lead_to_break(request: Request, error: Exception) -> Response:
        assert isinstance(error, OnBreakError)
        return answer(request, BREAK, {"found": False, "until": error.until.isoformat()})

    app.add_exception_handler(OnBreakError, lead_to_break)


async def _save(request: Request, person: Person, desk: Desk, sent: Sent, part: str, form: Form) -> Response:
    if sent.preferences is not None:
        document = sent.preferences.document()
        await run_in_threadpool(desk.people.set_preferences, person.id, document)
        return answer(request, f"{WELLBEING}?done={part}#{part}")
    values = await run_in_threadpool(_values, desk, person, preferences_of(person))
    told: dict[str, object] = {"problems": sent.problems, "typed": form, "failed": part, "done": ""}
    if part == "pictures":
        told["ticked"] = {name: frozenset(form.all(name)) for name in ("warn", "avoid")}
    return render(request, "console/wellbeing.html", person, values | told, status=422)


def _values(desk: Desk, person: Person, preferences: Preferences) -> dict[str, object]:
    now = desk.clock()
    plan = desk.plan()
    allowance = desk.wellbeing.allowance(person.id, now)
    every = preferences.reveal.get(EVERY, RevealChoice())
    shifts = desk.exposures.past(person.id, limit=PAST_SHIFTS, now=now)
    return {
        "plan": plan,
        "now": now,
        "allowance": allowance,
        "lines": lines_of(allowance, plan),
        "told": told_of(allowance, plan),
        "chart": draw(chart_of_shifts(shifts, plan, size=Size.FULL)),
        "preferences": preferences,
        "every": every,
        "above": {name: every.over(category.reveal) for name, category in plan.categories.items()},
        "ticked": {"warn": preferences.warn, "avoid": preferences.avoid},
        "own_keys": keys_of(person),
        "default_keys": {key.act: key.key for key in KEYS},
        "limits": {"blur": MAX_BLUR, "least": MIN_SIZE, "most": MAX_SIZE},
        "rest_hours": REST_SECONDS / 3600,
        "problems": {},
        "typed": {},
        "failed": "",
    }
