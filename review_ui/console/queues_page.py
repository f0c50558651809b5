"""The queues: what waits in each, and one queue's jobs in the order in which people get them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import NotFoundError
from moderation.domain.ids import AccountId, JobId
from moderation.domain.job import Job
from moderation.domain.people import Capability, Person
from moderation.domain.post import Post
from moderation.domain.priority import Priority, priority
from moderation.review.plan import Plan, QueuePlan
from moderation.storage.review.queue import QueueCount
from moderation.storage.review.standing import Standing
from review_ui.console.access import may_see_job, may_see_queue, may_work_in, needs
from review_ui.console.answers import answer
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import TheForm
from review_ui.console.post_lines import Stretch, stretches
from review_ui.console.shell import render
from review_ui.console.sight import may_see_post, restricted
from review_ui.site import site_of

PAGE = 40
PATH = "/console/queues"

router = APIRouter(prefix=PATH)

Reader = Annotated[Person, needs(Capability.READ_POSTS)]
Lead = Annotated[Person, needs(Capability.LEAD)]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue. `count` is None where the person may not know what is in it; `stranded` jobs nobody can take."""

    plan: QueuePlan
    count: QueueCount | None
    granted: bool
    works: bool
    stranded: int = 0


@dataclass(frozen=True, slots=True)
class JobRow:
    """One open job of a queue. `visible`: its post may be read; `holder` says who has it, "" if nobody does."""

    job: Job
    title: str
    priority: Priority
    visible: bool
    concealable: bool
    caption: tuple[Stretch, ...]
    author: str
    standing: str
    holder: str
    mine: bool


@router.get("")
async def queues_page(request: Request, person: Reader, desk: TheDesk) -> Response:
    """Every queue of the plan, with what waits in those that the person may see."""
    return await run_in_threadpool(_queues_page, request, desk, person)


@router.get("/{queue}")
async def queue_page(
    request: Request, queue: str, person: Reader, desk: TheDesk, cursor: str = "", category: str = ""
) -> Response:
    """One queue's open jobs in the order of priority. 404 for one that the person may not see."""
    return await run_in_threadpool(_queue_page, request, desk, person, queue, (cursor, category))


@router.post("/{queue}/assign")
async def assign(request: Request, queue: str, person: Lead, desk: TheDesk, form: TheForm) -> Response:
    """Take a job from whoever has it, and give it to a named person, or to everybody again."""

    def act() -> None:
        job = desk.queue.get(JobId(form.get("job", "")))
        if job is None or job.queue != queue or not may_see_job(person, job, desk.plan()):
            raise NotFoundError("There is no such job in this queue.")
        to = AccountId(form.get("to", "")) or None
        desk.queue.assign(job.id, to, actor=person.actor, now=desk.clock())

    await run_in_threadpool(act)
    return answer(request, f"{PATH}/{queue}")


def _queues_page(request: Request, desk: Desk, person: Person) -> Response:
    plan, now = desk.plan(), desk.clock()
    counts = {count.queue: count for count in desk.queue.counts(None, now)}
    names = list(plan.queues) + sorted(name for name in counts if name not in plan.queues)
    rows = [_queue_row(plan.queue(name), counts.get(name), person, plan) for name in names]
    if person.may(Capability.LEAD):
        lead_only = [queue.name for queue in plan.queues.values() if queue.lead_only]
        stranded = site_of(request).jobs.stranded(lead_only=lead_only)
        rows = [replace(row, stranded=stranded.get(row.plan.name, 0)) if row.count else row for row in rows]
    shown = [row for row in rows if row.plan.known or row.count is not None]
    known = [row.count for row in shown if row.count is not None]
    values = {
        "mine": [row for row in shown if row.granted],
        "others": [row for row in shown if not row.granted],
        "totals": (sum(count.open for count in known), sum(count.overdue for count in known)),
        "unplanned": [row.plan.name for row in rows if not row.plan.known] if person.may(Capability.PLAN) else [],
    }
    return render(request, "console/queues.html", person, values)


def _queue_row(queue: QueuePlan, count: QueueCount | None, person: Person, plan: Plan) -> QueueRow:
    allowed = may_see_queue(person, queue.name, plan)
    return QueueRow(
        plan=queue,
        count=(count or QueueCount(queue.name)) if allowed else None,
        granted=queue.name in person.queues,
        works=may_work_in(person, queue.name),
    )


def _queue_page(request: Request, desk: Desk, person: Person, queue: str, asked: tuple[str, str]) -> Response:
    plan, now, (cursor, category) = desk.plan(), desk.clock(), asked
    if not may_see_queue(person, queue, plan) or "\0" in queue:
        raise NotFoundError("There is no such queue.")
    page = desk.queue.page(queue, cursor=cursor or None, limit=PAGE, category=category or None)
    if not plan.queue(queue).known and not page.jobs:
        raise NotFoundError("There is no such queue.")
    leads = person.may(Capability.LEAD)
    values = {
        "queue": plan.queue(queue),
        "count": next(iter(desk.queue.counts([queue], now)), QueueCount(queue)),
        "rows": _rows(desk, person, plan, page.jobs, now),
        "works": may_work_in(person, queue),
        "leads": leads,
        "colleagues": [one for one in desk.people.working_in(queue) if one.may(Capability.DECIDE)] if leads else [],
        "category": category,
        "categories": list(plan.categories.values()),
        "first_page": not cursor,
        "path": f"{PATH}/{queue}",
        "next_href": _next(queue, page.next_cursor, category),
    }
    return render(request, "console/queue.html", person, values)


def _next(queue: str, cursor: str | None, category: str) -> str:
    if cursor is None:
        return ""
    return f"{PATH}/{queue}?{urlencode({'cursor': cursor} | ({'category': category} if category else {}))}"


def _rows(desk: Desk, person: Person, plan: Plan, jobs: Sequence[Job], now: datetime) -> list[JobRow]:
    """Three statements, however many jobs there are."""
    ids = [job.post_id for job in jobs]
    posts, standings = desk.site.posts.many(ids), desk.standings.of(ids)
    names = desk.people.names(_holders(jobs))
    return [_row(job, posts.get(job.post_id), standings[job.post_id], person, plan, names, now) for job in jobs]


def _row(
    job: Job,
    post: Post | None,
    standing: Standing,
    person: Person,
    plan: Plan,
    names: Mapping[AccountId, str],
    now: datetime,
) -> JobRow:
    visible = post is not None and may_see_post(person, standing, plan)
    closed = restricted(standing, plan) or plan.queue(job.queue).restricted
    state, holder = _state(job, now)
    return JobRow(
        job=job,
        title=plan.category(job.category).title,
        priority=priority(job.urgency, now),
        visible=visible,
        concealable=visible and not closed,
        caption=stretches(post.caption, None) if post is not None and visible and not closed else (),
        author=post.author.id if post is not None and visible else "",
        standing=state,
        holder=_who(holder, person, names),
        mine=holder == person.id,
    )


def _who(holder: AccountId | None, person: Person, names: Mapping[AccountId, str]) -> str:
    """Colleagues are named to leads, and to whoever works beside them."""
    if holder is None:
        return ""
    return "you" if holder == person.id else names.get(holder, "somebody")


def _state(job: Job, now: datetime) -> tuple[str, AccountId | None]:
    if job.lease is not None and job.lease.expires_at > now:
        return "in work", job.lease.holder
    if job.held_by is not None and job.wake_at is not None and job.wake_at > now:
        return "on hold", job.held_by
    if job.assigned_to is not None:
        return "kept for", job.assigned_to
    return "", None


def _holders(jobs: Iterable[Job]) -> set[AccountId]:
    found = {job.held_by for job in jobs} | {job.assigned_to for job in jobs}
    found |= {job.lease.holder for job in jobs if job.lease is not None}
    return {one for one in found if one is not None}
