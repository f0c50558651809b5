"""All posts of one job: the whole of a cluster that the job screen shows the beginning of."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import NotFoundError
from moderation.domain.ids import JobId
from moderation.domain.people import Capability, Person
from moderation.storage.review.cursors import read_cursor, write_cursor
from review_ui.console.access import may_see_job, needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.post_lines import line_of
from review_ui.console.shell import render

PAGE = 60
_CURSOR = "members"

router = APIRouter(prefix="/console/jobs")

Reader = Annotated[Person, needs(Capability.READ_POSTS)]


@router.get("/{job_id}/cluster")
async def cluster_page(request: Request, job_id: str, person: Reader, desk: TheDesk, cursor: str = "") -> Response:
    """The posts that one decision on the job decides, in the order in which they joined. Leases nothing."""
    return await run_in_threadpool(_cluster_page, request, desk, person, JobId(job_id), cursor)


def _cluster_page(request: Request, desk: Desk, person: Person, job_id: JobId, cursor: str) -> Response:
    plan, job = desk.plan(), desk.queue.get(job_id)
    if job is None or not may_see_job(person, job, plan):
        raise NotFoundError("There is no such job.")
    start = max(0, int(read_cursor(cursor, _CURSOR, int)[0])) if cursor else 0
    members = desk.queue.members(job.id)
    found = desk.search.named(members[start : start + PAGE])
    more = start + PAGE < len(members)
    blind = desk.blind.among([item.post.id for item in found], person)
    values = {
        "job": job,
        "queue": plan.queue(job.queue),
        "category": plan.category(job.category),
        "lines": [line_of(item, person, plan, blind=blind) for item in found],
        "total": len(members),
        "first_page": start == 0,
        "next_cursor": write_cursor(_CURSOR, start + PAGE) if more else "",
        "works": job.queue in person.queues and person.may(Capability.DECIDE) and job.closed_at is None,
    }
    return render(request, "console/cluster.html", person, values)
