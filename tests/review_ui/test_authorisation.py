"""Every route by every role. A route that does not say who may call it fails here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from moderation.domain.people import CAPABILITIES, Capability, Person, Role
from moderation.settings import Settings
from moderation.storage.keys import SCOPES
from review_ui.app import create_app
from review_ui.classification import (
    ByAnyCapability,
    ByCapability,
    ByScope,
    Classification,
    Public,
    SignedInOnly,
    UnclassifiedRouteError,
    classification,
    public,
)
from review_ui.console.access import Needs, Stage, ThePerson, needs
from review_ui.security import NeedsKey
from review_ui.site import Site, open_site
from tests.review_ui.asking import ask
from tests.review_ui.conftest import settings_in
from tests.review_ui.console.people import Visitor, make_person, sign_in
from tests.review_ui.console.people import visitor as visitor_of

UNTYPED = {"/openapi.json", "/static"}
"""What is no route of ours: the API's description and the folder of files; both are for everybody."""
ENDS_SESSION = "/console/logout"
RESTRICTED = ("child-safety", "child-safety-leads")
NOBODY_ID = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Call:
    """One method of one route, with every parameter filled in."""

    method: str
    path: str
    route: APIRoute

    @property
    def who(self) -> Classification:
        return classification(self.route)

    @property
    def stages(self) -> frozenset[Stage]:
        """The stages of a session that the route lets in; every check must."""
        found = [call.stages for call in dependencies(self.route.dependant) if isinstance(call, Needs)]
        return frozenset(Stage).intersection(*found)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def dependencies(dependant: Any) -> Iterator[object]:
    for part in dependant.dependencies:
        yield part.call
        yield from dependencies(part)


def calls_of(app: FastAPI) -> list[Call]:
    found = []
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute):
            assert context.path in UNTYPED, f"{context.path} is a route that nobody classified"
            continue
        path = re.sub(r"\{\w+(?::\w+)?\}", NOBODY_ID, str(context.path))
        found += [Call(method, path, route) for method in sorted(route.methods or ())]
    return found


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Any) -> Iterator[FastAPI]:
    settings: Settings = settings_in(tmp_path_factory.mktemp("authorisation"), sqlite_template)
    site: Site = open_site(settings)
    made = create_app(site=site)
    yield made
    made.state.desk.close()
    site.database.close()


@pytest.fixture(scope="module")
def calls(app: FastAPI) -> list[Call]:
    return calls_of(app)


@pytest.fixture(scope="module")
def console(calls: list[Call]) -> list[Call]:
    return [call for call in calls if isinstance(call.who, SignedInOnly | ByCapability | ByAnyCapability)]


@pytest.fixture(scope="module")
def people(app: FastAPI) -> dict[Role, Person]:
    """One of each role, let into the restricted queues: so that what they are refused is refused to their role."""
    return {role: make_person(app, f"the-{role}", role, queues=RESTRICTED) for role in Role}


def allows(who: Classification, role: Role) -> bool:
    """What a route says of a role; written out here again, so that a mistake in the check does not hide itself."""
    held = CAPABILITIES[role]
    if isinstance(who, ByCapability):
        return who.capabilities <= held
    if isinstance(who, ByAnyCapability):
        return bool(who.capabilities & held)
    return isinstance(who, SignedInOnly)


def cookie(visitor: Visitor) -> dict[str, str]:
    return {"cookie": f"session={visitor.secret}"}


def test_every_route_says_who_may_call_it(calls: list[Call]) -> None:
    unclassified = []
    for call in calls:
        try:
            classification(call.route)
        except UnclassifiedRouteError as error:
            unclassified.append(str(error))
    assert not unclassified
    assert len(calls) > 30


def test_everything_of_the_console_but_the_door_needs_somebody(calls: list[Call]) -> None:
    open_to_all = {call.path for call in calls if call.path.startswith("/console") and isinstance(call.who, Public)}
    assert open_to_all == {"/console/login", "/console/oidc/start", "/console/oidc/callback"}


def test_nobody_gets_only_what_is_public(app: FastAPI, calls: list[Call]) -> None:
    for call in calls:
        status = ask(app, call.method, call.path).status
        if isinstance(call.who, Public):
            assert status not in {401, 500}, str(call)
        else:
            assert status == 401, str(call)


def test_a_secret_that_is_none_opens_nothing(app: FastAPI, console: list[Call]) -> None:
    for call in console:
        for secret in ("x" * 43, "x", '"' + "x" * 43 + '"'):
            assert ask(app, call.method, call.path, headers={"cookie": f"session={secret}"}).status == 401, str(call)


def test_a_page_that_nobody_is_signed_in_for_leads_to_the_login(app: FastAPI, console: list[Call]) -> None:
    for call in console:
        if call.method == "GET":
            answer = ask(app, "GET", call.path, headers={"accept": "text/html"})
            assert answer.status == 303, str(call)
            assert answer.headers["location"].startswith("/console/login?next=%2Fconsole"), str(call)


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_it_has_and_nothing_else(
    app: FastAPI, console: list[Call], people: dict[Role, Person], role: Role
) -> None:
    visitor = sign_in(app, people[role])
    for call in console:
        if call.path == ENDS_SESSION:
            continue
        status = ask(app, call.method, call.path, headers=cookie(visitor), csrf=visitor.csrf).status
        if Stage.READY not in call.stages:
            assert status == 401, f"{call} as {role}"
        elif allows(call.who, role):
            assert status not in {401, 403, 500}, f"{call} as {role}: {status}"
        else:
            assert status == 403, f"{call} as {role}: {status}"
    assert ask(app, "POST", ENDS_SESSION, headers=cookie(visitor), csrf=visitor.csrf).status == 303
    assert ask(app, "GET", "/console/profile", headers=cookie(visitor)).status == 401


@pytest.mark.parametrize("role", Role)
def test_no_role_opens_a_restricted_page_without_a_grant(app: FastAPI, console: list[Call], role: Role) -> None:
    visitor = visitor_of(app, f"ungranted-{role}", role, queues=["hate"])
    restricted = [call for call in console if call.path.startswith("/console/restricted")]
    assert restricted
    for call in restricted:
        status = ask(app, call.method, call.path, headers=cookie(visitor), csrf=visitor.csrf).status
        assert status in {403, 404}, f"{call} as {role}: {status}"


def test_a_session_that_is_not_complete_opens_only_what_completes_it(
    app: FastAPI, console: list[Call], people: dict[Role, Person]
) -> None:
    visitor = sign_in(app, people[Role.ADMIN], confirmed=False)
    opened = set()
    for call in console:
        if call.path == ENDS_SESSION:
            continue
        status = ask(app, call.method, call.path, headers=cookie(visitor), csrf=visitor.csrf).status
        if Stage.ENROL in call.stages:
            opened.add(call.path)
            assert status != 401, str(call)
        else:
            assert status == 401, str(call)
    assert opened == {"/console/profile/totp", "/console/profile/totp/begin", "/console/profile/totp.svg"}


def test_nothing_is_changed_without_the_token_or_from_another_site(
    app: FastAPI, console: list[Call], people: dict[Role, Person]
) -> None:
    for call in console:
        if call.method in {"GET", "HEAD"} or Stage.READY not in call.stages:
            continue
        role = next(role for role in Role if allows(call.who, role))
        visitor = sign_in(app, people[role])
        mine, right = cookie(visitor), {"csrf": visitor.csrf}
        assert ask(app, call.method, call.path, headers=mine).status == 403, str(call)
        assert ask(app, call.method, call.path, headers=mine, csrf="").status == 403, str(call)
        assert ask(app, call.method, call.path, headers=mine, csrf=visitor.csrf[:-1]).status == 403, str(call)
        for told in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
            assert ask(app, call.method, call.path, headers=mine | told, **right).status == 403, str(call)


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_a_key_opens_what_its_scope_says(app: FastAPI, calls: list[Call], scope: str) -> None:
    site: Site = app.state.site
    _, secret = site.keys.create(f"only-{scope}", scopes={scope}, per_minute=10_000, now=site.clock())
    for call in calls:
        if not isinstance(call.who, ByScope):
            continue
        status = ask(app, call.method, call.path, headers={"authorization": f"Bearer {secret}"}).status
        if call.who.scope in {"", scope}:
            assert status not in {401, 500}, str(call)
        else:
            assert status == 403, str(call)


def test_a_key_opens_nothing_of_the_console(app: FastAPI, console: list[Call]) -> None:
    site: Site = app.state.site
    _, secret = site.keys.create("everything", scopes=SCOPES, per_minute=10_000, now=site.clock())
    for call in console:
        assert ask(app, call.method, call.path, headers={"authorization": f"Bearer {secret}"}).status == 401, str(call)


def test_a_session_opens_nothing_of_the_api(app: FastAPI, calls: list[Call], people: dict[Role, Person]) -> None:
    visitor = sign_in(app, people[Role.ADMIN])
    for call in calls:
        if isinstance(call.who, ByScope):
            assert ask(app, call.method, call.path, headers=cookie(visitor)).status == 401, str(call)


def test_no_role_both_edits_accounts_and_reads_the_audit_log() -> None:
    for held in CAPABILITIES.values():
        assert not {Capability.ACCOUNTS, Capability.AUDIT} <= held
        assert not {Capability.ACCOUNTS, Capability.DECIDE} <= held


def route_with(*dependencies: Any, **arguments: Any) -> APIRoute:
    router = APIRouter()

    async def endpoint() -> None:
        pass

    router.add_api_route("/x", endpoint, dependencies=list(dependencies), **arguments)
    route = router.routes[0]
    assert isinstance(route, APIRoute)
    return route


def test_a_route_that_says_nothing_or_two_things_is_refused() -> None:
    both = (needs(Capability.LEAD), needs(Capability.DECIDE, Capability.PLAN))
    for marks in ((), (public, needs(Capability.LEAD)), (public, Depends(NeedsKey("posts:read"))), both):
        with pytest.raises(UnclassifiedRouteError):
            classification(route_with(*marks))


def test_what_a_route_says_is_read() -> None:
    router = APIRouter()

    @router.get("/x", dependencies=[needs(Capability.LEAD)])
    async def endpoint(person: ThePerson) -> str:
        return person.name

    route = router.routes[0]
    assert isinstance(route, APIRoute)
    assert classification(route) == ByCapability(frozenset({Capability.LEAD}))
    either = needs(Capability.LEAD, Capability.DECIDE)
    assert classification(route_with(either)) == ByAnyCapability(frozenset({Capability.LEAD, Capability.DECIDE}))
    assert classification(route_with(public)) == Public()
    assert classification(route_with(Depends(NeedsKey("")))) == ByScope("")
    assert classification(route_with(Depends(NeedsKey("")), Depends(NeedsKey("feed:read")))) == ByScope("feed:read")
