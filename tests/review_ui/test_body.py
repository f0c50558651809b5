import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from starlette.requests import Request

from moderation.domain.errors import InvalidInputError, TooLargeError
from review_ui import body as body_module
from review_ui.body import JSON, MULTIPART, BodyLimits, media_type, parse_json, read_body
from review_ui.errors import BodyTimeoutError, UnsupportedMediaTypeError
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import form, problem_of


def request(chunks: list[bytes], headers: Mapping[str, str] | None = None, *, stall: bool = False) -> Request:
    async def messages() -> AsyncIterator[dict[str, Any]]:
        for chunk in chunks:
            yield {"type": "http.request", "body": chunk, "more_body": True}
        if stall:
            await asyncio.Event().wait()
        yield {"type": "http.request", "body": b"", "more_body": False}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, messages().__anext__)


def read(sent: Request, *, max_bytes: int = 10, seconds: float = 5.0) -> bytes:
    return asyncio.run(read_body(sent, max_bytes=max_bytes, seconds=seconds))


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert read(request([b"12345", b"67890"])) == b"1234567890"


def test_one_byte_more_is_refused_whatever_the_length_says() -> None:
    for headers in ({}, {"content_length": "10"}, {"content_length": "nonsense"}):
        with pytest.raises(TooLargeError):
            read(request([b"12345", b"678901"], headers))


@pytest.mark.parametrize("length", ["11", "9" * 500])
def test_a_length_over_the_limit_is_refused_before_the_body_is_kept(length: str) -> None:
    with pytest.raises(TooLargeError):
        read(request([], {"content_length": length}))


def test_a_body_that_does_not_come_is_given_up() -> None:
    with pytest.raises(BodyTimeoutError):
        read(request([b"123"], stall=True), seconds=0.05)


def test_draining_a_refused_body_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "DRAIN_SECONDS", 0.05)
    with pytest.raises(TooLargeError):
        read(request([b"12345678901"], stall=True))


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("multipart/form-data; boundary=x", MULTIPART), ("Application/JSON ; charset=utf-8", JSON)],
)
def test_the_media_type_is_read_without_its_parameters(content_type: str, expected: str) -> None:
    assert media_type(request([], {"content_type": content_type})) == expected


@pytest.mark.parametrize(
    "headers", [{}, {"content_type": "text/plain"}, {"content_type": JSON, "content_encoding": "br"}]
)
def test_other_kinds_of_body_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        media_type(request([], headers))


def test_limits_leave_room_for_every_acceptable_post() -> None:
    limits = BodyLimits(max_image_bytes=1000, max_text_chars=100)
    assert limits.bytes_for(JSON) >= 1336 + 1200
    assert limits.bytes_for(MULTIPART) >= 1000 + 400


@pytest.mark.parametrize("text", ["Infinity", '{"a": -Infinity}', '{"a": {"b": 1, "b": 1}}', "\x00"])
def test_json_is_strict(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_json(text.encode())


def test_json_that_would_fill_the_memory_is_not_parsed() -> None:
    with pytest.raises(InvalidInputError, match="too many values"):
        parse_json(b"[" + b"[]," * 1_000_000 + b"[]]")


def test_a_streamed_body_without_a_length_is_limited_in_the_application(backend: Backend) -> None:
    content_type, whole = form(image=b"x" * 5_000_000)

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(whole), 65_536):
            yield whole[start : start + 65_536]

    headers = backend.key() | {"Content-Type": content_type}
    response = backend.client.post("/v1/posts", content=chunks(), headers=headers)
    problem_of(response, 413, "too_large")
    assert response.headers["connection"] == "close"
