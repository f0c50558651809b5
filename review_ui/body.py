"""The body of a request, read under limits on bytes and time before anything parses it."""

import asyncio
import json
from dataclasses import dataclass

from starlette.requests import Request

from moderation.domain.errors import InvalidInputError, ModerationError, TooLargeError
from review_ui.errors import BodyTimeoutError, UnsupportedMediaTypeError

BODY_SECONDS = 60.0
DRAIN_SECONDS = 2.0
"""How long the rest of a refused body is read and thrown away, so that the client gets to read the refusal."""
JSON_CHAR_BYTES = 12
"""A character may be written as two six-byte escapes."""
UTF8_CHAR_BYTES = 4
OVERHEAD_BYTES = 64 * 1024
"""For field names, boundaries and the author."""

MAX_JSON_VALUES = 100_000
"""Brackets, braces and commas in a body, those inside of its texts included. A post has a few dozen and what its texts
bring; a body full of empty lists takes thirty times its size in memory once it is parsed.
"""

MULTIPART = "multipart/form-data"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What the longest acceptable post needs; see `Settings`."""

    max_image_bytes: int
    max_text_chars: int
    seconds: float = BODY_SECONDS

    def bytes_for(self, content_type: str) -> int:
        """The most bytes that a body of this type may have."""
        if content_type == JSON:
            base64_bytes = -(-self.max_image_bytes // 3) * 4
            return base64_bytes + JSON_CHAR_BYTES * self.max_text_chars + OVERHEAD_BYTES
        return self.max_image_bytes + UTF8_CHAR_BYTES * self.max_text_chars + OVERHEAD_BYTES


def media_type(request: Request) -> str:
    """The body's media type, which must be one that is taken. Raises `UnsupportedMediaTypeError`."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMediaTypeError("The body is compressed.", hint="Send it without Content-Encoding.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {MULTIPART, JSON}:
        raise UnsupportedMediaTypeError("The body is of a kind that is not taken.", hint=f"Send {MULTIPART} or {JSON}.")
    return kind


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes:
    """The whole body. Raises `TooLargeError` as soon as it is over `max_bytes`, `BodyTimeoutError` after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, max_bytes)
    except TimeoutError as error:
        raise BodyTimeoutError(f"The body did not arrive within {seconds:g} seconds.") from error


def declared_bytes(request: Request, unknown: int) -> int:
    """What Content-Length says, or `unknown`. Only a hint: the bytes that arrive are counted."""
    declared = request.headers.get("content-length", "")
    return int(declared[:20]) if declared.isdecimal() else unknown


async def _read(request: Request, max_bytes: int) -> bytes:
    stream, body = request.stream(), bytearray()
    refusal: ModerationError | None = None
    if declared_bytes(request, max_bytes) > max_bytes:
        refusal = _too_large(max_bytes)
    else:
        async for chunk in stream:
            body += chunk
            if len(body) > max_bytes:
                refusal = _too_large(max_bytes)
                break
    if refusal is None:
        return bytes(body)
    body.clear()
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in stream:
                pass
    except TimeoutError:
        pass
    raise refusal


def _too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError(f"The body has more than {max_bytes} bytes.", hint="Send a smaller image.")


def parse_json(body: bytes) -> object:
    """The body as JSON. Raises `InvalidInputError`; duplicate names, NaN and `MAX_JSON_VALUES` are refused."""
    if sum(body.count(mark) for mark in (b"[", b"{", b",")) > MAX_JSON_VALUES:
        raise InvalidInputError("The body's JSON has too many values.")
    try:
        return json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
    except InvalidInputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("The body is not valid JSON.") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidInputError("The body's JSON names a field twice.")
    return found


def _no_constant(name: str) -> object:
    raise InvalidInputError(f"The body's JSON has {name}, which is not a JSON number.")
