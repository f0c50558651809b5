"""Signing in at an identity provider: there and back, in the same browser."""

import hmac
import secrets
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import ModerationError, NotFoundError
from moderation.domain.people import Person
from moderation.review.identities import IdentityRules, NotAdmittedError, admit
from moderation.review.sign_in import BY_ADDRESS
from review_ui.classification import public
from review_ui.console.cookies import OIDC, SESSION, clear_cookie, cookie_name, session_cookie, set_cookie
from review_ui.console.csrf import own_origin
from review_ui.console.entrance import Entrance, TheEntrance
from review_ui.console.login import address_of, client_of, login_form
from review_ui.console.provider import Flow, Provider
from review_ui.console.targets import LOGIN, onward, safe_target

CALLBACK = "/console/oidc/callback"
FLOW_SECONDS = 600
MAX_CODE_CHARS = 4_096

router = APIRouter(dependencies=[public])


@router.get("/console/oidc/start")
async def start(request: Request, entrance: TheEntrance, next: str = "") -> Response:  # noqa: A002 - the query's name
    """Go to the identity provider. The cookie comes back with its answer: only from this browser is it taken."""
    provider = _provider(entrance)
    if request.headers.get("sec-fetch-site") == "cross-site":
        return RedirectResponse(f"{LOGIN}?{urlencode({'next': safe_target(next)})}", HTTPStatus.SEE_OTHER)
    flow = Flow.begin()
    try:
        url = await provider.authorization_url(flow, _redirect_uri(request, entrance))
    except ModerationError as error:
        return login_form(request, entrance, target=next, error=error)
    response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
    set_cookie(
        response,
        OIDC,
        f"{flow.secret}:{safe_target(next)}",
        request=request,
        settings=entrance.settings,
        samesite="lax",
        max_age_s=FLOW_SECONDS,
    )
    return response


@router.get(CALLBACK)
async def callback(
    request: Request,
    entrance: TheEntrance,
    code: str = "",
    state: str = "",
    iss: str | None = None,
) -> Response:
    """Take the provider's answer and start a session, if every check holds and an account is connected."""
    provider = _provider(entrance)
    secret, _, target = request.cookies.get(cookie_name(OIDC, request, entrance.settings), "").partition(":")
    try:
        flow = _same_browser(secret, state)
        person = await _who(request, entrance, provider, flow, code[:MAX_CODE_CHARS], iss)
        response = await _admitted(request, entrance, person, target)
    except ModerationError as error:
        response = login_form(request, entrance, target=target, error=error)
    clear_cookie(response, OIDC, request=request, settings=entrance.settings)
    return response


async def _who(
    request: Request, entrance: Entrance, provider: Provider, flow: Flow, code: str, issuer: str | None
) -> Person:
    now = entrance.clock()
    attempt = await run_in_threadpool(
        entrance.attempts.begin, "", address_of(request), by_name=(), by_address=BY_ADDRESS, now=now
    )
    if not code:
        raise NotAdmittedError("The identity provider did not sign you in.")
    identity = await provider.identity(code, flow, _redirect_uri(request, entrance), issuer=issuer)
    settings = entrance.settings
    rules = IdentityRules(bool(settings.oidc_role_claim), settings.oidc_roles, settings.oidc_create)
    person = await run_in_threadpool(admit, entrance.people, identity, rules, now=now)
    await run_in_threadpool(entrance.attempts.succeeded, attempt)
    return person


async def _admitted(request: Request, entrance: Entrance, person: Person, target: str) -> Response:
    secret, _ = await run_in_threadpool(
        entrance.sessions.start,
        person,
        method="oidc",
        confirmed=True,
        client=client_of(request),
        now=entrance.clock(),
        instead_of=request.cookies.get(session_cookie(request, entrance.settings)),
    )
    response = onward(safe_target(target))
    set_cookie(response, SESSION, secret, request=request, settings=entrance.settings)
    return response


def _same_browser(secret: str, state: str) -> Flow:
    """The sign-in that this browser began. Raises `NotAdmittedError` when the answer belongs to another."""
    flow = Flow(secret or secrets.token_urlsafe(32))
    if not hmac.compare_digest(flow.state.encode(), state.encode()):
        raise NotAdmittedError("This answer belongs to another sign-in.", hint="Begin again.")
    return flow


def _provider(entrance: Entrance) -> Provider:
    if entrance.provider is None:
        raise NotFoundError("There is no single sign-on here.")
    return entrance.provider


def _redirect_uri(request: Request, entrance: Entrance) -> str:
    return own_origin(request, entrance.settings) + CALLBACK
