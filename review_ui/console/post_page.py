"""The page of one post: what it is, why it is where it is, and everything that happened to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.assembly import signal_specs
from moderation.domain.decision import Decision
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import AccountId, PostId
from moderation.domain.job import JobKind, JobState
from moderation.domain.people import Capability, Person
from moderation.policy.explain import explain
from moderation.review.plan import Plan
from moderation.storage.review.audit_search import AuditPage, AuditQuery
from moderation.storage.review.blind import BLIND_KINDS
from moderation.storage.review.post_records import PostRecord
from review_ui.console.access import needs
from review_ui.console.audit_lines import AuditLine, audit_lines
from review_ui.console.bank_rights import objection
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.grounds import failures_in_words, picture_in_words, rules_of
from review_ui.console.look_facts import look_facts
from review_ui.console.measurements import bounds_of, signals_of
from review_ui.console.post_lines import TONES
from review_ui.console.shell import render, words
from review_ui.console.sight import may_see_post, restricted
from review_ui.console.texts import texts_of
from review_ui.console.timeline import History, timeline_of

AUDIT_EVENTS = 25
MAX_ID_CHARS = 64

router = APIRouter(prefix="/console/posts")

Reader = Annotated[Person, needs(Capability.READ_POSTS)]


@dataclass(frozen=True, slots=True)
class Rights:
    """What the person may be told beside the post itself.

    `blind`: they are asked, or could be asked, to decide on it, so other people's decisions are kept from them until
    that is over. `plain`: they may know which jobs measure people. `audit`: they may read the audit log's payloads.
    """

    blind: bool
    plain: bool
    audit: bool


@router.get("/{post_id}")
async def post_page(request: Request, post_id: str, person: Reader, desk: TheDesk, cursor: str = "") -> Response:
    """One post. 404 for one that the person may not see, exactly as for one that does not exist."""
    return await run_in_threadpool(_post_page, request, desk, person, PostId(post_id[:MAX_ID_CHARS]), cursor)


def _post_page(request: Request, desk: Desk, person: Person, post_id: PostId, cursor: str) -> Response:
    record, plan = desk.records.get(post_id), desk.plan()
    if record is None or not may_see_post(person, record.standing, plan):
        raise NotFoundError("There is no such post.")
    screenings = tuple(desk.site.screenings.history(post_id))
    decisions = tuple(desk.decisions.of_post(post_id))
    rights = _rights(person, record, decisions)
    latest = screenings[-1] if screenings else None
    policy = None if latest is None else desk.pinned.get(latest.pins.policy)
    trail = None if rights.blind else _trail(desk, post_id, cursor)
    names = desk.people.names(_accounts(record, decisions))
    history = History(
        record, screenings, decisions, tuple(desk.appeals.of_post(post_id)), plan, names, plain=rights.plain
    )
    specs = signal_specs(desk.site.settings)
    values = {
        "record": record,
        "post": record.post,
        "state": "in review" if rights.blind else words(record.post.state.value),
        "tone": "warn" if rights.blind else TONES.get(record.post.state, "quiet"),
        "restricted": restricted(record.standing, plan),
        "facts": _facts(person, plan, record),
        "frames": 0 if latest is None or not hasattr(latest.image, "frames") else latest.image.frames,
        "picture": picture_in_words(latest),
        "texts": texts_of(record.post, latest),
        "rules": rules_of(latest, {rule.name: rule.why for rule in policy.rules} if policy is not None else {}),
        "missing": failures_in_words(latest),
        "signals": [] if latest is None else signals_of(latest, specs, bounds_of(policy), {}),
        "explanation": [] if latest is None else explain(latest),
        "latest": latest,
        "happenings": timeline_of(history, blind=rights.blind),
        "rights": rights,
        "viewers": [] if rights.blind else [(names.get(one.account, "Somebody"), one) for one in record.viewers],
        "gold": record.gold if rights.plain and not rights.blind and person.may(Capability.LEAD) else (),
        "jobs": [job for job in record.jobs if job.closed_at is None and job.kind is not JobKind.GOLD],
        "plan": plan,
        "trail": [] if trail is None else _lines(trail, rights),
        "trail_next": None if trail is None else trail.next_cursor,
        "first_trail": not cursor,
        "mine": person.queues,
        "bankable": objection(person, decisions, blind=rights.blind) is None,
    }
    return render(request, "console/post.html", person, values)


def _rights(person: Person, record: PostRecord, decisions: Iterable[Decision]) -> Rights:
    decides = person.may(Capability.DECIDE)
    asked = any(
        job.state is not JobState.CLOSED
        and job.kind in BLIND_KINDS
        and job.queue in person.queues
        and job.assigned_to in {None, person.id}
        for job in record.jobs
    )
    known = any(one.account == person.id for one in decisions)
    return Rights(
        blind=decides and asked and not known,
        plain=person.may(Capability.LEAD) or person.may(Capability.AUDIT),
        audit=person.may(Capability.LEAD) or person.may(Capability.AUDIT),
    )


def _trail(desk: Desk, post_id: PostId, cursor: str) -> AuditPage:
    return desk.audit_search.page(AuditQuery(subject=f"post:{post_id}"), cursor=cursor or None, limit=AUDIT_EVENTS)


def _lines(trail: AuditPage, rights: Rights) -> list[AuditLine]:
    return audit_lines(trail.events, payloads=rights.audit)


def _accounts(record: PostRecord, decisions: Iterable[Decision]) -> set[AccountId]:
    return {one.account for one in record.viewers} | {one.account for one in decisions}


def _facts(person: Person, plan: Plan, record: PostRecord) -> dict[str, object]:
    """How the picture is concealed: as the gravest category says under which the post was ever judged."""
    found = [plan.category(name) for name in record.standing.categories]
    category = max(found, key=lambda one: one.severity, default=plan.category(""))
    shown = look_facts(person, category, restricted=restricted(record.standing, plan))
    return shown | {"post": record.post.id, "job": ""}
