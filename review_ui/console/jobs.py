"""Routes of the job screen: open a job, decide it, undo, or leave it to later or to others."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.decision import Submission
from moderation.domain.errors import ConflictError, InvalidInputError
from moderation.domain.ids import AccountId, BatchId, JobId
from moderation.domain.job import LeaseRef
from moderation.domain.people import Capability, Person
from review_ui.console.access import needs
from review_ui.console.answers import answer
from review_ui.console.bank_post_page import bank_href
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.job_page import HOLD_TIMES, SKIP_REASONS, job_values
from review_ui.console.shell import render
from review_ui.console.submission_form import submission_of
from review_ui.console.work import open_job, take_next

EXTEND_SECONDS = 15 * 60.0
MAX_HOLD_MINUTES = 14 * 24 * 60
HOME = "/console"

router = APIRouter(prefix=HOME)

Decider = Annotated[Person, needs(Capability.DECIDE)]


def job_path(job_id: JobId) -> str:
    """Where a job's screen is."""
    return f"{HOME}/jobs/{job_id}"


@router.post("/next")
async def next_job(request: Request, person: Decider, desk: TheDesk) -> Response:
    """Lease the next job and open it; back home when there is none, or a break is due."""
    found = await run_in_threadpool(take_next, desk, person)
    return answer(request, f"{HOME}?nothing=1" if found is None else job_path(found.id), {"found": found is not None})


@router.get("/jobs/{job_id}")
async def job_screen(request: Request, job_id: str, person: Decider, desk: TheDesk) -> Response:
    """The job's screen, under a lease of the person. What somebody else has, or is decided, is told as such."""

    def gather() -> dict[str, object]:
        plan = desk.plan()
        job = open_job(desk, person, JobId(job_id))
        return job_values(desk, person, plan, job)

    try:
        values = await run_in_threadpool(gather)
    except ConflictError as error:
        href = await run_in_threadpool(bank_href, desk, person, JobId(job_id))
        told = {"title": error.message, "hint": error.hint, "bank_href": href}
        return render(request, "console/job_gone.html", person, told, status=error.status)
    return render(request, "console/job.html", person, values)


@router.post("/jobs/{job_id}/decide")
async def decide(request: Request, job_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Decide the job. The same batch again changes nothing and is answered the same.

    A rejection without a reason, where there are several, asks for one first.
    """
    submission = submission_of(form, JobId(job_id))
    missing = await run_in_threadpool(_missing_reason, desk, submission.category, form)
    if missing is not None and not submission.reasons:
        values = {"job_id": job_id, "form": form, "category": missing, "choice": form["choice"]}
        return render(request, "console/reasons.html", person, values)

    def act() -> dict[str, object]:
        now = desk.clock()
        _preserve(desk, person, submission, now)
        decided = desk.resolver.decide(person, submission, now=now)
        desk.wellbeing.worked(person.id, now)
        desk.drafts.forget(person.id, JobId(job_id))
        return {
            "batch": decided.batch,
            "posts": len(decided.decisions),
            "undoSeconds": max(0.0, (decided.effective_at - now).total_seconds()),
            "replayed": decided.replayed,
        }

    told = await run_in_threadpool(act)
    return answer(request, f"{HOME}/mine", told)


def _preserve(desk: Desk, person: Person, submission: Submission, now: datetime) -> None:
    """Hold the posts as evidence before they are rejected for the gravest harm; if that fails, nothing is decided."""
    job = desk.queue.get(submission.job_id)
    if job is None or job.queue not in person.queues:
        return
    posts = [one for one in desk.queue.members(job.id) if one not in submission.exceptions]
    desk.custody.deciding(desk.plan(), submission.action, submission.category, posts, person=person, now=now)


def _missing_reason(desk: Desk, category: str, form: Form) -> object | None:
    """The category for whose rejection a browser without scripts has to choose among several reasons."""
    if not form.get("choice", "").startswith("reject:"):
        return None
    found = desk.plan().category(category)
    return found if len(found.reasons) > 1 else None


@router.post("/undo/{batch}")
async def undo(request: Request, batch: str, person: Decider, desk: TheDesk) -> Response:
    """Take a decision back while its time runs, and open its job again."""

    def act() -> list[JobId]:
        return desk.resolver.undo(person, BatchId(batch), now=desk.clock())

    jobs = await run_in_threadpool(act)
    return answer(request, job_path(jobs[0]) if jobs else HOME)


@router.post("/jobs/{job_id}/release")
async def release(request: Request, job_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Give the job back."""
    return await _leave(request, lambda: desk.queue.release(_ref(job_id, form), person.id, desk.clock()))


@router.post("/jobs/{job_id}/skip")
async def skip(request: Request, job_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Leave the job to others for good, with a reason of `SKIP_REASONS`."""
    reason = form.get("reason", "")
    if reason not in {code for code, _, _ in SKIP_REASONS}:
        raise InvalidInputError("Say why: one of the reasons listed.")
    return await _leave(
        request, lambda: desk.queue.skip(_ref(job_id, form), person.id, reason=reason, now=desk.clock())
    )


@router.post("/jobs/{job_id}/hold")
async def hold(request: Request, job_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Put the job aside for so many minutes."""
    text = form.get("minutes", str(HOLD_TIMES[0][0]))
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_HOLD_MINUTES):
        raise InvalidInputError(f"A job is held for 1 to {MAX_HOLD_MINUTES} minutes.")

    def act() -> None:
        now = desk.clock()
        wake_at = now + timedelta(minutes=int(text))
        note = form.get("note", "")[:500]
        desk.queue.hold(_ref(job_id, form), person.id, wake_at=wake_at, note=note, now=now)

    return await _leave(request, act)


@router.post("/jobs/{job_id}/hand-over")
async def hand_over(request: Request, job_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Give the job to a named colleague."""
    to, note = AccountId(form.get("to", "")), form.get("note", "")[:1000]
    return await _leave(
        request, lambda: desk.queue.hand_over(_ref(job_id, form), person.id, to=to, note=note, now=desk.clock())
    )


@router.post("/jobs/{job_id}/extend")
async def extend(request: Request, job_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Keep the job for a quarter of an hour, with or without a browser."""

    def act() -> None:
        desk.queue.extend(_ref(job_id, form), person.id, seconds=EXTEND_SECONDS, now=desk.clock())

    await run_in_threadpool(act)
    return answer(request, job_path(JobId(job_id)), {"seconds": EXTEND_SECONDS})


async def _leave(request: Request, act: Callable[[], None]) -> Response:
    await run_in_threadpool(act)
    return answer(request, HOME)


def _ref(job_id: str, form: Form) -> LeaseRef:
    return LeaseRef(JobId(job_id), form.get("token", "")[:200])
