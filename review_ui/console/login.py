"""Signing in and out: name and password, then a code where the account asks for one."""

import hashlib
import hmac
import secrets
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import ModerationError, RateLimitedError
from moderation.domain.people import Person
from moderation.review.sign_in import WrongCredentialsError
from moderation.storage.accounts.sessions import Client, Session, SignedIn
from review_ui.classification import public
from review_ui.console.access import STAGE_PATHS, AnySession, Needs, Stage, stage_of
from review_ui.console.cookies import SESSION, START, clear_cookie, cookie_name, session_cookie, set_cookie
from review_ui.console.csrf import FIELD, CsrfError, check_origin
from review_ui.console.entrance import Entrance, TheEntrance
from review_ui.console.forms import Form, TheForm
from review_ui.console.shell import render
from review_ui.console.targets import HOME, LOGIN, safe_target

ANY_STAGE = frozenset(Stage)
MAX_SHOWN_CHARS = 64

router = APIRouter()

AtCode = Annotated[Person, Depends(Needs(stages=frozenset({Stage.CODE})))]
Anybody = Annotated[Person, Depends(Needs(stages=ANY_STAGE))]


@router.get(LOGIN, dependencies=[public])
async def login_page(request: Request, entrance: TheEntrance, found: AnySession, next: str = "") -> Response:  # noqa: A002 - the query's name
    """The form, or straight on for somebody who is signed in."""
    if found is not None and stage_of(found) is Stage.READY:
        return RedirectResponse(safe_target(next), HTTPStatus.SEE_OTHER)
    return login_form(request, entrance, target=next)


@router.post(LOGIN, dependencies=[public])
async def log_in(request: Request, entrance: TheEntrance, form: TheForm) -> Response:
    """Check name and password, and start a session. Whatever session the browser had before ends."""
    _check_form(request, entrance, form)
    name, target = form.get("name", ""), form.get("next", "")
    try:
        person = await run_in_threadpool(
            entrance.sign_in.by_password,
            name,
            form.get("password", ""),
            address=address_of(request),
            now=entrance.clock(),
        )
    except (WrongCredentialsError, RateLimitedError) as error:
        return login_form(request, entrance, target=target, name=name, error=error)
    return await admit(request, entrance, person, target=target)


async def admit(request: Request, entrance: Entrance, person: Person, *, target: str) -> Response:
    """Start the session of somebody who showed their password, and go where they wanted, or where the code is asked."""
    account = await run_in_threadpool(entrance.people.account, person.id)
    confirmed = not (account.locks.totp or entrance.settings.console_require_totp)
    secret, _ = await run_in_threadpool(
        entrance.sessions.start,
        person,
        method="password",
        confirmed=confirmed,
        client=client_of(request),
        now=entrance.clock(),
        instead_of=request.cookies.get(session_cookie(request, entrance.settings)),
    )
    onward = safe_target(target)
    if account.locks.totp:
        onward = f"{STAGE_PATHS[Stage.CODE]}?{urlencode({'next': onward})}"
    response = RedirectResponse(onward, HTTPStatus.SEE_OTHER)
    set_cookie(response, SESSION, secret, request=request, settings=entrance.settings)
    clear_cookie(response, START, request=request, settings=entrance.settings)
    return response


@router.get("/console/login/code")
async def code_page(request: Request, person: AtCode, next: str = "") -> Response:  # noqa: A002 - the query's name
    """Ask for the second factor."""
    return _code_form(request, person, target=next)


@router.post("/console/login/code")
async def show_code(
    request: Request, person: AtCode, found: AnySession, entrance: TheEntrance, form: TheForm
) -> Response:
    """Check the code; the session goes on under a new secret."""
    target = form.get("next", "")
    try:
        await run_in_threadpool(
            entrance.sign_in.by_code,
            person,
            form.get("code", ""),
            address=address_of(request),
            now=entrance.clock(),
        )
    except (WrongCredentialsError, RateLimitedError) as error:
        return _code_form(request, person, target=target, error=error)
    response = RedirectResponse(safe_target(target), HTTPStatus.SEE_OTHER)
    await confirm_session(request, response, entrance, found)
    return response


@router.post("/console/logout")
async def log_out(request: Request, person: Anybody, found: AnySession, entrance: TheEntrance) -> Response:
    """End this session."""
    session = _session(found)
    await run_in_threadpool(entrance.sessions.end, session.id, person=person, actor=person.actor, now=entrance.clock())
    response = RedirectResponse(LOGIN, HTTPStatus.SEE_OTHER)
    clear_cookie(response, SESSION, request=request, settings=entrance.settings)
    return response


async def confirm_session(request: Request, response: Response, entrance: Entrance, found: SignedIn | None) -> Session:
    """Let `response` carry a new secret for the same login, which is confirmed from now on."""
    secret, session = await run_in_threadpool(entrance.sessions.confirm, _session(found), now=entrance.clock())
    set_cookie(response, SESSION, secret, request=request, settings=entrance.settings)
    return session


def address_of(request: Request) -> str:
    """From where the request came; the server reads it from a proxy on this machine where there is one."""
    return request.client.host if request.client is not None else ""


def client_of(request: Request) -> Client:
    """From where, and with which browser."""
    return Client(address_of(request), request.headers.get("user-agent", ""))


def _session(found: SignedIn | None) -> Session:
    assert found is not None
    return found.session


def login_form(
    request: Request, entrance: Entrance, *, target: str, name: str = "", error: ModerationError | None = None
) -> Response:
    """The login page with its token; `error` says what was wrong with the last try."""
    start = request.cookies.get(cookie_name(START, request, entrance.settings)) or secrets.token_urlsafe(32)
    values = {
        "token": _token(start),
        "target": safe_target(target) if target else HOME,
        "name": name[:MAX_SHOWN_CHARS],
        "error": error,
        "wait": _minutes(error),
        "single_sign_on": entrance.provider is not None,
        "label": entrance.settings.oidc_label,
    }
    response = render(request, "console/login.html", None, values, status=error.status if error else HTTPStatus.OK)
    set_cookie(response, START, start, request=request, settings=entrance.settings)
    return response


def _code_form(request: Request, person: Person, *, target: str, error: ModerationError | None = None) -> Response:
    values = {"name": person.name, "target": safe_target(target), "error": error, "wait": _minutes(error)}
    return render(request, "console/login_code.html", None, values, status=error.status if error else HTTPStatus.OK)


def _check_form(request: Request, entrance: Entrance, form: Form) -> None:
    """Raise `CsrfError` unless the form is one that this browser was given."""
    check_origin(request, entrance.settings)
    start = request.cookies.get(cookie_name(START, request, entrance.settings), "")
    if not start or not hmac.compare_digest(form.get(FIELD, "").encode(), _token(start).encode()):
        raise CsrfError("The login form is too old.", hint="Open /console/login again. Cookies must be allowed.")


def _token(start: str) -> str:
    return hmac.new(start.encode(), b"login form", hashlib.sha256).hexdigest()


def _minutes(error: ModerationError | None) -> int:
    """How long somebody has to wait who tried too often; 0 without such an error."""
    return max(1, round(error.retry_after_s / 60)) if isinstance(error, RateLimitedError) else 0
