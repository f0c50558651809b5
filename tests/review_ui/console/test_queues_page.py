import pytest
from fastapi import FastAPI

from moderation.domain.people import Role
from review_ui.console import queues_page
from review_ui.console.work import open_job
from tests.review_ui.console.listed import add_jobs, desk_of, statements
from tests.review_ui.console.people import Visitor, visitor

PATH = "/console/queues"


@pytest.fixture
def ada(app: FastAPI) -> Visitor:
    return visitor(app, "ada", queues=["adult", "spam"])


def test_queues_are_listed_with_what_waits(app: FastAPI, ada: Visitor) -> None:
    add_jobs(desk_of(app), 3)
    page = ada.client.get(PATH).text
    mine, others = page.split('id="others-title"')
    assert "Adult content" in mine
    assert '<b data-live-queue="open">3</b>' in mine
    assert "Violence" in others
    assert "/console/queues/adult/grid" in mine
    assert "/console/queues/violence/grid" not in page


def test_nobody_learns_what_is_in_a_restricted_queue(app: FastAPI) -> None:
    add_jobs(desk_of(app), 1, queue="child-safety")
    lead = visitor(app, "paul", Role.ADMIN)
    page = lead.client.get(PATH).text
    assert "Child safety" in page
    assert "Only people who were let in" in page
    assert f"{PATH}/child-safety" not in page
    assert lead.client.get(f"{PATH}/child-safety").status_code == 404
    trained = visitor(app, "grace", Role.SENIOR, queues=["child-safety"]).client.get(f"{PATH}/child-safety").text
    assert "/concealed" not in trained
    assert "A caption" not in trained
    assert "/console/jobs/" in trained


def test_jobs_stand_in_order_with_their_priority_explained(app: FastAPI, ada: Visitor) -> None:
    jobs = add_jobs(desk_of(app), 3)
    page = ada.client.get(f"{PATH}/adult").text
    places = [page.index(job.id) for job in jobs]
    assert places == sorted(places)
    for told in ("severity 50 of 100", "h to its deadline", "the author has 12 published posts", "no appeal"):
        assert told in page


def test_leads_see_what_nobody_can_take(app: FastAPI) -> None:
    add_jobs(desk_of(app), 2)
    lead = visitor(app, "sena", Role.SENIOR, queues=["spam"])
    assert "2 that nobody can take" in lead.client.get(PATH).text
    assert "nobody can take" not in visitor(app, "ada", queues=["adult"]).client.get(PATH).text
    assert "nobody can take" not in lead.client.get(PATH).text


def test_who_has_a_job_is_told(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    job = add_jobs(desk, 1)[0]
    open_job(desk, visitor(app, "bo", queues=["adult"]).person, job.id)
    assert "with Bo" in ada.client.get(f"{PATH}/adult").text


def test_a_lead_assigns_a_job(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    job = add_jobs(desk, 1)[0]
    lead = visitor(app, "grace", Role.SENIOR, queues=["adult"])
    fields = {"csrf": lead.csrf, "job": job.id, "to": ada.person.id}
    assert lead.client.post(f"{PATH}/adult/assign", data=fields).status_code == 303
    found = desk.queue.get(job.id)
    assert found is not None
    assert found.assigned_to == ada.person.id
    assert lead.client.post(f"{PATH}/spam/assign", data=fields).status_code == 404
    assert ada.client.post(f"{PATH}/adult/assign", data=fields | {"csrf": ada.csrf}).status_code == 403


def test_a_category_narrows_the_list_and_unknown_queues_are_none(app: FastAPI, ada: Visitor) -> None:
    add_jobs(desk_of(app), 1)
    assert "It looks adult" in ada.client.get(f"{PATH}/adult", params={"category": "adult"}).text
    assert "Nothing waits in this category" in ada.client.get(f"{PATH}/adult", params={"category": "spam"}).text
    assert ada.client.get(f"{PATH}/nothing").status_code == 404
    assert ada.client.get(f"{PATH}/adult", params={"cursor": "x"}).status_code == 422


@pytest.mark.parametrize("path", [PATH, f"{PATH}/adult"])
def test_the_statements_do_not_grow_with_the_jobs(app: FastAPI, ada: Visitor, path: str) -> None:
    desk = desk_of(app)
    counts = []
    for more in (1, 12):
        add_jobs(desk, more)
        ada.client.get(path)
        with statements(desk) as seen:
            assert ada.client.get(path).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_pages_follow_each_other(app: FastAPI, ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues_page, "PAGE", 2)
    jobs = add_jobs(desk_of(app), 3)
    first = ada.client.get(f"{PATH}/adult").text
    href = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = ada.client.get(href).text
    assert [job.id in first for job in jobs] == [True, True, False]
    assert [job.id in second for job in jobs] == [False, False, True]
