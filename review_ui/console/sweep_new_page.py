"""A sweep to be made: its form, a preview of what it would do, and the one step that makes it.

Nothing is touched here. Dagster runs what is made, within its cap.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.assembly import retroaction
from moderation.domain.errors import ConflictError, InvalidInputError, ModerationError, SweepTooLargeError
from moderation.domain.people import Capability, Person
from moderation.domain.retroaction import CauseKind, Example, Preview, Result
from moderation.screening.retroaction import Progress
from moderation.storage.banks import BankStore
from moderation.storage.policies import PolicyStore
from moderation.storage.retroaction import SweepStore
from moderation.storage.review.audit_search import AuditQuery
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.post_lines import PostLine, line_of
from review_ui.console.shell import render
from review_ui.console.sweep_asked import WHATS, Asked, asked_in, cap_of, command_of, digest_of, terms_of
from review_ui.console.sweep_cause import cause_of, policy_in_force
from review_ui.console.sweep_trials import Check, CheckedPosts, TooLongError, Trial, new_trial_id
from review_ui.console.sweep_words import RESULT_TONES, SHORT, WORDS, covers, drawn, why

PATH = "/console/sweeps"
EXAMPLES = 12
POLICIES = 20
"""Policies offered in the form, the newest that were in force."""
FRESH = timedelta(minutes=30)
"""A sweep is made from a preview that is no older."""

router = APIRouter(prefix=PATH)

Keeper = Annotated[Person, needs(Capability.BANKS)]


@dataclass(frozen=True, slots=True)
class ExampleLine:
    """A post that would be touched, with what would become of it and why; neither is told of one that is not to be
    seen.
    """

    line: PostLine
    word: str
    tone: str
    reason: str


@router.get("/new")
async def new_page(request: Request, person: Keeper, desk: TheDesk, again: str = "") -> Response:
    """The form, filled in as the address or an earlier preview says."""
    return await run_in_threadpool(_new_page, request, person, desk, again)


@router.post("/preview")
async def preview(request: Request, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Begin a preview in the background, and lead to its page."""
    return await run_in_threadpool(_begun, request, person, desk, form)


@router.get("/preview/{trial}")
async def trial_page(request: Request, trial: str, person: Keeper, desk: TheDesk) -> Response:
    """A preview: how far it is, or what it found. 404 for one of somebody else."""
    return await run_in_threadpool(_trial_page, request, person, desk, trial)


@router.post("/preview/{trial}/stop")
async def stop(trial: str, person: Keeper, desk: TheDesk) -> Response:
    """End a preview that runs."""
    desk.trials.stop(trial, person.id)
    return RedirectResponse(f"{PATH}/preview/{trial}", 303)


@router.post("/preview/{trial}/make")
async def make(request: Request, trial: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Make the sweep that was previewed. Sent again it makes no other."""
    return await run_in_threadpool(_made, request, person, desk, trial, form)


def _new_page(request: Request, person: Person, desk: Desk, again: str) -> Response:
    asked = desk.trials.get(again, person.id).asked if again else asked_in(request.query_params)
    return _form_page(request, person, desk, asked)


def _form_page(
    request: Request, person: Person, desk: Desk, asked: Asked, problem: ModerationError | None = None
) -> Response:
    stored = desk.audit_search.page(AuditQuery(kind="policy.remembered"), cursor=None, limit=POLICIES)
    values = {
        "asked": asked,
        "whats": WHATS,
        "banks": [bank.name for bank in BankStore(desk.database).definitions()],
        "policies": [(event.subject.removeprefix("policy:"), event.at) for event in stored.events],
        "queues": sorted({*desk.plan().queues, asked.queue}),
        "problem": problem,
    }
    return render(request, "console/sweep_new.html", person, values, status=problem.status if problem else 200)


def _begun(request: Request, person: Person, desk: Desk, form: Form) -> Response:
    asked = asked_in(form)
    try:
        terms = terms_of(asked)
        if asked.queue not in desk.plan().queues:
            raise InvalidInputError("The plan has no such queue.", hint="Choose one of the list.")
        cause, text = cause_of(desk, asked)
        trial = Trial(
            id=new_trial_id(),
            owner=person.id,
            asked=asked,
            cause=cause,
            terms=terms,
            text=text,
            started_at=desk.clock(),
            posts=sum(desk.site.posts.counts().values()),
        )

        def look(progress: Progress, check: Check) -> Preview:
            looking = retroaction(desk.settings, desk.database, text=text, posts=CheckedPosts(desk.database, check))
            return looking.preview(cause, terms, examples=EXAMPLES, progress=progress)

        begun = desk.trials.begin(trial, look, desk.clock)
    except ModerationError as error:
        return _form_page(request, person, desk, asked, error)
    return RedirectResponse(f"{PATH}/preview/{begun.id}", 303)


def _trial_page(
    request: Request, person: Person, desk: Desk, trial_id: str, problem: ModerationError | None = None, cap: str = ""
) -> Response:
    trial, now = desk.trials.get(trial_id, person.id), desk.clock()
    found = trial.found
    bounded = trial.cause.first_day is not None or trial.cause.last_day is not None
    values = {
        "trial": trial,
        "why": why(trial.cause),
        "covers": covers(trial.cause),
        "command": command_of(trial.asked),
        "too_long": isinstance(trial.problem, TooLongError),
        "seconds": ((trial.finished_at or now) - trial.started_at).total_seconds(),
        "share": None if bounded or not trial.posts else min(1.0, trial.scanned / trial.posts),
        "found": found,
        "problem": problem,
        "cap": cap or str(trial.terms.cap),
        "path": f"{PATH}/preview/{trial.id}",
        **({} if found is None else _shown(desk, person, found)),
    }
    return render(request, "console/sweep_preview.html", person, values, status=problem.status if problem else 200)


def _shown(desk: Desk, person: Person, found: Preview) -> dict[str, object]:
    by_state: Counter[tuple[str, Result]] = Counter()
    by_day: Counter[tuple[date, Result]] = Counter()
    for (day, state, result), posts in found.counts.items():
        by_state[state, result] += posts
        by_day[day, result] += posts
    states = sorted({state for state, _ in by_state})
    results = [result for result in Result if any(by_state[state, result] for state in states)]
    return {
        "states": states,
        "results": [(WORDS[result], result.acts, [by_state[state, result] for state in states]) for result in results],
        "days": [
            (day, state, WORDS[result], result.acts, posts)
            for (day, state, result), posts in sorted(found.counts.items(), reverse=True)
        ],
        "chart": drawn(by_day, title="Posts that it would touch"),
        "examples": _examples(desk, person, found.examples),
    }


def _examples(desk: Desk, person: Person, examples: tuple[Example, ...]) -> list[ExampleLine]:
    plan, ids = desk.plan(), [one.post_id for one in examples]
    blind = desk.blind.among(ids, person)
    lines = {item.post.id: line_of(item, person, plan, blind=blind) for item in desk.search.named(ids)}
    shown = []
    for one in examples:
        line = lines.get(one.post_id)
        if line is None:
            continue
        told = line.visible and one.post_id not in blind
        tone = RESULT_TONES.get(one.result, "quiet")
        shown.append(ExampleLine(line, SHORT[one.result] if told else "", tone, one.reason if told else ""))
    return shown


def _made(request: Request, person: Person, desk: Desk, trial_id: str, form: Form) -> Response:
    typed = form.get("cap", "").strip()

    def create(trial: Trial) -> str:
        cap = cap_of(typed)
        _check(desk, trial, cap, form)
        if trial.text:
            PolicyStore(desk.database).remember(trial.cause.policy, trial.text, now=desk.clock())
        sweeps = SweepStore(desk.database)
        return sweeps.create(trial.cause, replace(trial.terms, cap=cap), by=person.actor, now=desk.clock()).id

    try:
        made = desk.trials.make(trial_id, person.id, create)
    except (ConflictError, InvalidInputError) as error:
        return _trial_page(request, person, desk, trial_id, error, typed[:20])
    return RedirectResponse(f"{PATH}/{made}", 303)


def _check(desk: Desk, trial: Trial, cap: int, form: Mapping[str, str]) -> None:
    """Raise what speaks against making a sweep of a preview now."""
    if trial.found is None:
        raise ConflictError("The preview is not over, or found nothing out.", hint="Look again, from the form.")
    if desk.clock() - trial.started_at > FRESH:
        raise ConflictError("The preview is too old: posts came and went since.", hint="Look again.")
    if trial.cause.kind is CauseKind.BANK and digest_of(policy_in_force(desk)) != trial.cause.policy:
        raise ConflictError("Another policy is in force since the preview.", hint="Look again.")
    if form.get("confirm") != "yes":
        raise InvalidInputError("Nothing was confirmed.", hint="Tick that the sweep is meant.")
    if not trial.found.touched:
        raise ConflictError("It would touch no post.", hint="There is nothing to do.")
    if trial.found.touched > cap:
        raise SweepTooLargeError(
            f"The sweep would touch {trial.found.touched:,} posts, and its cap is {cap:,}.",
            touched=trial.found.touched,
            cap=cap,
            hint="If that is meant, raise the cap.",
        )
