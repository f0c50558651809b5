"""Accounts as administrators see and change them, and one's own sessions."""

import re

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from moderation.domain.people import Role
from moderation.settings import Settings
from moderation.storage.accounts.people import NewAccount
from moderation.storage.audit import AuditStore
from tests.review_ui.console.doors import PASSWORD, Door, application

ACCOUNTS = "/console/accounts"
SHOWN = re.compile(r'class="secret">([^<]+)<')


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return application(settings)


@pytest.fixture
def admin(app: FastAPI) -> Door:
    door = Door(app)
    door.account("root", Role.ADMIN)
    door.log_in("root")
    return door


@pytest.fixture
def ada(admin: Door) -> str:
    """The address of an ordinary account."""
    return f"{ACCOUNTS}/{admin.account(queues=frozenset({'hate'})).id}"


def test_a_new_person_signs_in_with_a_password_that_is_shown_once(app: FastAPI, admin: Door) -> None:
    made = admin.post(ACCOUNTS, ACCOUNTS, name="Bob", role="senior", queue=["hate", "spam"], display_name="Bob B")
    found = SHOWN.search(made.text)
    assert found is not None
    bob = admin.entrance.people.by_name("bob")
    assert (bob.person.role, bob.person.display_name) == (Role.SENIOR, "Bob B")
    assert bob.person.queues == {"hate", "spam"}
    page = f"{ACCOUNTS}/{bob.person.id}"
    assert found[1] not in admin.client.get(page).text + admin.client.get(ACCOUNTS).text
    door = Door(app)
    assert door.log_in("bob", found[1]).status_code == 303
    assert door.client.get("/console").headers["location"] == "/console/profile/password"
    events = AuditStore(app.state.site.database).about("account:bob")
    assert events[0].actor == "account:root"
    assert found[1] not in str(events)


def test_a_mistake_keeps_what_was_typed(admin: Door) -> None:
    answer = admin.post(ACCOUNTS, ACCOUNTS, name="not a name", role="senior", queue="hate", display_name="Bob <b>")
    assert answer.status_code == 422
    assert 'value="not a name"' in answer.text
    assert 'value="Bob &lt;b&gt;"' in answer.text
    assert re.search(r'value="hate" checked', answer.text)
    assert len(admin.entrance.people.everybody()) == 1


@pytest.mark.parametrize("queue", ["child-safety", "child-safety-leads"])
def test_a_restricted_queue_needs_its_own_tick(admin: Door, ada: str, queue: str) -> None:
    page = f"{ada}/queues"
    assert admin.post(page, ada, queue=["hate", queue]).status_code == 422
    assert admin.entrance.people.by_name("ada").person.queues == {"hate"}
    assert admin.post(page, ada, queue=["hate", queue], restricted="yes").status_code == 303
    assert admin.entrance.people.by_name("ada").person.queues == {"hate", queue}
    assert admin.post(page, ada, queue=[queue]).status_code == 303
    assert admin.post(ACCOUNTS, ACCOUNTS, name="bob", role="moderator", queue=queue).status_code == 422


def test_a_queue_that_the_plan_lacks_is_not_granted(admin: Door, ada: str) -> None:
    assert admin.post(f"{ada}/queues", ada, queue="nowhere").status_code == 422


OWN = ("role", "queues", "describe", "disable", "enable", "reset-password", "reset-totp", "connect", "sign-out")


@pytest.mark.parametrize("act", OWN)
def test_nobody_changes_their_own_account(admin: Door, act: str) -> None:
    root = admin.entrance.people.by_name("root").person
    answer = admin.post(f"{ACCOUNTS}/{root.id}/{act}", ACCOUNTS, role="senior", queue="hate", display_name="King")
    assert answer.status_code == 403
    assert admin.entrance.people.get(root.id) == root
    assert admin.is_in()
    page = admin.client.get(f"{ACCOUNTS}/{root.id}").text
    assert f"{root.id}/{act}" not in page


@pytest.mark.parametrize("act", OWN)
def test_what_is_done_to_nobody_is_not_found(admin: Door, act: str) -> None:
    assert admin.post(f"{ACCOUNTS}/nobody/{act}", ACCOUNTS, role="senior").status_code == 404


def test_role_description_and_state_are_changed_and_told(app: FastAPI, admin: Door, ada: str) -> None:
    admin.post(f"{ada}/role", ada, role="auditor")
    admin.post(f"{ada}/describe", ada, display_name="Ada L", languages="EN, pt", skills="medical")
    admin.post(f"{ada}/disable", ada)
    person = admin.entrance.people.by_name("ada").person
    assert (person.role, person.display_name) == (Role.AUDITOR, "Ada L")
    assert person.languages == {"en", "pt"}
    assert person.disabled_at is not None
    assert "Disabled since" in admin.client.get(ada).text
    admin.post(f"{ada}/enable", ada)
    events = AuditStore(app.state.site.database).about("account:ada")
    assert [(event.kind, event.actor) for event in events[1:]] == [
        (f"account.{kind}", "account:root") for kind in ("role_changed", "described", "disabled", "enabled")
    ]
    assert admin.post(f"{ada}/role", ada, role="emperor").status_code == 422


def test_disabling_shuts_an_open_browser(app: FastAPI, admin: Door, ada: str) -> None:
    door = Door(app)
    door.log_in()
    assert door.is_in()
    admin.post(f"{ada}/disable", ada)
    assert not door.is_in()
    assert door.log_in().status_code == 401


def test_a_reset_password_ends_sessions_and_must_be_changed(app: FastAPI, admin: Door, ada: str) -> None:
    door = Door(app)
    door.log_in()
    found = SHOWN.search(admin.post(f"{ada}/reset-password", ada).text)
    assert found is not None
    assert not door.is_in()
    assert door.log_in("ada", PASSWORD).status_code == 401
    assert door.log_in("ada", found[1]).status_code == 303
    assert door.client.get("/console").headers["location"] == "/console/profile/password"


def test_a_lost_second_factor_is_forgotten(app: FastAPI, admin: Door, ada: str) -> None:
    door = Door(app)
    door.enrol(admin.entrance.people.by_name("ada").person)
    door.log_in()
    assert not door.is_in()
    admin.post(f"{ada}/reset-totp", ada)
    door.log_in()
    assert door.is_in()


def test_an_identity_is_connected_only_to_a_provider_that_is_there(settings: Settings) -> None:
    app = application(settings, oidc_issuer="https://login.example", oidc_client_id="x")
    admin = Door(app)
    admin.account("root", Role.ADMIN)
    admin.log_in("root")
    ada = f"{ACCOUNTS}/{admin.account().id}"
    assert admin.post(f"{ada}/connect", ada, subject="subject-1").status_code == 303
    assert admin.entrance.people.by_name("ada").locks.issuer == "https://login.example"
    made = admin.post(ACCOUNTS, ACCOUNTS, name="bob", role="senior", subject="subject-2")
    assert SHOWN.search(made.text) is None
    assert not admin.entrance.people.by_name("bob").locks.password
    assert admin.post(f"{ada}/connect", ada, subject="subject-2").status_code == 409
    assert admin.post(f"{ada}/connect", ada, subject="").status_code == 303
    assert admin.entrance.people.by_name("ada").locks.subject == ""


def test_one_sees_and_ends_one_s_own_sessions_only(app: FastAPI, admin: Door, ada: str) -> None:
    door, other = Door(app), Door(app, **{"user-agent": "<i>Another</i>"})
    door.log_in()
    other.log_in()
    page = door.client.get("/console/profile").text
    assert "&lt;i&gt;Another&lt;/i&gt;" in page
    theirs = re.findall(r"/console/profile/sessions/([0-9a-f-]{36})/end", page)
    assert len(theirs) == 1
    assert admin.post(f"/console/profile/sessions/{theirs[0]}/end").status_code == 404
    assert other.is_in()
    door.post(f"/console/profile/sessions/{theirs[0]}/end")
    assert not other.is_in()
    other.log_in()
    door.post("/console/profile/sessions/end-others")
    assert door.is_in()
    assert not other.is_in()


def test_the_pages_take_no_more_queries_for_more_people(app: FastAPI, admin: Door) -> None:
    statements: list[str] = []
    event.listen(app.state.site.database._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def queries() -> int:
        statements.clear()
        assert admin.client.get(ACCOUNTS).status_code == 200
        return len([text for text in statements if text.startswith(("SELECT", "INSERT", "UPDATE"))])

    queries()
    before = queries()
    for number in range(20):
        new = NewAccount(f"person-{number}", Role.MODERATOR, queues=frozenset({"hate", "spam"}))
        admin.entrance.people.create(new, actor="system:test", now=admin.entrance.clock())
    assert queries() == before <= 4
