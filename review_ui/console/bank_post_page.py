"""Banking the picture of a post: from its page, from a list of one's own decisions, or with a key after rejecting."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.bank import Bank
from moderation.domain.decision import Decision
from moderation.domain.errors import ForbiddenError, InvalidInputError, ModerationError, NotFoundError
from moderation.domain.ids import JobId, PostId
from moderation.domain.people import Capability, Person
from moderation.media.store import BlobStore
from moderation.screening.bank_post import BankedPost, Pixels, bank_post
from moderation.storage.bank_checks import MAX_NOTE_CHARS, MAX_WORD_CHARS
from moderation.storage.banks import BankStore
from review_ui.api.matching.service import Matching, TheMatching
from review_ui.console.access import needs
from review_ui.console.bank_lines import EFFECTS, EntryLine, entry_lines
from review_ui.console.bank_paths import bank_key, bank_name, bank_path, bank_post_path
from review_ui.console.bank_rights import Standing, may_ask, objection, open_banks, standing_of
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.post_lines import PostLine, line_of
from review_ui.console.shell import render
from review_ui.console.sight import may_see_post

MAX_ID_CHARS = 64

router = APIRouter(prefix="/console")

Banker = Annotated[Person, needs(Capability.BANKS, Capability.BANK_DECIDED)]


@dataclass(frozen=True, slots=True)
class Subject:
    """A post whose picture somebody wants to bank; `objection` is why they may not."""

    line: PostLine
    standing: Standing
    objection: ModerationError | None

    @property
    def post_id(self) -> PostId:
        """The post's id."""
        return PostId(self.line.id)


@dataclass(frozen=True, slots=True)
class Done:
    """What was banked: its entries, where the person may open them, and what they lack."""

    bank: Bank
    lines: list[EntryLine]
    missing: str

    @property
    def lacking(self) -> bool:
        """Whether an entry can match less than it could."""
        return bool(self.missing) or not all(line.keypoints for line in self.lines)


@router.get("/posts/{post_id}/bank")
async def form_page(request: Request, post_id: str, person: Banker, desk: TheDesk) -> Response:
    """The form: category and note are those of the newest decision. 404 for a post that the person may not see."""

    def show() -> Response:
        subject = _subject(desk, person, post_id)
        return _page(request, desk, person, subject, _prefilled(subject.standing.decision))

    return await run_in_threadpool(show)


@router.post("/posts/{post_id}/bank")
async def bank_it(
    request: Request, post_id: str, person: Banker, desk: TheDesk, matching: TheMatching, form: TheForm
) -> Response:
    """Bank it, and say what was banked. Sent again it changes nothing, so the answer is the page itself."""
    return await run_in_threadpool(_banked, request, desk, matching, person, post_id, form)


@router.get("/jobs/{job_id}/bank")
async def of_job(job_id: str, person: Banker, desk: TheDesk) -> Response:
    """On to the post that the job was about."""

    def found() -> str:
        job = desk.queue.get(JobId(job_id[:MAX_ID_CHARS]))
        if job is None:
            raise NotFoundError("There is no such job.")
        return bank_post_path(_subject(desk, person, job.post_id).post_id)

    return RedirectResponse(await run_in_threadpool(found), HTTPStatus.SEE_OTHER)


def bank_href(desk: Desk, person: Person, job_id: JobId) -> str:
    """Where the person may bank the picture of a job that is decided; "" where they may not."""
    job = desk.queue.get(job_id) if may_ask(person) else None
    if job is None:
        return ""
    try:
        subject = _subject(desk, person, job.post_id)
    except NotFoundError:
        return ""
    return "" if subject.objection is not None else bank_post_path(subject.post_id)


def pixels_of(blobs: BlobStore, matching: Matching) -> Pixels:
    """Where `bank_post` gets pictures: decoded as when they were screened, so that frames are the same ones."""
    return Pixels(blobs, matching.pictures)


def _banked(request: Request, desk: Desk, matching: Matching, person: Person, post_id: str, form: Form) -> Response:
    subject = _subject(desk, person, post_id)
    fields = {name: form.get(name, "").replace("\r\n", "\n").strip() for name in ("bank", "category", "note")}
    try:
        if subject.objection is not None:
            raise subject.objection
        bank = _bank(desk, person, fields)
        now = desk.clock()
        words = {name: fields[name] for name in ("category", "note")}
        banked = bank_post(
            desk.database,
            pixels_of(desk.site.blobs, matching),
            bank.name,
            subject.post_id,
            actor=person.actor,
            now=now,
            **words,
        )
    except ModerationError as error:
        return _page(request, desk, person, subject, fields, error=error)
    return _page(request, desk, person, subject, fields, done=_done(desk, bank, banked))


def _bank(desk: Desk, person: Person, fields: Mapping[str, str]) -> Bank:
    """The bank that was chosen. Raises `InvalidInputError` for none, `NotFoundError` for one that is not there."""
    if not fields["bank"]:
        raise InvalidInputError("Choose a bank.")
    if len(fields["category"]) > MAX_WORD_CHARS or len(fields["note"]) > MAX_NOTE_CHARS:
        raise InvalidInputError(
            f"A category has at most {MAX_WORD_CHARS} characters, a note at most {MAX_NOTE_CHARS:,}."
        )
    found = BankStore(desk.database).bank(bank_name(fields["bank"]))
    if not open_banks(person, [found]):
        raise ForbiddenError("What is known to be harmless is for those who keep the banks.")
    return found


def _subject(desk: Desk, person: Person, post_id: str) -> Subject:
    """Raises `NotFoundError` for a post that the person may not see."""
    plan, wanted = desk.plan(), PostId(post_id[:MAX_ID_CHARS])
    found = desk.search.named([wanted]) if wanted.isprintable() else []
    if not found or not may_see_post(person, found[0].standing, plan):
        raise NotFoundError("There is no such post.")
    blind = desk.blind.among([wanted], person)
    decisions = desk.decisions.of_post(wanted)
    hidden = wanted in blind
    line = line_of(found[0], person, plan, blind=blind)
    return Subject(
        line, Standing(None) if hidden else standing_of(decisions), objection(person, decisions, blind=hidden)
    )


def _prefilled(decision: Decision | None) -> dict[str, str]:
    if decision is None:
        return {"bank": "", "category": "", "note": ""}
    return {"bank": "", "category": decision.category, "note": decision.note[:MAX_NOTE_CHARS]}


def _done(desk: Desk, bank: Bank, banked: BankedPost) -> Done:
    return Done(bank, entry_lines(banked.entries, {}, (), desk.clock()), banked.missing)


def _page(
    request: Request,
    desk: Desk,
    person: Person,
    subject: Subject,
    fields: Mapping[str, str],
    *,
    error: ModerationError | None = None,
    done: Done | None = None,
) -> Response:
    problem = error or subject.objection
    plan, decision = desk.plan(), subject.standing.decision
    banks = open_banks(person, BankStore(desk.database).definitions())
    values = {
        "subject": subject,
        "line": subject.line,
        "decision": decision,
        "who": "" if decision is None else desk.people.names({decision.account}).get(decision.account, "somebody"),
        "plan": plan,
        "banks": [(bank_key(bank.name), bank, *EFFECTS[bank.effect]) for bank in banks],
        "categories": [(one.name, one.title) for one in plan.categories.values()],
        "fields": fields,
        "error": problem,
        "done": done,
        "done_href": bank_path(done.bank.name) if done else "",
        "may_read": person.may(Capability.READ_BANKS),
        "may_sweep": person.may(Capability.BANKS),
        "here": bank_post_path(subject.post_id),
        "max_note": MAX_NOTE_CHARS,
    }
    status = problem.status if problem is not None else HTTPStatus.OK
    return render(request, "console/bank_post.html", person, values, status=int(status))
