import json

import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from moderation.domain.errors import UnavailableError
from review_ui.edge import SECURITY_HEADERS
from review_ui.site import Site
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import problem_of


def log_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_every_answer_has_the_security_headers(backend: Backend) -> None:
    for path in ("/healthz", "/nothing", "/v1/feed", "/openapi.json", "/metrics"):
        headers = backend.client.get(path).headers
        for name, value in SECURITY_HEADERS.items():
            assert headers[name] == value, (path, name)


def test_unknown_paths_and_methods_are_problems(backend: Backend) -> None:
    problem_of(backend.client.get("/nothing"), 404, "not_found")
    response = backend.client.delete("/v1/feed")
    problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


def test_a_sane_request_id_is_kept_and_others_are_replaced(backend: Backend) -> None:
    assert backend.client.get("/healthz", headers={"X-Request-ID": "abc-12345"}).headers["x-request-id"] == "abc-12345"
    for bad in ("short", "x" * 65, "a b c d e f", "<script>aaaa"):
        found = backend.client.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert found != bad
        assert len(found) == 24


def test_a_defect_is_a_problem_without_details(capsys: pytest.CaptureFixture[str], app: FastAPI) -> None:
    @app.get("/defect")
    async def defect() -> None:
        caption = "local variables stay out of the log"
        raise RuntimeError(f"a secret place, {len(caption)}")

    with TestClient(app) as client:
        response = client.get("/defect")
    document = problem_of(response, 500, "internal_error")
    assert "secret" not in response.text
    logged = capsys.readouterr().err
    (failure,) = [line for line in log_lines(logged) if line["event"] == "request_failed"]
    assert failure["request_id"] == document["request_id"]
    assert "RuntimeError" in json.dumps(failure)
    assert "local variables stay out" not in logged


def test_an_answer_that_breaks_off_is_not_ended_as_if_whole(app: FastAPI) -> None:
    async def chunks() -> "object":
        yield b"half"
        raise RuntimeError("broke")

    @app.get("/half")
    async def half() -> StreamingResponse:
        return StreamingResponse(chunks())  # type: ignore[arg-type]

    with TestClient(app) as client, pytest.raises(RuntimeError, match="broke"):
        client.get("/half")


def test_one_line_per_request_without_secrets(capsys: pytest.CaptureFixture[str], backend: Backend) -> None:
    headers = backend.key(name="feed-backend")
    secret = headers["Authorization"].removeprefix("Bearer ")
    backend.client.get("/v1/feed?limit=7&x=private", headers=headers | {"X-Request-ID": "request-0001"})
    backend.client.get("/v1/feed", headers={"X-API-KEY": secret + "x"})
    backend.send(headers, caption="A private caption")
    logged = capsys.readouterr().err
    lines = [line for line in log_lines(logged) if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"], line["client"]) for line in lines] == [
        ("GET", "/v1/feed", 200, "feed-backend"),
        ("GET", "/v1/feed", 401, ""),
        ("POST", "/v1/posts", 202, "feed-backend"),
    ]
    assert lines[0]["request_id"] == "request-0001"
    for private in (secret, "private"):
        assert private not in logged


def test_a_broken_part_is_logged_with_its_reason(
    capsys: pytest.CaptureFixture[str], backend: Backend, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def feed(**_: object) -> None:
        raise UnavailableError("the disk is full")

    monkeypatch.setattr(type(site.posts), "feed", staticmethod(feed))
    response = backend.client.get("/v1/feed", headers=backend.key())
    document = problem_of(response, 503, "unavailable")
    assert "disk" not in response.text
    (line,) = [line for line in log_lines(capsys.readouterr().err) if line["event"] == "request_refused"]
    assert (line["reason"], line["request_id"]) == ("the disk is full", document["request_id"])
