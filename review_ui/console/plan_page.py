"""The review plan: read, edited as text, previewed against the jobs that wait, saved as a new version."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.assembly import compile_review_plan
from moderation.domain.errors import InvalidInputError, ModerationError, NotFoundError, PolicyError
from moderation.domain.ids import AccountId
from moderation.domain.people import Capability, Person
from moderation.review.plan import Plan
from moderation.review.plan_changes import DiffLine, difference, loosened, policy_gaps, unserved
from moderation.review.routing_preview import Preview
from moderation.storage.review.plans import PlanVersion
from review_ui.console.access import may_see_queue, needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.shell import render

PLAN = "/console/plan"
VERSIONS = 20
SOURCE = "your plan"
MAX_DIGITS = 18

router = APIRouter()

Planner = Annotated[Person, needs(Capability.PLAN)]


@dataclass(frozen=True, slots=True)
class Trial:
    """A text that somebody edited: what is wrong with it, or what it would do. `changes` are the lines that differ."""

    text: str
    problem: ModerationError | None = None
    plan: Plan | None = None
    preview: Preview | None = None
    changes: list[DiffLine] = field(default_factory=list)
    loosened: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    unserved: list[str] = field(default_factory=list)


@router.get(PLAN)
async def plan_page(
    request: Request,
    person: Planner,
    desk: TheDesk,
    version: int | None = None,
    saved: int | None = None,
    moved: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """The plan in force, or with `version` an earlier one's text to go on from."""
    return await run_in_threadpool(_page, request, person, desk, version=version, saved=saved, moved=moved)


@router.post(f"{PLAN}/preview")
async def preview(request: Request, person: Planner, desk: TheDesk, form: TheForm) -> Response:
    """What the edited text would change; saves nothing."""
    return await run_in_threadpool(_previewed, request, person, desk, form)


@router.post(PLAN)
async def save(request: Request, person: Planner, desk: TheDesk, form: TheForm) -> Response:
    """Put the edited text into force, and move waiting jobs when that was asked for."""
    return await run_in_threadpool(_saved, request, person, desk, form)


def _page(
    request: Request,
    person: Person,
    desk: Desk,
    *,
    version: int | None = None,
    saved: int | None = None,
    moved: int | None = None,
    trial: Trial | None = None,
) -> Response:
    source = desk.plans.get()
    plan = source.current()
    older = None if version is None else _version(desk, version)
    history = desk.plan_versions.history(VERSIONS)
    newest = history[0].number if history else 0
    status = 200 if trial is None or trial.problem is None else trial.problem.status
    values = {
        "plan": plan,
        "problem": source.problem,
        "history": history,
        "names": desk.people.names({AccountId(one.account) for one in history}),
        "depths": {count.queue: count for count in desk.queue.counts(None, desk.clock())},
        "closed": frozenset(name for name in plan.queues if not may_see_queue(person, name, plan)),
        "expected": newest,
        "older": older,
        "text": trial.text if trial else older.text if older else plan.text,
        "trial": trial,
        "saved": saved,
        "moved": moved,
        "gaps": [] if trial else policy_gaps(plan, _rules(desk)),
        "unserved": [] if trial else unserved(plan, _people(desk)),
    }
    return render(request, "console/plan.html", person, values, status=status)


def _previewed(request: Request, person: Person, desk: Desk, form: Form) -> Response:
    return _page(request, person, desk, trial=_trial(desk, _text(form)))


def _saved(request: Request, person: Person, desk: Desk, form: Form) -> Response:
    text, source = _text(form), desk.plans.get()
    try:
        before, after = source.refresh(), compile_review_plan(text, SOURCE, settings=desk.site.settings)
        looser = loosened(before, after)
        if looser and form.get("loosen") != "yes":
            raise InvalidInputError(
                "This plan takes safeguards away. Tick that each of them is meant.", hint=" ".join(looser)
            )
        kept = desk.plan_versions.save(
            text, person=person, now=desk.clock(), expected=_number(form.get("expected", "0"))
        )
        moved = 0
        if form.get("move") == "yes":
            moved = len(desk.routing.reroute(source.refresh(), person=person, now=desk.clock()))
    except ModerationError as error:
        return _page(request, person, desk, trial=_trial(desk, text, error))
    source.refresh()
    return RedirectResponse(f"{PLAN}?saved={kept.number}&moved={moved}", 303)


def _trial(desk: Desk, text: str, refused: ModerationError | None = None) -> Trial:
    before = desk.plan()
    try:
        after = compile_review_plan(text, SOURCE, settings=desk.site.settings)
    except PolicyError as error:
        return Trial(text, problem=error, changes=difference(before.text, text))
    return Trial(
        text,
        problem=refused,
        plan=after,
        preview=desk.routing.preview(after),
        changes=difference(before.text, text),
        loosened=loosened(before, after),
        gaps=policy_gaps(after, _rules(desk)),
        unserved=unserved(after, _people(desk)),
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """What a policy rule names."""

    queue: str
    category: str


def _rules(desk: Desk) -> list[_Named]:
    """The names in the policy file; none when it cannot be read, which the readiness page tells of."""
    path: Path = desk.settings.policy
    try:
        policy = desk.pinned.of_text(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return []
    if policy is None:
        return []
    failures = [_Named(queue, "") for queue in policy.failure_queues.values()]
    return [*(_Named(rule.queue, rule.category) for rule in policy.rules), *failures]


def _people(desk: Desk) -> list[Person]:
    return [account.person for account in desk.people.everybody()]


def _version(desk: Desk, number: int) -> PlanVersion:
    found = desk.plan_versions.get(number)
    if found is None:
        raise NotFoundError(f"There is no version {number} of the plan.")
    return found


def _text(form: Form) -> str:
    """Browsers send lines that end with CR LF."""
    return form.get("text", "").replace("\r\n", "\n").replace("\r", "\n")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        raise InvalidInputError("The form names no version of the plan.")
    return int(text)
