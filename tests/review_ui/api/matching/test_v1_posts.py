"""Banking the picture of a post by its id, and saying of a match whether everything was compared."""

from dataclasses import replace
from typing import Any

import pytest

from moderation.domain.ids import PostId
from moderation.matching.hits import Matched
from moderation.screening.intake import Submission
from moderation.storage.audit import AuditStore
from review_ui.api.matching.views import match_view
from tests.factories import a_hold, a_screening, an_author, claim_all, facts
from tests.review_ui.api.matching.conftest import Api
from tests.review_ui.api.matching.pictures import as_png, drawn, flat
from tests.review_ui.api.matching.test_v1 import hex_of
from tests.review_ui.requests import problem_of
from tests.storage.review.picture_rows import store_hashes

NOBODY = "00000000-0000-7000-8000-000000000000"
PATH = "/v1/matching/banks/BANNED/posts"
WRITE = ("banks:write",)
EVERYBODYS = ("banks:write", "posts:read", "media:held")


def held(api: Api, *, client: str, image: bytes | None = None) -> PostId:
    """A post of that client, with a drawn picture, that waits for somebody."""
    now, posts = api.site.clock(), api.site.posts
    sent = Submission(image or as_png(drawn(1)), "A lake", "", an_author())
    post = api.site.intake.accept(sent, client=client, idempotency_key=None, now=now).post
    (claim,) = claim_all(posts, now=now)
    screening = a_screening(claim, replace(a_hold(), category="adult"), image=facts("png", 256, 256, 1))
    posts.commit([(claim, screening)], now=now)
    return post.id


def bank(api: Api, key: dict[str, str], body: object, path: str = PATH) -> Any:
    return api.client.post(path, json=body, headers=key)


@pytest.fixture
def own(api: Api) -> dict[str, str]:
    api.bank()
    return api.key(*WRITE, name="feed")


def test_a_post_is_banked_once(api: Api, own: dict[str, str]) -> None:
    post = held(api, client="feed")
    made = bank(api, own, {"post": post, "category": "adult", "note": "Case 4711."})
    assert made.status_code == 201
    [entry] = made.json()["items"]
    assert made.json()["missing"] == ""
    assert (entry["category"], entry["note"], entry["has_keypoints"]) == ("adult", "Case 4711.", True)
    assert (entry["pdq"], entry["phash"], entry["provenance"]["post"]) == (None, None, post)
    again = bank(api, own, {"post": post})
    assert again.status_code == 200
    assert [one["id"] for one in again.json()["items"]] == [entry["id"]]
    assert api.banks.entry(entry["id"]).note == "Case 4711."
    matched = api.client.post("/v1/matching/lookup", json={"hashes": [{"pdq": hex_of(1)}]}, headers=api.key())
    assert matched.json()["results"][0]["hits"][0]["entry"] == entry["id"]
    [event] = [one for one in AuditStore(api.site.database).events() if one.kind == "bank.add_many"]
    assert event.actor == "client:feed"


def test_hashes_are_for_keys_that_may_read_them(api: Api, own: dict[str, str]) -> None:
    post = held(api, client="reader")
    read = bank(api, api.key("banks:write", "banks:read", name="reader"), {"post": post}).json()["items"][0]
    assert read["pdq"] == hex_of(1)
    assert hex_of(1) not in bank(api, api.key(*EVERYBODYS, name="other"), {"post": post}).text


def test_what_reviewers_and_others_said_of_an_entry_is_for_keys_that_may_read_it(api: Api, own: dict[str, str]) -> None:
    theirs = held(api, client="somebody")
    said = {"post": theirs, "category": "minors", "note": "what the reviewer saw"}
    assert bank(api, api.key(*EVERYBODYS, "banks:read", name="lead"), said).status_code == 201
    post = held(api, client="feed")
    told = bank(api, own, {"post": post})
    assert told.status_code == 200
    for secret in (theirs, "minors", "what the reviewer saw", "lead"):
        assert secret not in told.text
    [entry] = told.json()["items"]
    assert (entry["provenance"], entry["banked_by"]) == ({"post": post}, ["client:feed"])


def test_another_clients_post_is_the_same_as_none(api: Api, own: dict[str, str]) -> None:
    post = held(api, client="somebody")
    hidden, missing = bank(api, own, {"post": post}), bank(api, own, {"post": NOBODY})
    assert problem_of(hidden, 404, "not_found")["detail"] == problem_of(missing, 404, "not_found")["detail"]
    assert api.banks.entries("BANNED") == []
    assert bank(api, api.key(*EVERYBODYS), {"post": post}).status_code == 201


def test_what_is_missing_is_said(api: Api, own: dict[str, str]) -> None:
    post = held(api, client="feed", image=as_png(drawn(2)))
    store_hashes(api.site.database, post, 5_000_000, [hex_of(1)])
    [entry] = bank(api, own, {"post": post}).json()["items"]
    assert entry["has_keypoints"] is False
    plain = held(api, client="feed", image=as_png(flat()))
    problem_of(bank(api, own, {"post": plain}), 422, "invalid_input")


def test_what_is_no_request_is_refused(api: Api, own: dict[str, str]) -> None:
    post = held(api, client="feed")
    wrong: list[object] = [
        {},
        [],
        "x",
        {"post": "x"},
        {"post": None},
        {"post": post, "note": "x" * 2_001},
        {"post": post, "category": "x" * 201},
        {"post": post, "note": "a\0b"},
        {"post": post, "more": 1},
    ]
    for body in wrong:
        problem_of(bank(api, own, body), 422, "invalid_input")
    problem_of(bank(api, own, {"post": post}, "/v1/matching/banks/GONE/posts"), 404, "not_found")
    problem_of(bank(api, api.key("banks:read", "matching:read"), {"post": post}), 403, "forbidden")
    assert api.banks.entries("BANNED") == []


def test_a_match_says_whether_everything_was_compared(api: Api) -> None:
    hashed = api.matching.pictures.read(as_png(drawn(1)))
    for complete in (True, False):
        assert match_view(hashed, Matched((), "1", complete=complete)).complete is complete
    answer = api.client.post(
        "/v1/matching/match", files={"image": ("x.png", as_png(drawn(1)))}, headers=api.key()
    ).json()
    assert answer["complete"] is True
