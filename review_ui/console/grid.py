"""The grid: several jobs of one queue side by side, looked at one by one, decided together in two steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.decision import Action
from moderation.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from moderation.domain.ids import BatchId, JobId
from moderation.domain.job import Job, JobKind, LeaseRef
from moderation.domain.people import Capability, Person
from moderation.domain.post import Post
from moderation.review.plan import CategoryPlan, Plan
from moderation.storage.review.terms import RecentBatch
from review_ui.console.access import CsrfToken, may_work_in, needs
from review_ui.console.answers import answer
from review_ui.console.batches import (
    BATCH,
    MAX_NOTE_CHARS,
    Choice,
    Done,
    Pick,
    check_seal,
    check_seen,
    chosen_jobs,
    decide_batch,
    held_jobs,
    seal_of,
    seen_posts,
)
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.look_facts import look_facts
from review_ui.console.shell import render
from review_ui.console.sight import may_see_post, restricted
from review_ui.console.submission_form import seconds_of
from review_ui.console.work import open_job

LOOKED_AHEAD = 3 * BATCH
"""Jobs of the queue tried at most when a grid is filled: colleagues have some of the first ones."""
RECENT = 2 * BATCH

router = APIRouter(prefix="/console/queues/{queue}/grid")

Decider = Annotated[Person, needs(Capability.DECIDE)]


@dataclass(frozen=True, slots=True)
class Tile:
    """One job in the grid. `alone` says why it is decided on its own page, "" where a batch may have it."""

    job: Job
    post: Post
    category: CategoryPlan
    frames: int
    seen: bool
    alone: str


def grid_path(queue: str) -> str:
    """Where the grid of a queue is."""
    return f"/console/queues/{queue}/grid"


@router.get("")
async def grid_page(request: Request, queue: str, person: Decider, desk: TheDesk) -> Response:
    """The jobs of the queue that the person has. Nothing is leased by looking here."""
    return await run_in_threadpool(_grid_page, request, desk, person, queue)


@router.post("/take")
async def take(request: Request, queue: str, person: Decider, desk: TheDesk) -> Response:
    """Fill the grid: lease the queue's most urgent free jobs, up to `BATCH` in all."""
    await run_in_threadpool(_fill, desk, person, queue)
    return answer(request, grid_path(queue))


@router.post("/release")
async def release(request: Request, queue: str, person: Decider, desk: TheDesk) -> Response:
    """Give every job of the grid back."""

    def act() -> None:
        now = desk.clock()
        for job in held_jobs(desk, person, queue, now):
            if job.lease is not None:
                desk.queue.release(LeaseRef(job.id, job.lease.token), person.id, now)

    await run_in_threadpool(act)
    return answer(request, f"/console/queues/{queue}")


@router.post("/confirm")
async def confirm(
    request: Request, queue: str, person: Decider, desk: TheDesk, form: TheForm, csrf: CsrfToken
) -> Response:
    """The first step: say what would be decided. Changes nothing. 409 when a picture was not looked at."""
    return await run_in_threadpool(_confirm_page, request, desk, person, queue, form, csrf)


@router.post("/decide")
async def decide(
    request: Request, queue: str, person: Decider, desk: TheDesk, form: TheForm, csrf: CsrfToken
) -> Response:
    """The second step: decide what was confirmed. Sent again it changes nothing."""
    done = await run_in_threadpool(_decide, desk, person, queue, form, csrf)
    told = {
        "batches": list(done.decided),
        "posts": done.posts,
        "undoSeconds": done.undo_seconds,
        "kept": [{"job": one.job, "why": one.why} for one in done.kept],
    }
    return answer(request, grid_path(queue), told)


@router.post("/undo")
async def undo(request: Request, queue: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Take decisions of a batch back while their time runs; the jobs are in the grid again."""

    def act() -> int:
        undone = 0
        for batch in form.all("batch")[:RECENT]:
            try:
                undone += len(desk.resolver.undo(person, BatchId(batch), now=desk.clock()))
            except (ConflictError, NotFoundError):
                continue
        if not undone:
            raise ConflictError("It is too late to undo this.", hint="What was decided has taken effect.")
        return undone

    undone = await run_in_threadpool(act)
    return answer(request, grid_path(queue), {"undone": undone})


def _grid_page(request: Request, desk: Desk, person: Person, queue: str) -> Response:
    plan, now = desk.plan(), desk.clock()
    _check_queue(person, plan, queue)
    tiles = _tiles(desk, person, plan, held_jobs(desk, person, queue, now)[:BATCH], now)
    count = next(iter(desk.queue.counts([queue], now)), None)
    recent: Sequence[RecentBatch] = desk.decisions.recent(person.id, limit=RECENT, now=now)
    undoable = [one for one in recent if one.undoable and one.queue == queue]
    values = {
        "queue": plan.queue(queue),
        "path": grid_path(queue),
        "tiles": tiles,
        "waiting": 0 if count is None else max(0, count.open - count.leased - count.on_hold),
        "batch": BATCH,
        "rejections": plan.rejections,
        "undoable": undoable,
        "facts": _facts(person, plan, queue, tiles),
    }
    return render(request, "console/grid.html", person, values)


def _facts(person: Person, plan: Plan, queue: str, tiles: Sequence[Tile]) -> dict[str, object]:
    """What the script of the grid needs to know."""
    return {
        "path": grid_path(queue),
        "heartbeatSeconds": max(5.0, plan.lease_seconds / 3),
        "looks": {tile.category.name: look_facts(person, tile.category) for tile in tiles},
        "keys": look_facts(person, plan.category(""))["keys"],
        "categories": [one.name for one in plan.rejections],
        "refs": [{"job": tile.job.id, "token": tile.job.lease.token} for tile in tiles if tile.job.lease is not None],
    }


def _check_queue(person: Person, plan: Plan, queue: str) -> None:
    if not may_work_in(person, queue):
        raise NotFoundError("There is no such queue among yours.")
    if plan.queue(queue).restricted:
        raise ForbiddenError("A restricted queue has no grid: its pictures are looked at one by one.")


def _tiles(desk: Desk, person: Person, plan: Plan, jobs: Sequence[Job], now: datetime) -> list[Tile]:
    """Four statements, however many jobs there are. Posts that are restricted for another reason are left out."""
    ids = [job.post_id for job in jobs]
    posts, standings = desk.site.posts.many(ids), desk.standings.of(ids)
    frames, seen = desk.records.frames(ids), seen_posts(desk, person, jobs, now)
    return [
        Tile(
            job=job,
            post=posts[job.post_id],
            category=plan.category(job.category),
            frames=min(1, frames.get(job.post_id, 0)),
            seen=job.post_id in seen,
            alone=_alone(frames.get(job.post_id, 0)),
        )
        for job in jobs
        if job.post_id in posts
        and may_see_post(person, standings[job.post_id], plan)
        and not restricted(standings[job.post_id], plan)
    ]


def _alone(frames: int) -> str:
    """One look at a tile must be a look at all of the picture."""
    if frames == 0:
        return "Cannot be shown"
    return "" if frames == 1 else "An animation"


def _fill(desk: Desk, person: Person, queue: str) -> None:
    plan, now = desk.plan(), desk.clock()
    _check_queue(person, plan, queue)
    held = held_jobs(desk, person, queue, now)
    missing, known = BATCH - len(held), {job.id for job in held}
    for job in desk.queue.page(queue, cursor=None, limit=LOOKED_AHEAD).jobs:
        if missing <= 0:
            return
        busy = job.lease is not None and job.lease.expires_at > now
        if job.id in known or job.shown_kind is not JobKind.REVIEW or busy:
            continue
        try:
            open_job(desk, person, JobId(job.id))
        except (ConflictError, NotFoundError):
            continue
        missing -= 1


def _confirm_page(request: Request, desk: Desk, person: Person, queue: str, form: Form, csrf: str) -> Response:
    plan, now = desk.plan(), desk.clock()
    _check_queue(person, plan, queue)
    jobs = chosen_jobs(held_jobs(desk, person, queue, now), form.all("job"))
    picks = [Pick.of(job) for job in jobs]
    check_seen(desk, person, picks, now)
    tiles = _tiles(desk, person, plan, jobs, now)
    if len(tiles) < len(jobs) or any(tile.alone for tile in tiles):
        raise ConflictError("A job of the batch has to be decided on its own page.", hint="Leave it out of the batch.")
    choice = _choice(form, plan)
    category = plan.category(choice.category)
    asks = choice.action is Action.REJECT and not choice.reasons and len(category.reasons) > 1
    values = {
        "queue": plan.queue(queue),
        "path": grid_path(queue),
        "tiles": tiles,
        "posts": sum(job.posts for job in jobs),
        "choice": choice,
        "category": category,
        "asks": asks,
        "picks": [pick.text for pick in picks],
        "seal": "" if asks else seal_of(csrf, picks, choice),
        "chosen": form.get("choice", ""),
        "seconds": form.get("seconds", ""),
    }
    return render(request, "console/grid_confirm.html", person, values)


def _decide(desk: Desk, person: Person, queue: str, form: Form, csrf: str) -> Done:
    plan, now = desk.plan(), desk.clock()
    _check_queue(person, plan, queue)
    picks = [Pick.read(text) for text in form.all("pick")]
    if not 1 <= len(picks) <= BATCH:
        raise InvalidInputError(f"A batch has 1 to {BATCH} jobs.")
    choice, seal = _choice(form, plan), form.get("seal", "")
    check_seal(csrf, picks, choice, seal)
    check_seen(desk, person, picks, now)
    return decide_batch(desk, person, picks, choice, seal=seal, seconds=seconds_of(form.get("seconds", "")))


def _choice(form: Form, plan: Plan) -> Choice:
    """What is to be done, as a button names it: "approve", or "reject:" and a category. Raises `InvalidInputError`."""
    action, _, name = form.get("choice", "").partition(":")
    note = form.get("note", "").strip()
    if len(note) > MAX_NOTE_CHARS:
        raise InvalidInputError(f"A note has at most {MAX_NOTE_CHARS} characters.")
    if action == Action.APPROVE and not name:
        return Choice(Action.APPROVE, note=note)
    category = next((one for one in plan.rejections if one.name == name), None)
    if action != Action.REJECT or category is None:
        raise InvalidInputError("Nothing was chosen.", hint="Approve, or reject under a category.")
    known = [reason.code for reason in category.reasons]
    reasons = tuple(code for code in dict.fromkeys(form.all("reason")) if code in known)
    return Choice(Action.REJECT, name, reasons or tuple(known if len(known) == 1 else ()), note)
