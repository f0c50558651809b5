"""Signing in at a real provider on this machine, and every way in which its answer may be wrong."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from moderation.domain.people import Role
from moderation.settings import Settings
from moderation.storage.accounts.people import NewAccount
from review_ui.app import create_app
from review_ui.console.entrance import Entrance
from tests.review_ui.conftest import settings_in
from tests.review_ui.console.identity_provider import CLIENT_ID, CLIENT_SECRET, Provider, running_provider
from tests.review_ui.console.people import entrance_of

ORIGIN = "http://testserver"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider, monkeypatch: pytest.MonkeyPatch) -> Provider:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running.tell_the_truth()
    return running


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path, provider: Provider) -> Settings:
    return settings_in(tmp_path, sqlite_template).model_copy(
        update={
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": Settings(oidc_client_secret=CLIENT_SECRET).oidc_client_secret,  # type: ignore[arg-type]
            "console_origin": ORIGIN,
        }
    )


def application(settings: Settings, **changes: Any) -> FastAPI:
    return create_app(settings.model_copy(update=changes))


def browser(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=ORIGIN, follow_redirects=False, headers={"accept": "text/html"})


def connected(app: FastAPI, subject: str = "subject-1", role: Role = Role.MODERATOR) -> Entrance:
    entrance = entrance_of(app)
    new = NewAccount("grace", role, issuer=entrance.settings.oidc_issuer, subject=subject)
    entrance.people.create(new, actor="system:test", now=entrance.clock())
    return entrance


def there(client: TestClient, target: str = "/console/profile") -> httpx.URL:
    """From the login page to the provider, and to the address that it sends the browser back to."""
    sent = client.get("/console/oidc/start", params={"next": target})
    assert sent.status_code == 303, sent.text
    answer = httpx.get(sent.headers["location"], follow_redirects=False, trust_env=False)
    assert answer.status_code == 302
    return httpx.URL(answer.headers["location"])


def back(client: TestClient, address: httpx.URL) -> Any:
    return client.get(str(address.raw_path, "ascii"))


def signed_in(client: TestClient) -> bool:
    return client.get("/console/profile").status_code == 200


def test_there_and_back(settings: Settings, provider: Provider) -> None:
    app = application(settings)
    connected(app)
    client = browser(app)
    assert "/console/oidc/start" in client.get("/console/login").text
    answer = back(client, there(client))
    assert answer.status_code == 200
    assert 'content="0;url=/console/profile"' in answer.text
    cookies = answer.headers.get_list("set-cookie")
    assert [cookie for cookie in cookies if cookie.startswith("session=") and "SameSite=strict" in cookie]
    assert [cookie for cookie in cookies if cookie.startswith("oidc=") and "Max-Age=0" in cookie]
    page = client.get("/console/profile")
    assert page.status_code == 200
    assert "grace" in page.text
    assert "no password" in page.text or "none: only single sign-on" in page.text


def test_the_request_has_state_nonce_and_pkce_and_none_tells_of_another(settings: Settings) -> None:
    client = browser(application(settings))
    first, second = (parse_qs(urlsplit(client.get("/console/oidc/start").headers["location"]).query) for _ in range(2))
    secrets = {first[name][0] for name in ("state", "nonce", "code_challenge")}
    assert len(secrets | {second[name][0] for name in ("state", "nonce", "code_challenge")}) == 6
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == [f"{ORIGIN}/console/oidc/callback"]


NOW = int(time.time())
WRONG: dict[str, dict[str, Any]] = {
    "another nonce": {"lies": {"nonce": "another"}},
    "no nonce": {"lies": {"nonce": None}},
    "another audience": {"lies": {"aud": "somebody-else"}},
    "no audience": {"lies": {"aud": None}},
    "two audiences, authorized for the other": {"lies": {"aud": [CLIENT_ID, "other"], "azp": "other"}},
    "two audiences, authorized for nobody": {"lies": {"aud": [CLIENT_ID, "other"]}},
    "another issuer": {"lies": {"iss": "https://elsewhere.example"}},
    "no issuer": {"lies": {"iss": None}},
    "expired": {"lies": {"exp": NOW - 3_600}},
    "no end": {"lies": {"exp": None}},
    "from the future": {"lies": {"iat": NOW + 3_600, "nbf": NOW + 3_600}},
    "no subject": {"lies": {"sub": None}},
    "an empty subject": {"lies": {"sub": ""}},
    "a subject that is no text": {"lies": {"sub": 17}},
    "another access token's": {"lies": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "signed by nobody": {"signs": "nothing"},
    "signed with the client's secret": {"signs": "secret"},
    "signed with another key": {"signs": "wrong"},
    "signed with a key that is not there": {"header": {"kid": "two"}},
    "sent by another issuer": {"says_issuer": "https://elsewhere.example"},
    "sent by nobody, which the provider promised to say": {
        "metadata": {"authorization_response_iss_parameter_supported": True}
    },
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_an_answer_that_does_not_hold_lets_nobody_in(
    settings: Settings, provider: Provider, wrong: dict[str, Any]
) -> None:
    app = application(settings)
    connected(app)
    for name, value in wrong.items():
        setattr(provider, name, value)
    client = browser(app)
    answer = back(client, there(client))
    assert answer.status_code == 403
    assert "did not work" in answer.text
    assert not signed_in(client)
    assert "session" not in client.cookies


def test_what_the_provider_says_of_itself_is_taken_with_its_issuer(settings: Settings, provider: Provider) -> None:
    provider.says_issuer = provider.issuer
    provider.metadata = {"authorization_response_iss_parameter_supported": True}
    app = application(settings)
    connected(app)
    client = browser(app)
    back(client, there(client))
    assert signed_in(client)


def test_another_browser_s_answer_is_refused(settings: Settings, provider: Provider) -> None:
    app = application(settings)
    connected(app)
    attacker, victim = browser(app), browser(app)
    address = there(attacker)
    assert back(victim, address).status_code == 403
    there(victim)
    assert back(victim, address).status_code == 403
    assert "token" not in provider.requests
    assert not signed_in(victim)
    back(attacker, address)
    assert signed_in(attacker)


def test_an_answer_counts_once(settings: Settings) -> None:
    app = application(settings)
    connected(app)
    client = browser(app)
    address = there(client)
    back(client, address)
    client.cookies.delete("session")
    assert back(client, address).status_code == 403
    assert not signed_in(client)


def test_a_refusal_of_the_provider_is_told_without_its_words(settings: Settings) -> None:
    client = browser(application(settings))
    state = there(client).params["state"]
    answer = client.get(
        "/console/oidc/callback", params={"error": "<b>no</b>", "error_description": "x", "state": state}
    )
    assert answer.status_code == 403
    assert "did not sign you in" in answer.text
    assert "<b>no" not in answer.text


def test_the_way_back_leads_into_the_console_only(settings: Settings) -> None:
    app = application(settings)
    connected(app)
    client = browser(app)
    answer = back(client, there(client, "https://evil.example/console"))
    assert 'url=/console"' in answer.text
    assert "evil" not in answer.text


def test_whoever_has_no_account_stays_outside(settings: Settings) -> None:
    client = browser(application(settings))
    answer = back(client, there(client))
    assert answer.status_code == 403
    assert "no account" in answer.text


def test_a_name_is_not_an_account(settings: Settings) -> None:
    app = application(settings, oidc_create=True)
    entrance = entrance_of(app)
    entrance.people.create(NewAccount("grace", Role.ADMIN), actor="system:test", now=entrance.clock())
    client = browser(app)
    answer = back(client, there(client))
    assert answer.status_code == 403
    assert "with your name already" in answer.text
    assert not signed_in(client)


def test_an_account_is_made_where_the_settings_say_so_and_may_work_nowhere(settings: Settings) -> None:
    app = application(settings, oidc_create=True)
    client = browser(app)
    back(client, there(client))
    assert signed_in(client)
    made = entrance_of(app).people.by_name("grace")
    assert (made.person.role, made.person.queues) == (Role.MODERATOR, frozenset())
    assert made.locks.subject == "subject-1"
    assert not made.locks.password


@pytest.mark.parametrize("name", [None, "", "../../x", "a b", "x" * 65])
def test_no_account_is_made_under_a_name_that_is_none(settings: Settings, provider: Provider, name: str | None) -> None:
    provider.user = {"sub": "subject-1", "preferred_username": name}
    client = browser(application(settings, oidc_create=True))
    assert back(client, there(client)).status_code == 403


def test_groups_decide_on_the_role_every_time(settings: Settings, provider: Provider) -> None:
    roles = {"leads": Role.SENIOR, "staff": Role.MODERATOR}
    app = application(settings, oidc_role_claim="groups", oidc_roles=roles)
    entrance = connected(app)
    for groups, role in ((["staff", "leads"], Role.SENIOR), ("staff", Role.MODERATOR)):
        provider.user = {"sub": "subject-1", "groups": groups}
        client = browser(app)
        back(client, there(client))
        assert signed_in(client)
        assert entrance.people.by_name("grace").person.role is role
    for nothing in ([], None, {"leads": True}, 17, ["Leads"]):
        provider.user = {"sub": "subject-1", "groups": nothing}
        client = browser(app)
        assert back(client, there(client)).status_code == 403
        assert not signed_in(client)


def test_a_disabled_account_stays_outside(settings: Settings) -> None:
    app = application(settings)
    entrance = connected(app)
    entrance.people.disable(entrance.people.by_name("grace").person.id, actor="system:test", now=entrance.clock())
    client = browser(app)
    assert back(client, there(client)).status_code == 403


def test_the_session_before_ends(settings: Settings) -> None:
    app = application(settings)
    connected(app)
    client = browser(app)
    back(client, there(client))
    before = client.cookies["session"]
    back(client, there(client))
    assert client.cookies["session"] != before
    client.cookies.clear()
    client.cookies.set("session", before)
    assert not signed_in(client)


def test_a_provider_that_does_not_answer_is_told(settings: Settings) -> None:
    client = browser(application(settings, oidc_issuer="http://127.0.0.1:9"))
    answer = client.get("/console/oidc/start")
    assert answer.status_code == 503
    assert "does not answer" in answer.text


def test_a_provider_that_is_another_one_is_refused(settings: Settings, provider: Provider) -> None:
    provider.metadata = {"issuer": "https://elsewhere.example"}
    assert browser(application(settings)).get("/console/oidc/start").status_code == 503


def test_without_a_provider_there_is_no_way(settings: Settings) -> None:
    client = browser(application(settings, oidc_issuer=""))
    assert client.get("/console/oidc/start").status_code == 404
    assert client.get("/console/oidc/callback?code=x&state=y").status_code == 404
    assert "/console/oidc" not in client.get("/console/login").text


def test_nothing_of_the_exchange_is_logged(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    app = application(settings)
    connected(app)
    client = browser(app)
    address = there(client)
    back(client, address)
    printed = capsys.readouterr()
    for secret in (address.params["code"], address.params["state"], client.cookies["session"], CLIENT_SECRET):
        assert secret not in printed.out + printed.err
