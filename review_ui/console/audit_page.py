"""The audit log for people: filtered, newest first, with the chain's head and whether all of it holds."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import InvalidInputError
from moderation.domain.people import Capability, Person
from moderation.storage.review.audit_search import AuditPage, AuditQuery
from review_ui.console.access import needs
from review_ui.console.audit_lines import audit_lines
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.shell import render

PAGE = 50
MAX_FILTER_CHARS = 300
MAX_DIGITS = 18
FILTERS = ("subject", "actor", "kind", "upto")
KINDS = (
    "post.received",
    "post.verdict",
    "post.held",
    "post.decided",
    "post.published",
    "post.retroaction",
    "sweep.started",
    "media.viewed",
    "plan.saved",
    "account.created",
)
"""Offered while typing; any other can be typed too."""

router = APIRouter(prefix="/console/audit")

Auditor = Annotated[Person, needs(Capability.AUDIT)]


@router.get("")
async def audit_page(request: Request, person: Auditor, desk: TheDesk, cursor: str = "") -> Response:
    """Events for which every filter holds, newest first."""
    asked = {name: request.query_params.get(name, "").strip() for name in FILTERS}
    return await run_in_threadpool(_audit_page, request, desk, person, asked, cursor)


@router.post("/verify")
async def verify(_person: Auditor, desk: TheDesk) -> Response:
    """Walk the whole chain in the background; the page tells how far it is."""
    return RedirectResponse("/console/audit#chain", 303, background=BackgroundTask(desk.verification.run))


def _audit_page(request: Request, desk: Desk, person: Person, asked: Mapping[str, str], cursor: str) -> Response:
    problem, status = "", 200
    page = AuditPage((), None)
    try:
        page = desk.audit_search.page(_query(asked), cursor=cursor or None, limit=PAGE)
    except InvalidInputError as error:
        problem, status = f"{error.message} {error.hint}".strip(), error.status
    number, digest = desk.audit.head()
    more = {name: value for name, value in asked.items() if value} | {"cursor": page.next_cursor or ""}
    walk = desk.verification.last
    values = {
        "asked": asked,
        "filtered": any(asked.values()),
        "lines": audit_lines(page.events, payloads=True),
        "next_href": f"/console/audit?{urlencode(more)}" if page.next_cursor else "",
        "first_href": f"/console/audit?{urlencode({name: value for name, value in asked.items() if value})}",
        "first_page": not cursor,
        "problem": problem,
        "head": (number, digest),
        "walk": walk,
        "walking": walk is not None and walk.finished_at is None,
        "kinds": KINDS,
    }
    return render(request, "console/audit.html", person, values, status=status)


def _query(asked: Mapping[str, str]) -> AuditQuery:
    if any(len(value) > MAX_FILTER_CHARS or "\0" in value for value in asked.values()):
        raise InvalidInputError("Nothing in the log is called that.")
    upto = asked["upto"]
    if upto and not (upto.isascii() and upto.isdigit() and len(upto) <= MAX_DIGITS):
        raise InvalidInputError("An event's number is a whole number.")
    subject = asked["subject"]
    if subject and ":" not in subject:
        subject = f"post:{subject}"
    return AuditQuery(subject=subject, actor=asked["actor"], kind=asked["kind"], upto=int(upto) if upto else None)
