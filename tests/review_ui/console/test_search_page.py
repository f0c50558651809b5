import threading
from collections.abc import Iterator
from io import BytesIO

import pytest
from fastapi import FastAPI
from PIL import Image
from sqlalchemy import update

from moderation.domain.ids import PostId
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.storage.review.cursors import write_cursor
from moderation.storage.tables import posts
from review_ui.console import search_page
from review_ui.console.desk import Desk
from tests.factories import a_digest, a_hold
from tests.review_ui.console.listed import add_post, desk_of, hold_all, statements
from tests.review_ui.console.people import Visitor, visitor
from tests.storage.review.picture_rows import a_pdq, store_hashes

PATH = "/console/search"
GRAVE = a_digest("Something grave")


@pytest.fixture
def ada(app: FastAPI) -> Iterator[Visitor]:
    yield visitor(app, "ada", queues=["adult"])
    desk_of(app).close()


def a_picture(*, flat: bool = False) -> bytes:
    """A PNG file."""
    colours = [(7 * x * y % 256, 31 * x % 256, 13 * y % 256) for y in range(128) for x in range(128)]
    picture = Image.new("RGB", (128, 128), (90, 90, 90))
    if not flat:
        picture.putdata(colours)
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_posts_are_listed_newest_first_and_found_by_words(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    add_post(desk, "A quiet lake")
    add_post(desk, "A loud <b>harbour</b>")
    everything = ada.client.get(PATH).text
    assert everything.index("harbour") < everything.index("quiet lake")
    assert "<b>harbour" not in everything
    found = ada.client.get(PATH, params={"text": "quiet"}).text
    assert "<mark>quiet</mark>" in found
    assert "harbour" not in found


def test_what_cannot_be_looked_for_is_told_beside_the_form(ada: Visitor) -> None:
    for asked in ({"text": "-lake"}, {"digest": "xyz"}, {"state": "gone"}, {"since": "yesterday"}, {"cursor": "x"}):
        answer = ada.client.get(PATH, params=asked)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text


def test_a_day_is_the_readers_day(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    post = add_post(desk, "A quiet lake")
    day = post.received_at.date().isoformat()
    assert "quiet lake" in ada.client.get(PATH, params={"since": day, "until": day, "zone": "UTC"}).text
    assert "No post fits" in ada.client.get(PATH, params={"until": "2020-01-01", "zone": "Not/AZone"}).text


def test_pages_go_on_without_repeating(app: FastAPI, ada: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_page, "PAGE", 2)
    desk = desk_of(app)
    for number in range(3):
        add_post(desk, f"lake {number}")
    first = ada.client.get(PATH, params={"text": "lake"}).text
    href = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = ada.client.get(href).text
    assert "2</a>" in first.replace("</mark>", "")
    assert "0</a>" in second.replace("</mark>", "")
    assert 'rel="next"' not in second


def test_a_restricted_post_is_a_placeholder_for_whoever_was_not_let_in(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    add_post(desk, "Something grave", author="somebody-known")
    hold_all(desk, a_hold("child-safety"))
    shown = ada.client.get(PATH).text
    assert "Restricted post" in shown
    assert "Something grave" not in shown
    assert "somebody-known" not in shown
    assert "/console/posts/" not in shown
    trained = visitor(app, "grace", Role.SENIOR, queues=["child-safety"]).client.get(PATH).text
    assert "/console/posts/" in trained
    assert "/concealed" not in trained


@pytest.mark.parametrize(
    "asked",
    [{"text": "grave"}, {"author": "somebody-known"}, {"state": "held", "text": "grave"}, {"digest": GRAVE}],
)
def test_looking_for_something_tells_nothing_of_a_restricted_post(
    app: FastAPI, ada: Visitor, asked: dict[str, str]
) -> None:
    desk = desk_of(app)
    add_post(desk, "Something grave", author="somebody-known")
    hold_all(desk, a_hold("child-safety"))
    shown = ada.client.get(PATH, params=asked).text
    assert "Restricted post" not in shown
    assert "No post fits" in shown
    trained = visitor(app, "grace", Role.AUDITOR, queues=["child-safety"]).client.get(PATH, params=asked).text
    assert "/console/posts/" in trained


def test_a_near_restricted_picture_is_not_told_of(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    grave = add_post(desk, "Something grave")
    hold_all(desk, a_hold("child-safety"))
    store_hashes(desk.database, grave.id, 1, [a_pdq(1)])
    answer = ada.client.post(f"{PATH}/picture", data={"csrf": ada.csrf, "codes": a_pdq(1)})
    assert "No post has a near picture" in answer.text
    assert "Restricted post" not in answer.text


def test_a_page_is_filled_up_in_place_of_posts_that_are_not_told_of(
    app: FastAPI, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_page, "PAGE", 2)
    desk = desk_of(app)
    add_post(desk, "lake 0")
    add_post(desk, "lake 1")
    hold_all(desk, a_hold("spam"))
    add_post(desk, "lake 2")
    hold_all(desk, a_hold("child-safety"))
    shown = ada.client.get(PATH, params={"text": "lake"}).text
    assert shown.count("/console/posts/") == 2
    assert 'rel="next"' not in shown


def test_what_others_decided_is_not_told_to_whoever_looks_blind(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    post = add_post(desk, "A quiet lake")
    hold_all(desk)
    settled = move(desk, post.id, "rejected")
    bo = visitor(app, "bo", queues=["spam"])
    for asked in ({"text": "lake"}, {}):
        mine, theirs = (
            one.client.get(PATH, params=asked).text.split('class="posts"')[1].split("</ol>")[0] for one in (ada, bo)
        )
        assert "in review" in mine
        assert settled not in mine
        assert settled in theirs
    assert "No post fits" in ada.client.get(PATH, params={"state": settled}).text
    assert "No post fits" not in bo.client.get(PATH, params={"state": settled}).text


def move(desk: Desk, post_id: PostId, state: str) -> str:
    """As if somebody had decided while a second person is still to look."""
    with desk.database.write() as connection:
        connection.execute(update(posts).where(posts.c.id == post_id).values(state=PostState(state)))
    return state


def test_nobody_waits_for_the_first_reading_of_hashes(
    app: FastAPI, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, go_on = desk_of(app), threading.Event()
    monkeypatch.setattr(desk.near, "refresh", lambda: go_on.wait(30))
    monkeypatch.setattr(desk.near_at_hand, "_wait_seconds", 0.01)
    try:
        assert ada.client.get(PATH).status_code == 200
        answer = ada.client.post(f"{PATH}/picture", data={"csrf": ada.csrf, "codes": a_pdq(1)})
        assert answer.status_code == 503
        assert "still being read" in answer.text
    finally:
        go_on.set()


def test_near_pictures_of_a_post_are_found(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    one, near, far = (add_post(desk, name) for name in ("one", "near one", "far one"))
    for number, (post, pdq) in enumerate([(one, a_pdq(1)), (near, a_pdq(1, flipped=9)), (far, a_pdq(2))], start=1):
        store_hashes(desk.database, post.id, number, [pdq])
    shown = ada.client.get(PATH, params={"like": one.id}).text
    assert "near one" in shown
    assert "9 of 256 bits differ" in shown
    assert "far one" not in shown
    assert ada.client.get(PATH, params={"like": "nothing"}).status_code == 404


def test_a_picture_that_is_sent_is_compared_and_not_kept(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    data = a_picture()
    hashes = desk.pictures.hashes(data)
    assert isinstance(hashes, list)
    post = add_post(desk, "The same picture")
    store_hashes(desk.database, post.id, 1, [hashes[0].tobytes().hex()])
    answer = ada.client.post(f"{PATH}/picture", data={"csrf": ada.csrf}, files={"picture": ("a.png", data)})
    assert answer.status_code == 200
    assert "The same picture" in answer.text
    assert "identical" in answer.text
    assert list((desk.settings.home / "blobs").rglob("*")) == []


@pytest.mark.parametrize(("data", "told"), [(b"", "cannot be read"), (b"text", "cannot be read"), (None, "too flat")])
def test_a_file_that_cannot_be_compared_is_told(ada: Visitor, data: bytes | None, told: str) -> None:
    sent = a_picture(flat=True) if data is None else data
    answer = ada.client.post(f"{PATH}/picture", data={"csrf": ada.csrf}, files={"picture": ("a.png", sent)})
    assert answer.status_code == 422
    assert told in answer.text


def test_a_picture_needs_the_token_and_hashes_must_be_hashes(ada: Visitor) -> None:
    assert ada.client.post(f"{PATH}/picture", files={"picture": ("a.png", b"x")}).status_code == 403
    cursor = write_cursor("near", -5)
    for codes, status in (("xyz", 422), (a_pdq(1), 200)):
        answer = ada.client.post(f"{PATH}/picture", data={"csrf": ada.csrf, "codes": codes, "cursor": cursor})
        assert answer.status_code == status


def test_the_statements_of_a_page_do_not_grow_with_its_posts(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    add_post(desk, "lake 0")
    counts = []
    for more in (0, 12):
        for number in range(more):
            add_post(desk, f"lake {number + 1}")
        hold_all(desk)
        ada.client.get(PATH)
        with statements(desk) as seen:
            assert ada.client.get(PATH, params={"text": "lake"}).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
