import pytest

from moderation.storage.keys import ApiKey
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import form, problem_of


def test_without_a_key_nothing_is_taken(backend: Backend) -> None:
    response = backend.send({})
    problem_of(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == 'Bearer realm="moderation"'


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": "Bearer mod_0123456789ab_" + "x" * 43},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic dTpw"},
        {"Authorization": ""},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": b"Bearer \xff\xfe"},
        {"X-API-KEY": "mod_wrong"},
        {"X-API-KEY": ""},
    ],
)
def test_a_key_that_is_none_is_refused(backend: Backend, header: dict[str, str]) -> None:
    problem_of(backend.send(header), 401, "unauthenticated")


def test_both_headers_carry_a_key(backend: Backend) -> None:
    bearer = backend.key()
    secret = bearer["Authorization"].removeprefix("Bearer ")
    assert backend.client.get("/v1/feed", headers=bearer).status_code == 200
    assert backend.client.get("/v1/feed", headers={"X-API-KEY": secret}).status_code == 200


def test_a_wrong_bearer_is_not_saved_by_a_right_header(backend: Backend) -> None:
    secret = backend.key()["Authorization"].removeprefix("Bearer ")
    headers = {"Authorization": "Bearer mod_wrong", "X-API-KEY": secret}
    problem_of(backend.client.get("/v1/feed", headers=headers), 401, "unauthenticated")


def test_the_header_works_behind_a_proxy_with_its_own_authorization(backend: Backend) -> None:
    secret = backend.key()["Authorization"].removeprefix("Bearer ")
    headers = {"Authorization": "Basic dTpw", "X-API-KEY": secret}
    assert backend.client.get("/v1/feed", headers=headers).status_code == 200


def test_a_revoked_key_ends_at_once(backend: Backend) -> None:
    headers = backend.key(name="leaked")
    assert backend.client.get("/v1/feed", headers=headers).status_code == 200
    backend.site.keys.revoke("leaked", backend.site.clock())
    problem_of(backend.client.get("/v1/feed", headers=headers), 401, "unauthenticated")


def test_a_key_without_the_scope_is_known_but_refused(backend: Backend) -> None:
    problem_of(backend.send(backend.key("feed:read")), 403, "forbidden")


def test_the_key_is_checked_before_the_body_is_read(backend: Backend) -> None:
    content_type, _ = form()
    chunks: list[int] = []

    def body() -> "object":
        for number in range(100):
            chunks.append(number)
            yield b"x" * 100_000

    response = backend.client.post("/v1/posts", content=body(), headers={"Content-Type": content_type})  # type: ignore[arg-type]
    problem_of(response, 401, "unauthenticated")


def test_the_rate_is_told_and_kept(backend: Backend) -> None:
    headers = backend.key(per_minute=2)
    first = backend.client.get("/v1/feed", headers=headers)
    assert first.headers["ratelimit-policy"] == '"key";q=2;w=60'
    assert first.headers["ratelimit"] == '"key";r=1;t=30'
    backend.client.get("/v1/feed", headers=headers)
    refused = backend.client.get("/v1/feed", headers=headers)
    problem_of(refused, 429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.headers["ratelimit"].startswith('"key";r=0;')


def test_refused_requests_of_one_key_leave_the_others_alone(backend: Backend) -> None:
    greedy, modest = backend.key(name="greedy", per_minute=1), backend.key(name="modest")
    for _ in range(3):
        backend.client.get("/v1/feed", headers=greedy)
    assert backend.client.get("/v1/feed", headers=modest).status_code == 200


def test_no_answer_carries_a_secret(backend: Backend) -> None:
    assert not any("secret" in name for name in ApiKey.__slots__)
