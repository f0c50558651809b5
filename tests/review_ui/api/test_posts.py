import json
import threading
from typing import Any

import pytest

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import Author, Post, PostState
from moderation.domain.verdict import Verdict
from review_ui.body import JSON
from tests.factories import a_hold, a_screening, after, claim_all
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import PNG, form, json_post, png, problem_of


def stored(backend: Backend, answer: Any) -> Post:
    post = backend.site.posts.get(PostId(answer["id"]))
    assert post is not None
    return post


def test_a_post_is_stored_before_it_is_accepted(backend: Backend) -> None:
    response = backend.send(backend.key(), account_age_days="12.5", published_posts="3")
    assert response.status_code == 202
    answer = response.json()
    assert response.headers["location"] == f"/v1/posts/{answer['id']}" == answer["links"]["self"]
    assert answer["state"] == "received"
    assert answer["verdict"] is None
    post = stored(backend, answer)
    assert (post.caption, post.prompt) == ("A quiet lake", "lake, oil painting")
    assert post.author == Author("author-1", 12.5, 3)
    assert backend.site.blobs.read(post.image) == PNG


def test_json_is_taken_as_well(backend: Backend) -> None:
    document = json_post(author={"id": "author-2", "published_posts": 0})
    response = backend.client.post("/v1/posts", json=document, headers=backend.key())
    assert response.status_code == 202
    post = stored(backend, response.json())
    assert post.author == Author("author-2", None, 0)
    assert backend.site.blobs.read(post.image) == PNG


def test_the_same_key_and_body_is_the_same_post(backend: Backend) -> None:
    headers = backend.key() | {"Idempotency-Key": "post-1"}
    first, second = backend.send(headers), backend.send(headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert backend.site.posts.counts()[PostState.RECEIVED] == 1


def test_multipart_and_json_with_one_key_are_one_post(backend: Backend) -> None:
    headers = backend.key() | {"Idempotency-Key": "post-1"}
    first = backend.send(headers)
    second = backend.client.post("/v1/posts", json=json_post(), headers=headers)
    assert first.json()["id"] == second.json()["id"]


def test_the_same_key_with_another_body_is_refused(backend: Backend) -> None:
    headers = backend.key() | {"Idempotency-Key": "post-1"}
    backend.send(headers)
    problem_of(backend.send(headers, caption="Another"), 409, "idempotency_key_reused")
    problem_of(backend.send(headers, image=png(9)), 409, "idempotency_key_reused")


def test_idempotency_keys_belong_to_their_client(backend: Backend) -> None:
    one, two = backend.key(name="one"), backend.key(name="two")
    first = backend.send(one | {"Idempotency-Key": "post-1"})
    second = backend.send(two | {"Idempotency-Key": "post-1"}, caption="Another")
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "\x7f"])
def test_an_idempotency_key_is_checked(backend: Backend, key: str) -> None:
    problem_of(backend.send(backend.key() | {"Idempotency-Key": key}), 422, "invalid_input")


def test_a_replay_of_a_judged_post_tells_its_verdict(backend: Backend) -> None:
    headers = backend.key() | {"Idempotency-Key": "post-1"}
    backend.send(headers)
    backend.judge(Verdict.REJECT)
    replay = backend.send(headers)
    assert replay.status_code == 200
    assert (replay.json()["state"], replay.json()["verdict"]) == ("rejected", "reject")


def test_waiting_brings_the_verdict(backend: Backend) -> None:
    headers = backend.key()

    def lane() -> None:
        while not stop.wait(0.02):
            backend.judge(Verdict.HOLD)

    stop = threading.Event()
    thread = threading.Thread(target=lane)
    thread.start()
    try:
        response = backend.send(headers, "?wait=30")
    finally:
        stop.set()
        thread.join()
    assert response.status_code == 201
    answer = response.json()
    assert (answer["state"], answer["verdict"], answer["queue"]) == ("held", "hold", "adult")
    assert answer["rules"] == ["adult-image"]


def test_a_wait_that_brings_nothing_is_still_accepted(backend: Backend) -> None:
    response = backend.send(backend.key(), "?wait=0.1")
    assert response.status_code == 202
    assert response.json()["state"] == "received"


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "3601", "soon"])
def test_a_wait_out_of_bounds_is_refused_and_stores_nothing(backend: Backend, wait: str) -> None:
    document = problem_of(backend.send(backend.key(), f"?wait={wait}"), 422, "invalid_input")
    assert [error["field"] for error in document["errors"]] == ["wait"]
    assert backend.site.posts.counts()[PostState.RECEIVED] == 0


def test_what_is_over_a_limit_is_refused(backend: Backend) -> None:
    headers = backend.key()
    problem_of(backend.send(headers, image=b"x" * 100_001), 413, "too_large")
    problem_of(backend.send(headers, caption="x" * 201), 413, "too_large")
    problem_of(backend.send(headers, prompt="x" * 401), 413, "too_large")
    assert backend.send(headers, image=b"x" * 100_000, caption="\U0001f300" * 200).status_code == 202
    largest = json_post(b"x" * 100_000, caption="\U0001f300" * 200, prompt="\U0001f300" * 400)
    assert backend.client.post("/v1/posts", json=largest, headers=headers).status_code == 202


def test_text_that_cannot_be_stored_is_refused(backend: Backend) -> None:
    headers = backend.key()
    for text in ("a\x00b", "\ud800"):
        document = json.dumps(json_post(caption=text))
        response = backend.client.post("/v1/posts", content=document, headers=headers | {"Content-Type": JSON})
        problem_of(response, 422, "invalid_input")


def test_only_known_kinds_of_body_are_taken(backend: Backend) -> None:
    headers = backend.key()
    content_type, body = form()
    for changes in ({"Content-Type": "image/png"}, {"Content-Type": content_type, "Content-Encoding": "gzip"}):
        response = backend.client.post("/v1/posts", content=body, headers=headers | changes)
        problem_of(response, 415, "unsupported_media_type")


def test_a_store_that_is_away_says_so_without_details(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_data: bytes) -> None:
        raise UnavailableError("disk /secret/path is full")

    headers = backend.key()
    monkeypatch.setattr(type(backend.site.blobs), "write", staticmethod(write))
    response = backend.send(headers)
    document = problem_of(response, 503, "unavailable")
    assert "secret" not in str(document)
    assert response.headers["retry-after"] == "1"
    assert backend.site.posts.counts()[PostState.RECEIVED] == 0


def test_the_sender_without_posts_read_sees_only_the_state(backend: Backend) -> None:
    headers = backend.key("posts:write")
    answer = backend.send(headers).json()
    backend.judge(Verdict.HOLD)
    shown = backend.client.get(answer["links"]["self"], headers=headers).json()
    assert shown["state"] == "held"
    assert [shown[name] for name in ("verdict", "queue", "category", "reason", "rules")] == [None] * 4 + [[]]


def test_with_posts_read_it_sees_why(backend: Backend) -> None:
    headers = backend.key("posts:write", "posts:read")
    answer = backend.send(headers).json()
    backend.judge(Verdict.HOLD)
    shown = backend.client.get(answer["links"]["self"], headers=headers).json()
    assert (shown["verdict"], shown["queue"], shown["category"]) == ("hold", "adult", "adult")
    assert (shown["reason"], shown["rules"]) == ("It looks adult.", ["adult-image"])
    assert shown["decided_at"] is not None


def test_failed_signals_are_named(backend: Backend) -> None:
    headers = backend.key()
    answer = backend.send(headers).json()
    judgement = a_hold("signal-failure", complete=False)
    screened = [(claim, a_screening(claim, judgement)) for claim in claim_all(backend.site.posts, now=after(1))]
    backend.site.posts.commit(screened, now=after(2))
    shown = backend.client.get(answer["links"]["self"], headers=headers).json()
    assert shown["queue"] == "signal-failure"


def test_a_post_held_by_its_deadline_is_in_the_stalled_queue(backend: Backend) -> None:
    headers = backend.key()
    answer = backend.send(headers).json()
    post = stored(backend, answer)
    assert backend.site.posts.hold_overdue(now=post.deadline_at, limit=10) == [post.id]
    shown = backend.client.get(answer["links"]["self"], headers=headers).json()
    assert (shown["state"], shown["verdict"], shown["queue"], shown["rules"]) == ("held", "hold", "stalled", [])


def test_another_clients_post_is_not_there_unless_the_scopes_allow(backend: Backend, waiting: Post) -> None:
    path = f"/v1/posts/{waiting.id}"
    problem_of(backend.client.get(path, headers=backend.key("posts:read", name="reader")), 404, "not_found")
    problem_of(backend.client.get(path, headers=backend.key("posts:write", "media:held", name="b")), 404, "not_found")
    allowed = backend.client.get(path, headers=backend.key("posts:read", "media:held", name="reviewer"))
    assert allowed.json()["id"] == waiting.id
    problem_of(backend.client.get(path, headers=backend.key("feed:read", name="feed")), 403, "forbidden")


@pytest.mark.parametrize("post_id", ["0", "x" * 5000, "%00", "019acf5e-0000-7000-8000-00000000000G", "..%2f..%2fetc"])
def test_an_id_that_is_none_is_not_found(backend: Backend, post_id: str) -> None:
    problem_of(backend.client.get(f"/v1/posts/{post_id}", headers=backend.key()), 404, "not_found")


def test_asking_can_wait_too(backend: Backend) -> None:
    headers = backend.key()
    answer = backend.send(headers).json()
    judge = threading.Timer(0.2, backend.judge, [Verdict.APPROVE])
    judge.start()
    shown = backend.client.get(answer["links"]["self"] + "?wait=30", headers=headers).json()
    judge.join()
    assert (shown["state"], shown["verdict"]) == ("approved", "approve")


def test_only_a_published_post_has_a_link_to_its_image(backend: Backend) -> None:
    headers = backend.key()
    answer = backend.send(headers).json()
    backend.judge(Verdict.APPROVE)
    assert backend.client.get(answer["links"]["self"], headers=headers).json()["links"]["image"] is None
    backend.publish()
    shown = backend.client.get(answer["links"]["self"], headers=headers).json()
    assert shown["links"]["image"] == f"/v1/media/{shown['image']}"
