"""Who is let into the console: every route asks here, and says here what it asks for.

A route takes `person: ThePerson` (anybody who is signed in), or `Annotated[Person, needs(Capability.DECIDE)]`, or has
`dependencies=[needs(…)]`, or `dependencies=[public]`. On anything but GET these check the CSRF token too: the hidden
field `csrf`, or the header `X-CSRF-Token`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Protocol, cast
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import ForbiddenError, ModerationError, UnauthenticatedError
from moderation.domain.job import Job
from moderation.domain.people import CAPABILITIES, Capability, Person
from moderation.storage.accounts.sessions import Session, SignedIn
from review_ui.classification import ByAnyCapability, ByCapability, SignedInOnly, public
from review_ui.console.cookies import session_cookie
from review_ui.console.csrf import SAFE_METHODS, check_csrf
from review_ui.console.entrance import TheEntrance, open_entrance
from review_ui.console.failures import Handler, wants_page
from review_ui.console.limits import BodyLimit
from review_ui.console.targets import LOGIN, bounce, local_target
from review_ui.site import Site

__all__ = [
    "CsrfToken",
    "Needs",
    "Stage",
    "ThePerson",
    "ThePersonInBackground",
    "TheSession",
    "install",
    "may_see_job",
    "may_see_queue",
    "may_work_in",
    "needs",
    "public",
]


class Stage(StrEnum):
    """How far somebody is let in."""

    CODE = "code"
    """The password was right; the second factor is still to be shown."""
    ENROL = "enrol"
    """A second factor is required and must be set up first."""
    CHANGE = "change"
    """Somebody else knows the password: the person must choose their own first."""
    READY = "ready"


STAGE_PATHS = {
    Stage.CODE: "/console/login/code",
    Stage.ENROL: "/console/profile/totp",
    Stage.CHANGE: "/console/profile/password",
}


class SignInNeededError(UnauthenticatedError):
    """Nobody is signed in, or not far enough: `path` is where to go on. Pages redirect there, the rest is a 401."""

    def __init__(self, message: str, path: str = LOGIN) -> None:
        super().__init__(message, hint="Sign in at /console/login.")
        self.path = path


def stage_of(signed_in: SignedIn) -> Stage:
    """How far this session is let in."""
    if signed_in.session.confirmed_at is None:
        return Stage.CODE if signed_in.locks.totp else Stage.ENROL
    by_password = signed_in.session.method == "password"
    return Stage.CHANGE if signed_in.locks.must_change and by_password else Stage.READY


async def read_session(request: Request, entrance: TheEntrance) -> SignedIn | None:
    """The request's living session, whatever its stage, in one query per request; None when there is none."""
    secret = request.cookies.get(session_cookie(request, entrance.settings), "")
    if not secret:
        return None
    found = await run_in_threadpool(entrance.sessions.find, secret, now=entrance.clock())
    if found is not None:
        request.state.client = found.person.actor
        request.state.csrf = found.session.csrf
    return found


AnySession = Annotated[SignedIn | None, Depends(read_session)]


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency: the signed-in person, who must have one of `capabilities` (none: any role will do).

    `stages` are the ones that are let in. Unless `active`, the request does not count as a sign of life: what a page
    asks for by itself must not keep an abandoned session alive.
    """

    capabilities: frozenset[Capability] = frozenset()
    active: bool = True
    stages: frozenset[Stage] = frozenset({Stage.READY})

    @property
    def classified(self) -> ByCapability | ByAnyCapability | SignedInOnly:
        """What the authorisation test reads."""
        if not self.capabilities:
            return SignedInOnly()
        return ByCapability(self.capabilities) if len(self.capabilities) == 1 else ByAnyCapability(self.capabilities)

    async def __call__(self, request: Request, found: AnySession, entrance: TheEntrance) -> Person:
        """The person. Raises `SignInNeededError`, `ForbiddenError`."""
        if found is None:
            raise SignInNeededError("Nobody is signed in.")
        stage = stage_of(found)
        if stage not in self.stages:
            raise SignInNeededError(f"Signing in is not complete: {stage}.", STAGE_PATHS.get(stage, "/console"))
        if request.method not in SAFE_METHODS:
            await check_csrf(request, found.session.csrf, entrance.settings)
        if self.capabilities and not any(found.person.may(capability) for capability in self.capabilities):
            raise ForbiddenError("Your role does not include this.")
        request.state.person = found.person
        if self.active:
            await run_in_threadpool(entrance.sessions.touch, found.session, now=entrance.clock())
        return found.person


def needs(*capabilities: Capability, active: bool = True) -> Any:
    """A FastAPI dependency on the signed-in person, whose role must have one of `capabilities`; see `Needs`."""
    return Depends(Needs(frozenset(capabilities), active=active))


ThePerson = Annotated[Person, Depends(Needs())]
"""Whoever is signed in, whatever their role."""
ThePersonInBackground = Annotated[Person, Depends(Needs(active=False))]
"""The same, for what pages ask for by themselves (heartbeats, counts, server push)."""


async def the_session(_person: ThePersonInBackground, found: AnySession) -> Session:
    """The session of whoever is signed in."""
    if found is None:
        raise SignInNeededError("Nobody is signed in.")
    return found.session


TheSession = Annotated[Session, Depends(the_session)]


async def csrf_token(session: TheSession) -> str:
    """What forms must carry in the hidden field `csrf`."""
    return session.csrf


CsrfToken = Annotated[str, Depends(csrf_token)]


class QueueRules(Protocol):
    """What the plan says of a queue."""

    @property
    def restricted(self) -> bool:
        """Whether only people with a grant may know what is in it."""


class PlanRules(Protocol):
    """What is asked of the plan."""

    def queue(self, name: str, /) -> QueueRules:
        """The queue's rules; an unknown name gives safe ones."""


def may_work_in(person: Person, queue: str) -> bool:
    """Whether the person may take and decide jobs of `queue`: a deciding role, and a grant."""
    return person.may(Capability.DECIDE) and queue in person.queues


def may_see_queue(person: Person, queue: str, plan: PlanRules) -> bool:
    """Whether the person may see what waits in `queue`; of a restricted one only with a grant, whatever the role."""
    if plan.queue(queue).restricted:
        return queue in person.queues
    return queue in person.queues or person.may(Capability.READ_POSTS)


def may_see_job(person: Person, job: Job, plan: PlanRules) -> bool:
    """Whether the person may open the job's page; deciding it takes a lease besides."""
    return may_see_queue(person, job.queue, plan)


def roles_with(capability: Capability) -> frozenset[str]:
    """The roles that have `capability`, for pages that say whom to ask."""
    return frozenset(role.value for role, held in CAPABILITIES.items() if capability in held)


def install(app: FastAPI, site: Site) -> None:
    """Give `app` its entrance, send pages that nobody is signed in for to the login page, and bound what is sent.

    Call after `failures.install`, whose pages answer a form that was sent when its session was over.
    """
    app.state.entrance = open_entrance(site)
    otherwise = cast(Handler, app.exception_handlers[ModerationError])

    async def sign_in_first(request: Request, error: Exception) -> Response:
        assert isinstance(error, SignInNeededError)
        if request.method not in SAFE_METHODS or not wants_page(request):
            return await otherwise(request, error)
        if request.headers.get("sec-fetch-site") == "cross-site":
            return bounce(request)
        remembers = error.path in {LOGIN, STAGE_PATHS[Stage.CODE]}
        query = urlencode({"next": local_target(request)}) if remembers else ""
        return RedirectResponse(f"{error.path}?{query}" if query else error.path, 303)

    app.add_exception_handler(SignInNeededError, sign_in_first)
    app.add_middleware(BodyLimit, max_image_bytes=site.settings.max_image_bytes)
