"""One entry of a bank: what is said of it, what it matched, what became of it, and changing it. No hash is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.bank import KEEP, VERIFIED_BITS, Bank, BankEntry, EntryAmendment, Opinion
from moderation.domain.errors import ForbiddenError, ModerationError, NotFoundError
from moderation.domain.ids import EntryId, PostId
from moderation.domain.people import Capability, Person
from moderation.domain.signal import BankHit
from moderation.matching.hashes.pdq import from_hex
from moderation.matching.stored_hashes import turned_codes
from moderation.storage.bank_overview import POST, BankOverviewStore
from moderation.storage.banks import BankStore
from moderation.storage.entry_matches import EntryMatchStore
from review_ui.console.access import needs
from review_ui.console.bank_forms import (
    FOREVER,
    acts,
    amendment_of,
    check_sure,
    check_version,
    disabled_until,
    entry_version,
    shown_day,
)
from review_ui.console.bank_lines import (
    EFFECTS,
    OPINIONS,
    STATES,
    changes_in_words,
    closed_entries,
    entry_lines,
)
from review_ui.console.bank_paths import BANKS, bank_name, bank_path, entry_path
from review_ui.console.banks_page import DAYS, actor_words, since
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.post_lines import PostLine, line_of
from review_ui.console.shell import render
from review_ui.console.sight import may_see_post

CLOSED = frozenset({POST, "decision"})
"""What a provenance says of a post here."""
SHOWN = 24
"""Posts that are listed as matched."""
LOOKED = 2_000
"""The nearest pictures whose evidence is read: a flood has left many thousands of copies, and a page shows a few."""
UNREAD = "The pictures of earlier posts are still being read. Try again in a minute."
DONE = {
    "amended": "Changed.",
    "disabled": "Disabled. Running lanes stop matching it within a second.",
    "enabled": "Enabled. Running lanes match it within a second.",
}

router = APIRouter(prefix=BANKS)

Reader = Annotated[Person, needs(Capability.READ_BANKS)]
Keeper = Annotated[Person, needs(Capability.BANKS)]


@dataclass(frozen=True, slots=True)
class MatchedPost:
    """A post that the entry matched, and how."""

    line: PostLine
    hit: BankHit


@dataclass(frozen=True, slots=True)
class MatchedPosts:
    """The nearest posts that the entry matched; `unread` is why there are none to tell."""

    posts: Sequence[MatchedPost] = ()
    more: bool = False
    unread: str = ""


@router.get("/{bank}/entries/{entry}")
async def entry_page(request: Request, bank: str, entry: str, person: Reader, desk: TheDesk) -> Response:
    """An entry. 404 for one that its bank does not have (any more)."""
    return await run_in_threadpool(_page, request, desk, person, bank_name(bank), EntryId(entry))


@router.post("/{bank}/entries/{entry}/amend")
async def amend(request: Request, bank: str, entry: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Change what is said of it. What changes what it does must be confirmed."""

    def act(known: BankEntry) -> str:
        amendment = amendment_of(form, known)
        if amendment.note is not KEEP and closed_entries(desk, person, [known]):
            raise ForbiddenError("Its note is for people who may see its post.", hint="Change its category alone.")
        if acts(amendment):
            check_sure(form)
        return _amend(desk, person, known, amendment, "amended")

    return await run_in_threadpool(_act, request, desk, person, bank_name(bank), EntryId(entry), form, act)


@router.post("/{bank}/entries/{entry}/disable")
async def disable(request: Request, bank: str, entry: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Let it match nothing, until a day or until somebody enables it."""

    def act(known: BankEntry) -> str:
        check_sure(form)
        return _amend(desk, person, known, EntryAmendment(disable_until=disabled_until(form)), "disabled")

    return await run_in_threadpool(_act, request, desk, person, bank_name(bank), EntryId(entry), form, act)


@router.post("/{bank}/entries/{entry}/enable")
async def enable(request: Request, bank: str, entry: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Let it match again."""

    def act(known: BankEntry) -> str:
        check_sure(form)
        return _amend(desk, person, known, EntryAmendment(disable_until=None), "enabled")

    return await run_in_threadpool(_act, request, desk, person, bank_name(bank), EntryId(entry), form, act)


@router.post("/{bank}/entries/{entry}/remove")
async def remove(request: Request, bank: str, entry: str, person: Keeper, desk: TheDesk, form: TheForm) -> Response:
    """Take it out of its bank."""

    def act(known: BankEntry) -> str:
        check_sure(form)
        BankStore(desk.database).remove(known.id, actor=person.actor, now=desk.clock())
        return f"{bank_path(known.bank)}?done=removed"

    return await run_in_threadpool(_act, request, desk, person, bank_name(bank), EntryId(entry), form, act)


def known_entry(desk: Desk, bank: str, entry_id: EntryId) -> tuple[Bank, BankEntry]:
    """The entry and its bank. Raises `NotFoundError`, also for another bank's."""
    store = BankStore(desk.database)
    found = store.bank(bank)
    entry = store.entry(entry_id)
    if entry.bank != found.name:
        raise NotFoundError(f"The bank {found.name!r} has no such entry.")
    return found, entry


def _amend(desk: Desk, person: Person, entry: BankEntry, amendment: EntryAmendment, done: str) -> str:
    BankStore(desk.database).amend(entry.id, amendment, actor=person.actor, now=desk.clock())
    return f"{entry_path(entry.bank, entry.id)}?done={done}"


def _act(
    request: Request,
    desk: Desk,
    person: Person,
    bank: str,
    entry_id: EntryId,
    form: Form,
    act: Callable[[BankEntry], str],
) -> Response:
    """Do it to the entry as the form knew it, and go on; what cannot be done is told on the page."""
    _, entry = known_entry(desk, bank, entry_id)
    try:
        check_version(form, entry_version(entry))
        return RedirectResponse(act(entry), HTTPStatus.SEE_OTHER)
    except ModerationError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise
        return _page(request, desk, person, bank, entry_id, error)


def _page(
    request: Request, desk: Desk, person: Person, bank: str, entry_id: EntryId, error: ModerationError | None = None
) -> Response:
    known, entry = known_entry(desk, bank, entry_id)
    now, overview = desk.clock(), BankOverviewStore(desk.database)
    closed = bool(closed_entries(desk, person, [entry]))
    refused = overview.refused([entry.id], since(now))
    [line] = entry_lines([entry], refused, {entry.id} if closed else (), now)
    history = changes_in_words(overview.history(entry.id), closed=closed)
    values = {
        "bank": known,
        "entry": entry,
        "line": line,
        "effect": EFFECTS[known.effect],
        "state_told": STATES[line.state][1],
        "forever": FOREVER,
        "days": DAYS,
        "provenance": [(name, value, closed and name in CLOSED) for name, value in entry.provenance.items()],
        "banked_by": [actor_words(actor) for actor in entry.banked_by],
        "matched": _matched(desk, person, entry),
        "history": [(change, actor_words(change.actor), told) for change, told in history],
        "opinions": [(opinion.value, *OPINIONS[opinion]) for opinion in Opinion],
        "categories": [(one.name, one.title) for one in desk.plan().categories.values()],
        "expires_on": shown_day(entry.expires_at),
        "version": entry_version(entry),
        "here": entry_path(known.name, entry.id),
        "bank_href": bank_path(known.name),
        "may_change": person.may(Capability.BANKS),
        "may_sweep": person.may(Capability.BANKS),
        "error": error,
        "done": DONE.get(request.query_params.get("done", ""), ""),
    }
    return render(request, "console/bank_entry.html", person, values, status=error.status if error else 200)


def _matched(desk: Desk, person: Person, entry: BankEntry) -> MatchedPosts:
    """Posts whose screening found the entry; of those that the person may not see, nothing.

    They are looked for among the pictures near the entry's, however turned: crops that only their corners gave away are
    not among these.
    """
    turned = turned_codes(from_hex(entry.pdq)[np.newaxis])[0]
    near = desk.near_at_hand.search(list(turned), radius=VERIFIED_BITS)
    if near is None:
        return MatchedPosts(unread=UNREAD)
    hits = EntryMatchStore(desk.database).among([one.post_id for one in near[:LOOKED]], entry.id)
    plan, standings = desk.plan(), desk.standings.of(list(hits))
    blind = desk.blind.among(list(hits), person)
    own = {entry.provenance.get(POST)} & blind
    seen = [post for post in hits if post not in own and may_see_post(person, standings[post], plan)]
    seen.sort(key=lambda post: hits[post].distance_bits)
    found = desk.search.named(seen[:SHOWN])
    lines = {PostId(item.post.id): line_of(item, person, plan, blind=blind) for item in found}
    posts = [MatchedPost(lines[post], hits[post]) for post in seen[:SHOWN] if post in lines]
    return MatchedPosts(posts, len(seen) > SHOWN or len(near) > LOOKED)
