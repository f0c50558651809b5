import pytest
from fastapi import FastAPI

from moderation.domain.people import Role
from review_ui.console import audit_page
from tests.review_ui.console.listed import add_post, desk_of, statements
from tests.review_ui.console.people import Visitor, visitor
from tests.storage.tampering import run, unprotect

PATH = "/console/audit"


@pytest.fixture
def iris(app: FastAPI) -> Visitor:
    return visitor(app, "iris", Role.AUDITOR)


def test_events_are_filtered(app: FastAPI, iris: Visitor) -> None:
    post = add_post(desk_of(app), "A quiet lake")
    assert "post.received" in iris.client.get(PATH).text
    assert "post.received" in iris.client.get(PATH, params={"subject": post.id}).text
    assert "post.received" in iris.client.get(PATH, params={"actor": "client:client-1", "kind": "post.received"}).text
    assert "No event fits" in iris.client.get(PATH, params={"kind": "post.published"}).text
    assert iris.client.get(PATH, params={"upto": "many"}).status_code == 422
    assert iris.client.get(PATH, params={"cursor": "x"}).status_code == 422


def test_only_auditors_read_it(app: FastAPI) -> None:
    for role in set(Role) - {Role.AUDITOR}:
        assert visitor(app, role.value, role).client.get(PATH).status_code == 403


def test_the_chain_is_verified_on_request(app: FastAPI, iris: Visitor) -> None:
    assert "Not verified since" in iris.client.get(PATH).text
    assert iris.client.post(f"{PATH}/verify", data={"csrf": iris.csrf}).status_code == 303
    assert "The chain holds" in iris.client.get(PATH).text


def test_an_edit_is_told(app: FastAPI, iris: Visitor) -> None:
    database = desk_of(app).database
    add_post(desk_of(app), "A quiet lake")
    unprotect(database, "audit_events")
    run(database, "UPDATE audit_events SET actor = 'nobody' WHERE number = 2")
    iris.client.post(f"{PATH}/verify", data={"csrf": iris.csrf})
    page = iris.client.get(PATH).text
    assert "The chain does not hold" in page
    assert "Event 2" in page


def test_pages_go_on_and_take_as_many_statements(app: FastAPI, iris: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_page, "PAGE", 3)
    desk = desk_of(app)
    counts = []
    for more in (0, 8):
        for number in range(more):
            add_post(desk, f"lake {number}")
        with statements(desk) as seen:
            page = iris.client.get(PATH).text
        counts.append(len(seen))
    assert counts[0] == counts[1]
    href = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert 'rel="next"' in iris.client.get(href).text
