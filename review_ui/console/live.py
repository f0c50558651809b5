"""What pages ask for by themselves: heartbeats, pages to fetch ahead, drafts, and the server's push."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, StreamingResponse

from moderation.domain.errors import ModerationError
from moderation.domain.ids import JobId
from moderation.domain.job import LeaseRef
from moderation.domain.people import Capability, Person
from moderation.storage.review.drafts import MAX_NOTE_CHARS
from review_ui.console.access import Stage, needs, read_session, stage_of
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.entrance import Entrance, TheEntrance
from review_ui.console.jobs import job_path
from review_ui.console.work import Waiting, keep_alive, take_ahead, waiting_for

MAX_REFS = 20
PUSH_SECONDS = 4.0
CLOSING_SECONDS = 0.25
"""How soon a connection notices that the server is about to end."""
PUSHES = 75
"""After so many the connection ends, and the browser opens it anew."""
RECONNECT_MS = 3_000
CROWDED_MS = 60_000
"""When a window that found no room asks again."""

router = APIRouter(prefix="/console")

InBackground = Annotated[Person, needs(Capability.DECIDE, active=False)]
AtWork = Annotated[Person, needs(Capability.DECIDE)]


class HeldLease(BaseModel):
    """A lease as a browser holds it."""

    job: str = Field(max_length=36, pattern=r"^[0-9A-Za-z-]*$")
    token: str = Field(max_length=200)


class Heartbeat(BaseModel):
    """The leases of one window."""

    refs: list[HeldLease] = Field(max_length=MAX_REFS)


class Ahead(BaseModel):
    """The job that the person is at."""

    current: str | None = Field(default=None, max_length=36)


class Draft(BaseModel):
    """What the person is typing."""

    note: str = Field(max_length=MAX_NOTE_CHARS)


@router.post("/heartbeat")
async def heartbeat(beat: Heartbeat, person: InBackground, desk: TheDesk) -> Response:
    """Let leases run on; `mine` names the jobs that still are the person's."""
    refs = [LeaseRef(JobId(one.job), one.token) for one in beat.refs]
    mine = await run_in_threadpool(keep_alive, desk, person, refs)
    return JSONResponse({"mine": mine})


@router.post("/ahead")
async def ahead(wanted: Ahead, person: InBackground, desk: TheDesk) -> Response:
    """The jobs after the current one, leased, with where their pages are."""
    current = None if wanted.current is None else JobId(wanted.current)
    found = await run_in_threadpool(take_ahead, desk, person, current)
    told = [
        {"job": job.id, "token": job.lease.token, "url": job_path(job.id)} for job in found if job.lease is not None
    ]
    return JSONResponse({"jobs": told})


@router.put("/jobs/{job_id}/draft")
async def keep_draft(job_id: str, draft: Draft, person: AtWork, desk: TheDesk) -> Response:
    """Keep what the person is typing about a job of a queue that they work in; for anything else there is no draft."""

    def keep() -> None:
        job = desk.queue.get(JobId(job_id))
        if job is not None and job.queue in person.queues:
            desk.drafts.keep(person.id, job.id, draft.note, now=desk.clock())

    await run_in_threadpool(keep)
    return Response(status_code=204)


@router.get("/events")
async def events(request: Request, person: InBackground, desk: TheDesk, entrance: TheEntrance) -> Response:
    """What waits, pushed whenever it changes: `waiting` with counts, `assigned` when a job was handed over.

    It ends with the person's session, and every look is at what they may see by then.
    """
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    pushed = _with_room(request, desk, entrance, person)
    return StreamingResponse(pushed, media_type="text/event-stream", headers=headers)


async def _with_room(request: Request, desk: Desk, entrance: Entrance, person: Person) -> AsyncIterator[str]:
    with desk.streams.one_of(person.id) as room:
        yield f"retry: {RECONNECT_MS if room else CROWDED_MS}\n\n"
        if room:
            async for line in _pushed(request, desk, entrance):
                yield line


async def _decider(request: Request, entrance: Entrance) -> Person | None:
    """Who the session lets in at this moment, None when that is over or they decide nothing any more."""
    found = await read_session(request, entrance)
    if found is None or stage_of(found) is not Stage.READY or not found.person.may(Capability.DECIDE):
        return None
    return found.person


async def _pushed(request: Request, desk: Desk, entrance: Entrance) -> AsyncIterator[str]:
    told: dict[str, object] | None = None
    for _ in range(PUSHES):
        if desk.closing.is_set() or await request.is_disconnected():
            return
        try:
            person = await _decider(request, entrance)
            if person is None:
                return
            found = told_of(await run_in_threadpool(waiting_for, desk, person, desk.clock()))
        except ModerationError:
            found = told or {}
        if found != told:
            told = found
            yield f"event: waiting\ndata: {json.dumps(found)}\n\n"
        else:
            yield ": still here\n\n"
        for _ in range(round(PUSH_SECONDS / CLOSING_SECONDS)):
            if not desk.closing.is_set():
                await asyncio.sleep(CLOSING_SECONDS)


def told_of(waiting: Waiting) -> dict[str, object]:
    """What is pushed."""
    return {
        "open": waiting.open,
        "overdue": waiting.overdue,
        "queues": {line.plan.name: [line.count.open, line.count.overdue] for line in waiting.queues},
        "handed": [job.id for job in waiting.mine.handed_to_me],
        "woken": len(waiting.mine.on_hold),
    }
