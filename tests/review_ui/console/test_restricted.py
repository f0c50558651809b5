"""Restricted pages on the real application. Synthetic stand-ins only: drawn squares, and words about nothing."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from moderation.domain.ids import PostId
from moderation.domain.people import Role
from moderation.settings import Settings
from moderation.storage.review.cybertips import CyberTipState
from review_ui.app import create_app
from review_ui.console.desk import Desk
from review_ui.site import open_site
from tests.reporting.service import PASSWORD, USERNAME, Service, running
from tests.review_ui.conftest import settings_in
from tests.review_ui.console.floor import HTML, Floor, Worker
from tests.review_ui.console.listed import desk_of

CASES = "/console/restricted"
QUEUE = "child-safety"
ANSWERS = {
    "incident_type": "Misleading Words or Digital Images on the Internet",
    "incident_at": "2026-03-01T12:00",
    "viewed_file": "yes",
    "viewed_exif": "no",
    "moderator_note": "synthetic stand-in",
    "annotations": "generativeAi",
    "publicly_available": "no",
}


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as started:
        yield started


@pytest.fixture
def settings(tmp_path: Path, sqlite_template: Path, request: pytest.FixtureRequest) -> Settings:
    """As everywhere, with a reporter; a test that asks for `service` may file with it."""
    changes: dict[str, object] = {
        "cybertip_company": "Example Feed Ltd",
        "cybertip_platform": "Example Feed",
        "cybertip_email": "safety@feed.example",
    }
    if "service" in request.fixturenames:
        changes |= {
            "cybertip_submit": True,
            "cybertip_submit_reason": "a test with a service of its own",
            "cybertip_url": request.getfixturevalue("service").url,
            "cybertip_user": USERNAME,
            "cybertip_password": PASSWORD,
        }
    made = settings_in(tmp_path, sqlite_template)
    return Settings.model_validate(made.model_dump() | changes)


@pytest.fixture
def floor(app: FastAPI) -> Floor:
    return Floor(app, desk_of(app))


@pytest.fixture
def desk(floor: Floor) -> Desk:
    return floor.desk


@pytest.fixture
def post_id(floor: Floor) -> PostId:
    return floor.held(queue=QUEUE, category="minors", caption="synthetic stand-in")


@pytest.fixture
def ada(floor: Floor) -> Worker:
    return floor.person("ada", queues=(QUEUE, "spam"))


def case(who: Worker, post_id: str) -> str:
    answer = who.client.get(f"{CASES}/posts/{post_id}", headers=HTML)
    assert answer.status_code == 200
    return answer.text


def written_at(desk: Desk, post_id: PostId) -> str:
    report = desk.cybertips.of_post(post_id)
    return "" if report is None else report.written_at.isoformat()


def test_opening_a_restricted_job_preserves_its_posts(desk: Desk, floor: Floor, ada: Worker, post_id: PostId) -> None:
    job = floor.job_of(post_id)
    assert desk.evidence.of_post(post_id) is None
    assert ada.open(job.id).status_code == 200
    held = desk.evidence.of_post(post_id)
    assert held is not None
    assert (held.placed_by, held.reason) == ("account:ada", f"A job of the restricted queue {QUEUE} was opened.")


def test_an_ordinary_job_preserves_nothing(desk: Desk, floor: Floor, ada: Worker) -> None:
    post_id = floor.held(3)
    assert ada.open(floor.job_of(post_id).id).status_code == 200
    assert desk.evidence.of_post(post_id) is None


def test_a_rejection_for_the_gravest_harm_preserves_an_ordinary_post(desk: Desk, floor: Floor, ada: Worker) -> None:
    post_id = floor.held(3)
    job = floor.job_of(post_id)
    ada.open(job.id)
    answer = ada.decide(job.id, "reject:minors", reason="depiction")
    assert answer.status_code == 200
    held = desk.evidence.of_post(post_id)
    assert held is not None
    assert held.reason == "It was rejected under minors."


@pytest.mark.parametrize("role", list(Role))
def test_no_role_alone_lets_anybody_in(floor: Floor, post_id: PostId, desk: Desk, role: Role) -> None:
    somebody = floor.person("somebody", role, queues=("spam", "adult"))
    assert somebody.client.get(CASES, headers=HTML).status_code == 403
    for path in ("", "/report.xml"):
        assert somebody.client.get(f"{CASES}/posts/{post_id}{path}", headers=HTML).status_code == 404
    for path in ("/report", "/file"):
        assert somebody.form(f"{CASES}/posts/{post_id}{path}", **ANSWERS).status_code in {403, 404}
    assert desk.cybertips.of_post(post_id) is None
    assert desk.evidence.of_post(post_id) is None, "who is not let in changes nothing"


def test_nothing_of_the_picture_is_on_the_pages(ada: Worker, post_id: PostId) -> None:
    page = case(ada, post_id)
    assert "/console/media/" not in page
    assert "<noscript" not in page
    assert "data-restricted" in page
    assert ada.client.get(f"/console/media/{post_id}/concealed").status_code == 404


def test_the_list_shows_what_is_preserved_to_those_who_may_see_it(
    floor: Floor, ada: Worker, post_id: PostId, desk: Desk
) -> None:
    other = floor.held(5, queue="child-safety-leads", category="minors")
    case(ada, post_id)
    desk.evidence.place([other], "why", person=ada.visitor.person, now=desk.clock())
    page = ada.client.get(CASES, headers=HTML)
    assert page.status_code == 200
    assert f"{CASES}/posts/{post_id}" in page.text
    assert other not in page.text
    assert "Not written" in page.text
    assert "switched off" in page.text


def test_an_ordinary_post_has_no_such_page(floor: Floor, ada: Worker, desk: Desk) -> None:
    post_id = floor.held(3)
    assert ada.client.get(f"{CASES}/posts/{post_id}", headers=HTML).status_code == 404
    assert ada.client.get(f"{CASES}/posts/nothing", headers=HTML).status_code == 404
    assert desk.evidence.of_post(post_id) is None


def test_a_report_is_drafted_kept_and_handed_over(ada: Worker, post_id: PostId, desk: Desk) -> None:
    assert "things to mend before it can be filed" in case(ada, post_id)
    answer = ada.form(f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS, expected="")
    assert answer.status_code == 303
    assert "done=saved" in answer.headers["location"]
    page = case(ada, post_id)
    assert "Complete and valid" in page
    assert "Filing from here is switched off" in page
    for name, root in (("report.xml", b"<report"), ("file-details.xml", b"<fileDetails")):
        document = ada.client.get(f"{CASES}/posts/{post_id}/{name}")
        assert document.headers["content-type"].startswith("application/xml")
        assert "attachment" in document.headers["content-disposition"]
        assert root in document.content
    assert ada.client.get(f"{CASES}/posts/{post_id}/other.xml").status_code == 404
    stored = desk.cybertips.of_post(post_id)
    assert stored is not None
    assert stored.state is CyberTipState.DRAFT


def test_an_unfinished_report_is_kept_too(ada: Worker, post_id: PostId) -> None:
    unfinished = ANSWERS | {"viewed_file": "", "moderator_note": "half a senten"}
    assert ada.form(f"{CASES}/posts/{post_id}/report", HTML, **unfinished, expected="").status_code == 303
    page = case(ada, post_id)
    assert "half a senten" in page
    assert "1 thing to mend" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"incident_type": "Something else"},
        {"incident_at": "yesterday"},
        {"viewed_file": "perhaps"},
        {"annotations": "nothing"},
        {"ip_at": "25:00"},
        {"moderator_note": "long " * 5_000},
        {"expected": "yesterday"},
        {"expected": "2026-03-01T12:00:00"},
    ],
)
def test_a_form_that_cannot_be_read_keeps_what_was_typed(
    ada: Worker, post_id: PostId, desk: Desk, wrong: dict[str, str]
) -> None:
    sent = {**ANSWERS, "screen_name": "<i>typed</i>", "expected": "", **wrong}
    answer = ada.form(f"{CASES}/posts/{post_id}/report", HTML, **sent)
    assert answer.status_code == 422
    assert "&lt;i&gt;typed&lt;/i&gt;" in answer.text
    assert desk.cybertips.of_post(post_id) is None


def test_nobody_overwrites_a_report_they_have_not_seen(ada: Worker, post_id: PostId, floor: Floor) -> None:
    bea = floor.person("bea", queues=(QUEUE,))
    assert ada.form(f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS, expected="").status_code == 303
    answer = bea.form(
        f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS | {"moderator_note": "what bea typed"}, expected=""
    )
    assert answer.status_code == 409
    assert "what bea typed" in answer.text
    assert "what bea typed" not in case(ada, post_id)


def test_readers_with_a_grant_read_and_do_not_write(floor: Floor, post_id: PostId, desk: Desk) -> None:
    reader = floor.person("rea", Role.AUDITOR, queues=(QUEUE,))
    assert "people who decide write them" in case(reader, post_id)
    assert reader.form(f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS).status_code == 403
    assert reader.form(f"{CASES}/posts/{post_id}/file", HTML, sure="yes").status_code == 403
    assert desk.cybertips.of_post(post_id) is None


def test_without_the_switch_nothing_is_filed(ada: Worker, post_id: PostId, desk: Desk) -> None:
    ada.form(f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS, expected="")
    answer = ada.form(f"{CASES}/posts/{post_id}/file", HTML, sure="yes", expected=written_at(desk, post_id))
    assert answer.status_code == 403
    assert "the switch for filing is off" in answer.text


def test_a_report_is_filed_when_a_person_confirms_it(
    ada: Worker, post_id: PostId, desk: Desk, service: Service
) -> None:
    ada.form(f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS, expected="")
    expected = written_at(desk, post_id)
    path = f"{CASES}/posts/{post_id}/file"
    for sent in ({"expected": expected}, {"sure": "yes", "expected": ""}, {"sure": "yes", "expected": "2026-03-01"}):
        assert ada.form(path, HTML, **sent).status_code == 422
    stale = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    assert ada.form(path, HTML, sure="yes", expected=stale).status_code == 409
    assert service.reports == {}
    answer = ada.form(path, HTML, sure="yes", expected=expected)
    assert answer.status_code == 303
    (number,) = service.reports
    assert f"Filed as report {number}" in ada.client.get(answer.headers["location"], headers=HTML).text
    assert "can no longer be changed" in case(ada, post_id)
    assert ada.form(f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS, expected=expected).status_code == 409


def test_two_people_who_file_at_once_file_one_report(
    floor: Floor, ada: Worker, post_id: PostId, desk: Desk, service: Service
) -> None:
    bea = floor.person("bea", queues=(QUEUE,))
    ada.form(f"{CASES}/posts/{post_id}/report", HTML, **ANSWERS, expected="")
    expected, start, found = written_at(desk, post_id), threading.Barrier(2), list[int]()

    def go(who: Worker) -> None:
        start.wait()
        found.append(who.form(f"{CASES}/posts/{post_id}/file", HTML, sure="yes", expected=expected).status_code)

    threads = [threading.Thread(target=go, args=(who,)) for who in (ada, bea)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [303, 409]
    assert [report.state for report in service.reports.values()] == ["finished"]


def test_a_hold_outlives_the_application(settings: Settings, ada: Worker, post_id: PostId) -> None:
    case(ada, post_id)
    again = create_app(site=open_site(settings))
    assert desk_of(again).evidence.of_post(post_id) is not None
