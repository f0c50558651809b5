"""What is decided about a person and a queue, what a request may weigh, and where a browser is sent."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from moderation.domain.errors import ForbiddenError, TooLargeError
from moderation.domain.ids import AccountId, JobId, PostId
from moderation.domain.job import Job
from moderation.domain.people import Person, Role
from moderation.settings import Settings
from review_ui.console.access import Stage, may_see_job, may_see_queue, may_work_in, stage_of
from review_ui.console.csrf import check_origin, own_origin
from review_ui.console.limits import FORM_BYTES, BodyLimit
from review_ui.errors import BodyTimeoutError
from tests.factories import NOW
from tests.review_ui.console.doors import Door, application
from tests.review_ui.console.people import entrance_of, make_person, sign_in, visitor


@dataclass(frozen=True)
class Rules:
    restricted: bool


class ThePlan:
    """One restricted queue; every other is open to readers."""

    def queue(self, name: str, /) -> Rules:
        return Rules(restricted=name == "child-safety")


def person(role: Role, *queues: str) -> Person:
    return Person(AccountId("1"), "ada", "", role, frozenset(queues))


@pytest.mark.parametrize("role", Role)
def test_no_role_opens_a_restricted_queue(role: Role) -> None:
    assert not may_see_queue(person(role, "hate"), "child-safety", ThePlan())
    assert may_see_queue(person(role, "child-safety"), "child-safety", ThePlan())
    job = Job(JobId("j"), PostId("p"), "child-safety", "", "", NOW, NOW)
    assert not may_see_job(person(role, "hate"), job, ThePlan())


@pytest.mark.parametrize("role", Role)
def test_a_grant_alone_does_not_let_anybody_decide(role: Role) -> None:
    decides = role in {Role.MODERATOR, Role.SENIOR}
    assert may_work_in(person(role, "hate"), "hate") is decides
    assert not may_work_in(person(role), "hate")
    assert may_see_queue(person(role), "hate", ThePlan())


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return application(settings)


@pytest.mark.parametrize(
    ("confirmed", "totp", "must_change", "method", "stage"),
    [
        (None, True, True, "password", Stage.CODE),
        (None, False, True, "password", Stage.ENROL),
        (NOW, True, True, "password", Stage.CHANGE),
        (NOW, True, False, "password", Stage.READY),
        (NOW, False, True, "oidc", Stage.READY),
    ],
)
def test_how_far_somebody_is_let_in(
    app: FastAPI, confirmed: Any, totp: bool, must_change: bool, method: str, stage: Stage
) -> None:
    entrance = entrance_of(app)
    found = entrance.sessions.find(sign_in(app, make_person(app)).secret, now=entrance.clock())
    assert found is not None
    session = replace(found.session, confirmed_at=confirmed, method=method)
    locks = replace(found.locks, totp=totp, must_change=must_change)
    assert stage_of(replace(found, session=session, locks=locks)) is stage


def request(headers: dict[str, str], *, scheme: str = "http") -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "method": "POST",
            "scheme": scheme,
            "path": "/console",
            "query_string": b"",
            "headers": raw,
            "server": ("127.0.0.1", 8000),
        }
    )


ALLOWED = [
    {"host": "a.example"},
    {"host": "a.example", "origin": "http://a.example"},
    {"host": "A.example", "origin": "http://a.example", "sec-fetch-site": "same-origin"},
]
REFUSED = [
    {"host": "a.example", "origin": "https://a.example"},
    {"host": "a.example", "origin": "http://b.example"},
    {"host": "a.example", "origin": "null"},
    {"host": "a.example", "origin": "http://a.example.evil.example"},
    {"host": "a.example", "origin": "http://a.example:81"},
    {"host": "a.example", "sec-fetch-site": "same-site"},
    {"host": "a.example", "sec-fetch-site": "cross-site", "origin": "http://a.example"},
]


@pytest.mark.parametrize("headers", ALLOWED)
def test_our_own_pages_may_send_forms(headers: dict[str, str]) -> None:
    check_origin(request(headers), Settings())


@pytest.mark.parametrize("headers", REFUSED)
def test_no_other_site_may(headers: dict[str, str]) -> None:
    with pytest.raises(ForbiddenError):
        check_origin(request(headers), Settings())


def test_the_origin_that_is_set_is_the_only_one() -> None:
    settings = Settings(console_origin="https://moderation.example/")
    assert own_origin(request({"host": "127.0.0.1:8000"}), settings) == "https://moderation.example"
    check_origin(request({"host": "127.0.0.1:8000", "origin": "https://moderation.example"}), settings)
    with pytest.raises(ForbiddenError):
        check_origin(request({"host": "evil.example", "origin": "http://evil.example"}), settings)


def test_the_token_counts_in_a_header_too(app: FastAPI) -> None:
    visitor = sign_in(app, make_person(app))
    path = "/console/profile/sessions/end-others"
    assert visitor.client.post(path, headers={"x-csrf-token": visitor.csrf}).status_code == 303
    assert visitor.client.post(path, headers={"x-csrf-token": visitor.csrf + "x"}).status_code == 403
    wrong = visitor.client.post(path, data={"csrf": visitor.csrf}, headers=[("x-csrf-token", "x")])
    assert wrong.status_code == 403


def test_the_token_of_another_session_does_not_count(app: FastAPI) -> None:
    mine, other = (sign_in(app, make_person(app, name)) for name in ("ada", "bob"))
    answer = mine.client.post("/console/profile/sessions/end-others", data={"csrf": other.csrf})
    assert answer.status_code == 403


def test_a_program_is_told_and_a_person_is_led(app: FastAPI) -> None:
    door = Door(app)
    assert door.client.get("/console/profile", headers={"accept": "application/json"}).status_code == 401
    assert door.client.get("/console/profile").status_code == 303
    late = door.client.post("/console/logout")
    assert late.status_code == 401
    assert "Please sign in" in late.text


def limited(path: str, chunks: list[bytes], *, content_type: bytes = b"text/plain", seconds: float = 5.0) -> int:
    """How many bytes the application got through the limit; a slow client where the chunks run out."""
    taken = 0
    left = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]

    async def receive() -> Any:
        if left:
            return left.pop(0)
        await asyncio.sleep(60)
        raise AssertionError

    async def application(_scope: Any, limited_receive: Any, _send: Any) -> None:
        nonlocal taken
        for _ in range(len(chunks) + (seconds < 1)):
            taken += len((await limited_receive())["body"])

    async def send(_message: Any) -> None:
        raise AssertionError

    scope = {"type": "http", "path": path, "headers": [(b"content-type", content_type)]}
    asyncio.run(BodyLimit(application, max_image_bytes=10_000, seconds=seconds)(scope, receive, send))
    return taken


def test_a_body_has_a_limit_that_is_counted_not_declared() -> None:
    half = b"x" * (FORM_BYTES // 2)
    assert limited("/console/login", [half, half]) == FORM_BYTES
    with pytest.raises(TooLargeError):
        limited("/console/login", [half, half, b"x"])
    assert limited("/v1/posts", [half, half, b"x"]) == FORM_BYTES + 1
    upload = [half, half, b"x" * 10_000]
    kind = b"multipart/form-data; boundary=x"
    assert limited("/console/search/picture", upload, content_type=kind) == FORM_BYTES + 10_000
    for path, sent in (("/console/search/picture", [*upload, b"x"]), ("/console/login", upload)):
        with pytest.raises(TooLargeError):
            limited(path, sent, content_type=kind)


@pytest.mark.parametrize(
    "path", ["/console/jobs/%00", "/console/queues/spam?category=%00", "/console/media/%00/concealed"]
)
def test_an_address_with_a_nul_is_refused_before_the_database_is_asked(app: FastAPI, path: str) -> None:
    assert visitor(app, "ada", queues=["spam"]).client.get(path).status_code == 422


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    with pytest.raises(BodyTimeoutError):
        limited("/console/login", [b"x"], seconds=0.05)
