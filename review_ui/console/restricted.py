"""The gravest harm: what is preserved of it, and the report to the CyberTipline. For people with a grant alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import ForbiddenError, InvalidInputError, ModerationError, NotFoundError
from moderation.domain.ids import AccountId, PostId
from moderation.domain.media import ImageFacts
from moderation.domain.people import Capability, Person
from moderation.domain.post import Post
from moderation.reporting.cybertip_desk import Page
from moderation.reporting.cybertip_form import ReportForm
from moderation.review.plan import Plan, QueuePlan
from moderation.storage.review.cybertips import CyberTipReport
from moderation.storage.review.evidence import EvidenceHold
from moderation.storage.review.standing import Standing
from review_ui.console.access import needs
from review_ui.console.cybertip_fields import CHOICES, place_of, read_report
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.look_facts import look_facts
from review_ui.console.shell import render
from review_ui.console.sight import may_see_post, restricted

RESTRICTED = "/console/restricted"
HELD = 100
"""Newest holds on the list."""
DOCUMENTS = {"report.xml": "document", "file-details.xml": "file_details"}

router = APIRouter(prefix=RESTRICTED)

Reader = Annotated[Person, needs(Capability.READ_POSTS)]
Decider = Annotated[Person, needs(Capability.DECIDE)]


@dataclass(frozen=True, slots=True)
class Case:
    """A preserved post on the list, and its report if one was written."""

    hold: EvidenceHold
    report: CyberTipReport | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was not taken: what was sent, the report where it could be read, and why."""

    error: ModerationError
    sent: Form
    form: ReportForm | None = None


@router.get("")
async def overview(request: Request, person: Reader, desk: TheDesk) -> Response:
    """The restricted queues that the person was let into, and what is preserved from them."""
    return await run_in_threadpool(_overview, request, desk, person)


@router.get("/posts/{post_id}")
async def case(request: Request, post_id: str, person: Reader, desk: TheDesk, done: str = "") -> Response:
    """One post: the hold, the record, and the report. Opening it preserves it."""
    return await run_in_threadpool(_case, request, desk, person, PostId(post_id), done=done)


@router.post("/posts/{post_id}/report")
async def write(request: Request, post_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """Keep the report as it is written, whole or not."""
    return await run_in_threadpool(_write, request, desk, person, PostId(post_id), form)


@router.post("/posts/{post_id}/file")
async def file(request: Request, post_id: str, person: Decider, desk: TheDesk, form: TheForm) -> Response:
    """File the report that was read, when a person says so twice."""
    return await run_in_threadpool(_file, request, desk, person, PostId(post_id), form)


@router.get("/posts/{post_id}/{name}")
async def document(post_id: str, name: str, person: Reader, desk: TheDesk) -> Response:
    """A stored document of the report, as a file."""
    return await run_in_threadpool(_document, desk, person, PostId(post_id), name)


def _overview(request: Request, desk: Desk, person: Person) -> Response:
    plan = desk.plan()
    queues = _queues_of(person, plan)
    if not queues:
        raise ForbiddenError("You were not let into a restricted queue.", hint="An administrator names people for it.")
    holds = desk.evidence.newest(HELD)
    ids = [hold.post_id for hold in holds]
    standings, reports = desk.standings.of(ids), desk.cybertips.of_posts(ids)
    seen = [hold for hold in holds if may_see_post(person, standings.get(hold.post_id, Standing()), plan)]
    counts = {count.queue: count for count in desk.queue.counts([queue.name for queue in queues], desk.clock())}
    values = {
        "queues": queues,
        "counts": counts,
        "cases": [Case(hold, reports.get(hold.post_id)) for hold in seen],
        "bounded": len(holds) == HELD,
        "may_file": desk.reports.may_file,
    }
    return render(request, "console/restricted.html", person, values)


def _case(
    request: Request,
    desk: Desk,
    person: Person,
    post_id: PostId,
    *,
    done: str = "",
    refused: Refused | None = None,
) -> Response:
    plan = desk.plan()
    post, standing = _restricted_post(desk, person, post_id, plan)
    now = desk.clock()
    desk.evidence.place([post_id], "Its record was opened.", person=person, now=now)
    page = desk.reports.page(post_id, now)
    hold, latest = desk.evidence.of_post(post_id), desk.site.screenings.latest(post_id)
    category = max(standing.categories, key=lambda name: plan.category(name).severity, default="")
    values = {
        "post": post,
        "page": page,
        "form": (refused.form if refused else None) or page.form,
        "raw": refused.sent if refused else Form([]),
        "choices": CHOICES,
        "place": place_of,
        "hold": hold,
        "queues": sorted(standing.queues),
        "plan": plan,
        "category": plan.category(category),
        "facts": look_facts(person, plan.category(category), restricted=True) | {"job": ""},
        "frames": latest.image.frames if latest is not None and isinstance(latest.image, ImageFacts) else 0,
        "writer": _writer(desk, page),
        "may_file": desk.reports.may_file,
        "may_write": person.may(Capability.DECIDE),
        "expected": _moment_text(page.stored.written_at if page.stored else None),
        "done": done,
        "error": refused.error if refused else None,
    }
    status = 200 if refused is None else refused.error.status
    answer = render(request, "console/cybertip.html", person, values, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _write(request: Request, desk: Desk, person: Person, post_id: PostId, sent: Form) -> Response:
    _restricted_post(desk, person, post_id, desk.plan())
    form = None
    try:
        form = read_report(sent)
        desk.reports.save(post_id, form, person=person, now=desk.clock(), expected=_expected(sent))
    except ModerationError as error:
        return _case(request, desk, person, post_id, refused=Refused(error, sent, form))
    return RedirectResponse(f"{RESTRICTED}/posts/{post_id}?done=saved#report", 303)


def _file(request: Request, desk: Desk, person: Person, post_id: PostId, sent: Form) -> Response:
    _restricted_post(desk, person, post_id, desk.plan())
    try:
        expected = _expected(sent)
        if sent.get("sure") != "yes" or expected is None:
            raise InvalidInputError("Tick that you have read the report and that it is to be filed.")
        desk.reports.file(post_id, person=person, clock=desk.clock, expected=expected)
    except ModerationError as error:
        return _case(request, desk, person, post_id, refused=Refused(error, Form([])))
    return RedirectResponse(f"{RESTRICTED}/posts/{post_id}?done=filed#report", 303)


def _document(desk: Desk, person: Person, post_id: PostId, name: str) -> Response:
    _restricted_post(desk, person, post_id, desk.plan())
    stored = desk.cybertips.of_post(post_id)
    if stored is None or name not in DOCUMENTS:
        raise NotFoundError("There is no such document.")
    headers = {
        "Content-Disposition": f'attachment; filename="{post_id}-{name}"',
        "Cache-Control": "no-store",
    }
    return Response(getattr(stored, DOCUMENTS[name]), headers=headers, media_type="application/xml")


def _restricted_post(desk: Desk, person: Person, post_id: PostId, plan: Plan) -> tuple[Post, Standing]:
    """The post. Raises `NotFoundError` unless it is restricted and the person may see it."""
    post, standing = desk.site.posts.get(post_id), desk.standings.of([post_id]).get(post_id)
    if post is None or standing is None or not restricted(standing, plan) or not may_see_post(person, standing, plan):
        raise NotFoundError("There is no such post.")
    return post, standing


def _queues_of(person: Person, plan: Plan) -> list[QueuePlan]:
    return [queue for name, queue in plan.queues.items() if queue.restricted and name in person.queues]


def _writer(desk: Desk, page: Page) -> str:
    if page.stored is None:
        return ""
    account = AccountId(page.stored.written_by)
    return desk.people.names([account]).get(account, "somebody")


def _moment_text(at: datetime | None) -> str:
    return "" if at is None else at.isoformat()


def _expected(sent: Form) -> datetime | None:
    text = sent.get("expected", "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidInputError("The form names no version of the report.")
    return at
