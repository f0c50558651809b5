"""Pictures for people: never the author's bytes, each look audited, nothing coarse of what is restricted."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from fastapi import FastAPI
from PIL import Image

from moderation.domain.errors import UnavailableError
from moderation.domain.people import Role
from moderation.storage.audit import AuditStore
from tests.review_ui.console.floor import HTML, Floor, Worker

VIEW = "11111111-2222-4333-8444-555555555555"
OTHER_VIEW = "11111111-2222-4333-8444-666666666666"


@pytest.fixture
def floor(app: FastAPI) -> Iterator[Floor]:
    yield Floor(app, app.state.desk)
    app.state.desk.close()


@pytest.fixture
def ada(floor: Floor) -> Worker:
    return floor.person("ada")


def looks(floor: Floor, post: str) -> list[str]:
    return [event.actor for event in floor.desk.audit.about(f"post:{post}") if event.kind == "media.viewed"]


def test_a_frame_is_encoded_anew(floor: Floor, ada: Worker) -> None:
    post = floor.held(frames=3)
    answer = ada.client.get(f"/console/media/{post}/frames/2?view={VIEW}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert b"secret-in-the-file" not in answer.content
    with Image.open(BytesIO(answer.content)) as image:
        assert (image.format, image.size) == ("JPEG", (48, 32))


def test_each_look_is_audited_once_with_who_and_when(floor: Floor, ada: Worker) -> None:
    post = floor.held(frames=3)
    for number in range(3):
        ada.client.get(f"/console/media/{post}/frames/{number}?view={VIEW}")
    assert looks(floor, post) == ["account:ada"]
    ada.client.get(f"/console/media/{post}/frames/0?view={OTHER_VIEW}")
    floor.person("ben").client.get(f"/console/media/{post}/frames/0?view={VIEW}")
    assert looks(floor, post) == ["account:ada", "account:ada", "account:ben"]


def test_a_look_that_could_not_be_audited_is_not_shown_by_trying_again(
    floor: Floor, ada: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, path = floor.held(), f"/frames/0?view={VIEW}"

    def away(_store: object, _draft: object) -> None:
        raise UnavailableError("The database is away.")

    with monkeypatch.context() as patched:
        patched.setattr(AuditStore, "record", away)
        for _ in range(2):
            assert ada.client.get(f"/console/media/{post}{path}").status_code == 503
    assert ada.client.get(f"/console/media/{post}{path}").status_code == 200
    assert looks(floor, post) == ["account:ada"]


def test_a_look_without_a_name_is_audited_every_time(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    for _ in range(2):
        ada.client.get(f"/console/media/{post}/frames/0?view=x")
    assert looks(floor, post) == ["account:ada"] * 2


def test_the_concealed_preview_is_tiny_and_no_look(floor: Floor, ada: Worker) -> None:
    post = floor.held()
    answer = ada.client.get(f"/console/media/{post}/concealed")
    assert answer.status_code == 200
    with Image.open(BytesIO(answer.content)) as image:
        assert image.mode == "L"
        assert max(image.size) <= 14
    assert looks(floor, post) == []


@pytest.mark.parametrize("number", ["3", "-1", "99999999999999999999"])
def test_there_are_no_frames_beyond_the_last(floor: Floor, ada: Worker, number: str) -> None:
    post = floor.held(frames=3)
    assert ada.client.get(f"/console/media/{post}/frames/{number}").status_code == 404
    assert looks(floor, post) == []


def test_of_a_restricted_post_nothing_is_made_and_strangers_learn_nothing(floor: Floor, ada: Worker) -> None:
    post = floor.held(queue="child-safety", category="minors")
    named = floor.person("named", queues=("child-safety",))
    for path in (f"/console/media/{post}/concealed", f"/console/media/{post}/frames/0"):
        assert ada.client.get(path).status_code == 404
        assert floor.person(f"chief-{path[-1]}", Role.ADMIN, queues=()).client.get(path).status_code == 404
    assert named.client.get(f"/console/media/{post}/concealed").status_code == 404
    page = named.open(floor.job_of(post).id)
    assert "No preview is made" in page.text
    assert f"/console/media/{post}/concealed" not in page.text
    assert named.client.get(f"/console/media/{post}/frames/0?view={VIEW}").status_code == 200
    assert looks(floor, post) == ["account:named"]


def test_who_is_not_signed_in_sees_nothing(floor: Floor, app: FastAPI) -> None:
    post = floor.held()
    stranger = floor.person("stranger").client
    stranger.cookies.clear()
    assert stranger.get(f"/console/media/{post}/frames/0").status_code == 401
    assert stranger.get(f"/console/media/{post}/concealed").status_code == 401


def test_two_pictures_are_compared_and_concealed(floor: Floor, ada: Worker) -> None:
    first, second = floor.held(1), floor.held(1, patched=True)
    page = ada.client.get(f"/console/compare/{first}/{second}", headers=HTML)
    assert page.status_code == 200
    assert page.text.count("/concealed") == 2
    assert "<rect" in page.text
    assert "1 region differs" in page.text
    assert "/frames/" not in page.text
    other = ada.client.get(f"/console/compare/{first}/{floor.held(5)}", headers=HTML).text
    assert "They differ nearly everywhere." in other
    assert "<rect" not in other
    assert "The same file." in ada.client.get(f"/console/compare/{first}/{first}", headers=HTML).text
    hidden = floor.held(2, queue="child-safety", category="minors")
    assert ada.client.get(f"/console/compare/{first}/{hidden}", headers=HTML).status_code == 404
