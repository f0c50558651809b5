"""Whatever is sent, the answer is an answer: never a 500, and every refusal a problem document."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.review_ui.conftest import Backend
from tests.review_ui.requests import BOUNDARY, form, json_post

PER_MINUTE = 10_000_000
RELAXED = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
header_values = st.binary(max_size=60).filter(lambda value: not set(value) & set(b"\r\n\x00"))
content_types = st.sampled_from(
    ["application/json", f"multipart/form-data; boundary={BOUNDARY}", "multipart/form-data", "text/plain", ""]
)


@pytest.fixture
def sender(backend: Backend) -> tuple[Backend, dict[str, str]]:
    return backend, backend.key(per_minute=PER_MINUTE)


Sender = tuple[Backend, dict[str, str]]


def is_an_answer(response: Any) -> bool:
    if response.status_code < 400:
        return response.status_code in {200, 201, 202, 304}
    document = json.loads(response.content)
    assert response.status_code < 500, document
    assert response.headers["content-type"] == "application/problem+json"
    return bool(document["status"] == response.status_code)


@RELAXED
@given(kind=content_types, body=st.binary(max_size=2000))
def test_any_bytes_as_a_body(sender: Sender, kind: str, body: bytes) -> None:
    backend, headers = sender
    assert is_an_answer(backend.client.post("/v1/posts", content=body, headers=headers | {"Content-Type": kind}))


@RELAXED
@given(document=json_values)
def test_any_json_as_a_body(sender: Sender, document: object) -> None:
    backend, headers = sender
    body = json.dumps(document).encode()
    response = backend.client.post("/v1/posts", content=body, headers=headers | {"Content-Type": "application/json"})
    assert is_an_answer(response)


@RELAXED
@given(field=st.sampled_from(["image", "caption", "prompt", "author", "extra"]), value=json_values)
def test_any_value_in_any_field(sender: Sender, field: str, value: object) -> None:
    backend, headers = sender
    body = json.dumps(json_post() | {field: value}).encode()
    response = backend.client.post("/v1/posts", content=body, headers=headers | {"Content-Type": "application/json"})
    assert is_an_answer(response)


@RELAXED
@given(at=st.integers(0, 600), replacement=st.binary(max_size=8), cut=st.integers(0, 8))
def test_a_damaged_form(sender: Sender, at: int, replacement: bytes, cut: int) -> None:
    backend, headers = sender
    content_type, body = form()
    damaged = body[:at] + replacement + body[at + cut :]
    response = backend.client.post("/v1/posts", content=damaged, headers=headers | {"Content-Type": content_type})
    assert is_an_answer(response)


@RELAXED
@given(
    name=st.sampled_from(
        [
            b"Content-Type",
            b"Idempotency-Key",
            b"X-Request-ID",
            b"X-API-KEY",
            b"Authorization",
            b"If-None-Match",
            b"Accept",
        ]
    ),
    value=header_values,
)
def test_any_header(sender: Sender, name: bytes, value: bytes) -> None:
    backend, headers = sender
    content_type, body = form()
    raw = [(key.encode(), text.encode()) for key, text in (headers | {"Content-Type": content_type}).items()]
    assert is_an_answer(backend.client.post("/v1/posts", content=body, headers=[*raw, (name, value)]))
    assert is_an_answer(backend.client.get("/v1/feed", headers=[*raw, (name, value)]))


@RELAXED
@given(
    path=st.sampled_from(
        ["/v1/posts/{}", "/v1/media/{}", "/v1/feed?cursor={}", "/v1/feed?limit={}", "/?cursor={}", "/{}"]
    ),
    value=st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
)
def test_any_path_and_query(sender: Sender, path: str, value: str) -> None:
    backend, headers = sender
    assert is_an_answer(backend.client.get(path.format(quote(value, safe="")), headers=headers))
