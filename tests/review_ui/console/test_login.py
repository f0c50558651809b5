"""Signing in and out in a browser, and what an attacker tries at the door."""

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.people import Role
from moderation.settings import Settings
from review_ui.console.targets import HOME, safe_target
from tests.review_ui.console.doors import ANOTHER, PASSWORD, Door, application


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return application(settings)


@pytest.fixture
def door(app: FastAPI) -> Door:
    made = Door(app)
    made.account()
    return made


def test_somebody_signs_in_and_goes_where_they_wanted(door: Door) -> None:
    sent = door.client.get("/console/profile?x=1")
    assert sent.headers["location"] == "/console/login?next=%2Fconsole%2Fprofile%3Fx%3D1"
    assert 'value="/console/profile?x=1"' in door.client.get(sent.headers["location"]).text
    answer = door.log_in(next="/console/profile?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/profile?x=1")
    assert door.is_in()
    assert door.client.get("/console/login?next=/console/queues").headers["location"] == "/console/queues"


def test_the_cookie_is_out_of_reach(door: Door) -> None:
    cookie = next(item for item in door.log_in().headers.get_list("set-cookie") if item.startswith("session="))
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "path=/", "samesite=strict"} <= attributes
    assert not any(part.startswith(("domain", "max-age", "expires")) for part in attributes)


@pytest.mark.parametrize("how", ["scheme", "setting"])
def test_over_tls_the_cookie_belongs_to_this_host_alone(settings: Settings, how: str) -> None:
    origin = "https://moderation.example"
    app = application(settings, console_origin=origin if how == "setting" else "")
    door = Door(app, base_url=origin)
    door.account()
    cookies = door.log_in().headers.get_list("set-cookie")
    session = next(item for item in cookies if item.startswith("__Host-session="))
    assert {"secure", "httponly", "path=/", "samesite=strict"} <= {part.strip().lower() for part in session.split(";")}
    assert door.is_in()
    plain = Door(app, base_url=origin)
    plain.client.cookies.set("session", door.client.cookies["__Host-session"])
    assert not plain.is_in()


def test_wrong_and_unknown_look_alike(door: Door) -> None:
    names = ("ada", "nobody")
    answers = [door.log_in(name, "x") for name in names]
    pages = [re.sub(rf"\b{name}\b", "NAME", answer.text) for answer, name in zip(answers, names, strict=True)]
    assert pages[0] == pages[1]
    assert {answer.status_code for answer in answers} == {401}
    assert "session" not in door.client.cookies
    assert PASSWORD not in pages[0]


def test_too_many_tries_are_told_and_the_right_password_waits_too(door: Door) -> None:
    for _ in range(5):
        door.log_in("ada", "x")
    answer = door.log_in()
    assert answer.status_code == 429
    assert "Try again in 15 minutes" in answer.text
    assert not door.is_in()


def test_a_session_that_was_planted_is_not_the_one_that_gets_in(app: FastAPI, door: Door) -> None:
    attacker = Door(app)
    attacker.account("mallory")
    attacker.log_in("mallory")
    form = {"csrf": door.token(), "name": "ada", "password": PASSWORD}
    door.client.cookies.set("session", attacker.cookie)
    answer = door.client.post("/console/login", data=form)
    assert "session=" in answer.headers["set-cookie"]
    assert attacker.cookie not in answer.headers["set-cookie"]
    assert not attacker.is_in()


def test_a_login_form_of_another_browser_is_refused(app: FastAPI, door: Door) -> None:
    attacker = Door(app)
    attacker.account("mallory")
    form = {"csrf": attacker.token(), "name": "mallory", "password": PASSWORD}
    assert door.client.post("/console/login", data=form).status_code == 403
    door.token()
    assert door.client.post("/console/login", data=form).status_code == 403
    assert door.client.post("/console/login", data=form | {"csrf": ""}).status_code == 403
    assert "session" not in door.client.cookies


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "same-site"}])
def test_a_login_from_another_site_is_refused(door: Door, headers: dict[str, str]) -> None:
    form = {"csrf": door.token(), "name": "ada", "password": PASSWORD}
    assert door.client.post("/console/login", data=form, headers=headers).status_code == 403


HOSTILE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/console//evil.example",
    "/console/../../x",
    "/console/%2e%2e/x",
    "/console/\r\nSet-Cookie: a=b",
    "/console@evil.example",
    "/console.evil.example",
    "javascript:alert(1)",
    "/consolex",
    "/v1/feed",
    "/console/login?next=/console",
    "/console/logout",
    "/console/oidc/start",
    "",
    "/console/" + "x" * 2_000,
]


@pytest.mark.parametrize("target", HOSTILE)
def test_nobody_is_sent_elsewhere(door: Door, target: str) -> None:
    assert safe_target(target) == HOME
    page = door.client.get("/console/login", params={"next": target})
    assert 'name="next" value="/console"' in page.text
    assert door.log_in(next=target).headers["location"] == "/console"


@given(st.text(alphabet=st.sampled_from("/\\.:?&=%@#console;evil\t\n\r "), max_size=40))
def test_a_target_is_always_a_path_of_ours(text: str) -> None:
    for wanted in (text, "/console" + text, "/console/" + text):
        target = safe_target(wanted)
        assert target == HOME or target.startswith(("/console/", "/console?"))
        assert "//" not in target.partition("?")[0]
        assert not set(target) & set("\\\r\n\t #;")


def test_signing_out_ends_the_session_on_the_server(door: Door) -> None:
    door.log_in()
    secret = door.cookie
    assert door.post("/console/logout").headers["location"] == "/console/login"
    assert not door.is_in()
    assert not door.with_cookie(secret).is_in()


def test_a_second_factor_stands_between_the_password_and_everything(door: Door) -> None:
    totp, _ = door.enrol(door.entrance.people.by_name("ada").person)
    answer = door.log_in(next="/console/queues")
    where = answer.headers["location"]
    assert where == "/console/login/code?next=%2Fconsole%2Fqueues"
    assert not door.is_in()
    assert door.client.get("/console/profile").headers["location"].startswith("/console/login/code?next=")
    half = door.cookie
    wrong = door.post("/console/login/code", where, code="000000", next="/console/queues")
    assert wrong.status_code == 401
    code = totp.at(door.entrance.clock())
    right = door.post("/console/login/code", where, code=code, next="/console/queues")
    assert right.headers["location"] == "/console/queues"
    assert door.is_in()
    assert door.cookie != half
    assert not door.with_cookie(half).is_in()
    again = Door(door.app)
    again.log_in()
    assert again.post("/console/login/code", "/console/login/code", code=code).status_code == 401
    assert not again.is_in()


def test_a_recovery_code_lets_in_once(door: Door) -> None:
    _, codes = door.enrol(door.entrance.people.by_name("ada").person)
    for expected in (303, 401):
        browser = Door(door.app)
        browser.log_in()
        sent = browser.post("/console/login/code", "/console/login/code", code=codes[0])
        assert sent.status_code == expected
        assert browser.is_in() is (expected == 303)


def test_a_given_password_must_be_replaced_first(app: FastAPI) -> None:
    door = Door(app)
    door.account(must_change=True)
    door.log_in()
    assert door.client.get("/console").headers["location"] == "/console/profile/password"
    page = "/console/profile/password"
    for new, again in ((PASSWORD, PASSWORD), (ANOTHER, ANOTHER + "x"), ("short", "short")):
        assert door.post(page, page, current=PASSWORD, new=new, again=again).status_code == 422
    assert door.post(page, page, current="x", new=ANOTHER, again=ANOTHER).status_code == 422
    before = door.cookie
    assert door.post(page, page, current=PASSWORD, new=ANOTHER, again=ANOTHER).status_code == 303
    assert door.is_in()
    assert not door.with_cookie(before).is_in()


def test_changing_the_password_signs_out_the_other_browsers(app: FastAPI, door: Door) -> None:
    other = Door(app)
    other.log_in()
    door.log_in()
    page = "/console/profile/password"
    door.post(page, page, current=PASSWORD, new=ANOTHER, again=ANOTHER)
    assert door.is_in()
    assert not other.is_in()


def test_where_everybody_needs_a_second_factor_it_is_set_up_first(settings: Settings) -> None:
    door = Door(application(settings, console_require_totp=True))
    door.account()
    door.log_in()
    assert door.client.get("/console").headers["location"] == "/console/profile/totp"
    assert "Everybody needs one here" in door.client.get("/console/profile/totp").text


def test_a_login_outlives_a_restart_and_not_its_time(settings: Settings, door: Door) -> None:
    door.log_in()
    assert Door(application(settings)).with_cookie(door.cookie).is_in()
    idle = application(settings)
    clock = door.entrance.clock
    set_clock(idle, lambda: clock() + timedelta(seconds=settings.console_idle_seconds))
    assert not Door(idle).with_cookie(door.cookie).is_in()


def test_what_pages_ask_for_by_themselves_keeps_no_session_alive(app: FastAPI, door: Door) -> None:
    door.log_in()
    session = door.entrance.sessions.of(door.entrance.people.by_name("ada").person.id, now=door.entrance.clock())[0]
    clock = door.entrance.clock
    set_clock(app, lambda: clock() + timedelta(seconds=600))
    door.client.post("/console/heartbeat", json={"jobs": []}, headers={"x-csrf-token": session.csrf})
    found = door.entrance.sessions.find(door.cookie, now=clock())
    assert found is not None
    assert found.session.seen_at == session.seen_at
    assert door.is_in()
    found = door.entrance.sessions.find(door.cookie, now=clock())
    assert found is not None
    assert found.session.seen_at > session.seen_at


def test_power_that_was_taken_is_gone_with_the_next_request(door: Door) -> None:
    person = door.account("root", Role.ADMIN)
    door.account("other", Role.ADMIN)
    door.log_in("root")
    assert door.client.get("/console/accounts").status_code == 200
    people, now = door.entrance.people, door.entrance.clock()
    people.set_role(person.id, Role.AUDITOR, actor="account:other", now=now)
    assert door.client.get("/console/accounts").status_code == 403
    people.disable(person.id, actor="account:other", now=now)
    assert door.client.get("/console/accounts").status_code == 303


def test_a_link_from_elsewhere_finds_the_session(door: Door) -> None:
    """The browser keeps the cookie back when another site's link leads here; our own page's request has it."""
    came = door.client.get("/console/profile?a=1&b=2", headers={"sec-fetch-site": "cross-site"})
    assert came.status_code == 200
    assert 'content="0;url=/console/profile?a=1&amp;b=2"' in came.text
    door.log_in()
    assert door.is_in()


def test_nothing_secret_is_logged(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.log_in("ada", "the wrong password")
    door.log_in()
    door.is_in()
    printed = capsys.readouterr()
    for secret in (PASSWORD, "the wrong password", door.cookie):
        assert secret not in printed.out + printed.err


def test_a_form_that_is_too_large_is_refused(door: Door) -> None:
    answer = door.client.post("/console/login", data={"csrf": "x", "name": "x" * 1_100_000})
    assert answer.status_code == 413


@pytest.mark.parametrize("fields", [{}, {"name": "\0", "password": "\0"}, {"password": "x" * 10_000}])
def test_an_odd_form_is_an_ordinary_refusal(door: Door, fields: dict[str, str]) -> None:
    assert door.post("/console/login", "/console/login", **fields).status_code in {401, 422}


def set_clock(app: FastAPI, clock: Callable[[], Any]) -> None:
    """The same application at another time."""
    app.state.entrance = dataclasses.replace(app.state.entrance, clock=clock)
