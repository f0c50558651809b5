"""One's own account: what one may do, one's password, and where one is signed in."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import InvalidInputError, ModerationError
from moderation.domain.people import CAPABILITIES, Person
from moderation.review.sign_in import WrongCredentialsError
from moderation.storage.accounts.sessions import SignedIn
from review_ui.console.access import AnySession, Needs, SignInNeededError, Stage, ThePerson, stage_of
from review_ui.console.browsers import browser_words
from review_ui.console.cookies import SESSION, set_cookie
from review_ui.console.entrance import Entrance, TheEntrance
from review_ui.console.forms import Form, TheForm
from review_ui.console.login import address_of
from review_ui.console.shell import render

PROFILE = "/console/profile"
ROLE_WORDS: Mapping[str, str] = {
    "moderator": "Decides jobs of the queues it was let into, and banks what it rejected.",
    "senior": "Decides, and sees everybody's quality, the dashboards and the banks.",
    "policy": "Edits the review plan, banks, exchanges and sweeps; reads posts and dashboards.",
    "admin": "Looks after accounts, the plan, banks, exchanges and sweeps; decides nothing.",
    "auditor": "Reads posts and the audit log; changes nothing.",
}

router = APIRouter()

MayChange = Annotated[Person, Depends(Needs(stages=frozenset({Stage.READY, Stage.CHANGE})))]


@router.get(PROFILE)
async def profile_page(request: Request, person: ThePerson, found: AnySession, entrance: TheEntrance) -> Response:
    """Everything about one's own account."""
    signed_in = signed_in_of(found)
    sessions = await run_in_threadpool(entrance.sessions.of, person.id, now=entrance.clock())
    values = {
        "section": "profile",
        "locks": signed_in.locks,
        "session": signed_in.session,
        "sessions": [(item, browser_words(item.browser)) for item in sessions],
        "capabilities": sorted(CAPABILITIES[person.role]),
        "role_words": ROLE_WORDS[person.role],
        "require_totp": entrance.settings.console_require_totp,
        "done": request.query_params.get("done", ""),
    }
    return render(request, "console/profile.html", person, values)


@router.get(f"{PROFILE}/password")
async def password_page(request: Request, person: MayChange, found: AnySession) -> Response:
    """The form for a new password."""
    return _password_form(request, person, signed_in_of(found))


@router.post(f"{PROFILE}/password")
async def change_password(
    request: Request, person: MayChange, found: AnySession, entrance: TheEntrance, form: TheForm
) -> Response:
    """Choose another password: every other session ends, and this one goes on under a new secret."""
    signed_in = signed_in_of(found)
    try:
        await run_in_threadpool(_change, request, entrance, signed_in, form)
    except ModerationError as error:
        return _password_form(request, person, signed_in, error)
    secret, _ = await run_in_threadpool(entrance.sessions.confirm, signed_in.session, now=entrance.clock())
    response = RedirectResponse(f"{PROFILE}?done=password", HTTPStatus.SEE_OTHER)
    set_cookie(response, SESSION, secret, request=request, settings=entrance.settings)
    return response


@router.post(f"{PROFILE}/sessions/{{session_id}}/end")
async def end_session(session_id: str, person: ThePerson, entrance: TheEntrance) -> Response:
    """Sign out one of one's own browsers."""
    await run_in_threadpool(entrance.sessions.end, session_id, person=person, actor=person.actor, now=entrance.clock())
    return RedirectResponse(f"{PROFILE}?done=session", HTTPStatus.SEE_OTHER)


@router.post(f"{PROFILE}/sessions/end-others")
async def end_other_sessions(person: ThePerson, found: AnySession, entrance: TheEntrance) -> Response:
    """Sign out everywhere but here."""
    keep = signed_in_of(found).session.id
    await run_in_threadpool(entrance.sessions.end_all, person, actor=person.actor, now=entrance.clock(), keep=keep)
    return RedirectResponse(f"{PROFILE}?done=sessions", HTTPStatus.SEE_OTHER)


def signed_in_of(found: SignedIn | None) -> SignedIn:
    """What a route behind `Needs` knows to be there."""
    if found is None:
        raise SignInNeededError("Nobody is signed in.")
    return found


def status_of(error: ModerationError | None) -> int:
    """The status of a form that comes back: whoever typed a wrong password here is signed in all the same."""
    if isinstance(error, WrongCredentialsError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.OK if error is None else error.status


def _change(request: Request, entrance: Entrance, signed_in: SignedIn, form: Form) -> None:
    person, now = signed_in.person, entrance.clock()
    if not signed_in.locks.password:
        raise InvalidInputError("This account has no password: the identity provider lets you in.")
    wanted = form.get("new", "")
    if wanted != form.get("again", ""):
        raise InvalidInputError("The two new passwords differ.")
    entrance.sign_in.confirm_password(person, form.get("current", ""), address=address_of(request), now=now)
    if wanted == form.get("current", ""):
        raise InvalidInputError("The new password is the old one.")
    entrance.sign_in.change_password(person, wanted, now=now, keep_session=signed_in.session.id)


def _password_form(
    request: Request, person: Person, signed_in: SignedIn, error: ModerationError | None = None
) -> Response:
    must = stage_of(signed_in) is Stage.CHANGE
    values = {"must": must, "name": person.name, "error": error, "has_password": signed_in.locks.password}
    status = status_of(error)
    return render(request, "console/profile_password.html", None if must else person, values, status=status)
