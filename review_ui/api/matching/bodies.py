"""Bodies of the matching routes, read under limits before anything parses them."""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import InvalidInputError
from review_ui.api.matching.service import Matching
from review_ui.api.schema import inlined
from review_ui.body import JSON, MULTIPART, declared_bytes, media_type, parse_json, read_body
from review_ui.errors import UnsupportedMediaTypeError
from review_ui.forms import parse_form, text
from review_ui.problem import FieldProblem, FieldsError, field_problems
from review_ui.site import Site

SMALL_BODY_BYTES = 256 * 1024
"""For bodies without a picture; 256 hashes with their qualities are a tenth of it."""
SMALL_BODY_SECONDS = 15.0
PHOTO = "photo"
"""HMA's name of the only content type that is hashed here."""

HASHES = re.compile(r"[0-9a-fA-F]{16,}")

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request carries: a picture's bytes, or where to fetch it from, or neither; and what is said beside it."""

    image: bytes | None = None
    url: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


async def small_json(request: Request, model: type[ModelT]) -> ModelT:
    """A JSON body without a picture, as `model`. Raises `InvalidInputError`, and what `small_object` raises."""
    return validated(model, await small_object(request))


async def small_object(request: Request) -> object:
    """A JSON body without a picture, parsed. Raises `InvalidInputError`, `TooLargeError` and what reading raises."""
    if media_type(request) != JSON:
        raise UnsupportedMediaTypeError("The body is not JSON.", hint=f"Send {JSON}.")
    return parse_json(await read_body(request, max_bytes=SMALL_BODY_BYTES, seconds=SMALL_BODY_SECONDS))


@asynccontextmanager
async def sent(request: Request, site: Site) -> AsyncIterator[Sent]:
    """The request's picture: the file `image` of a form, or `image` (base64) or `url` of a JSON document.

    Memory for it is reserved inside the context. Raises `InvalidInputError`, `TooLargeError`, `UnavailableError`.
    """
    async with _body(request, site) as (kind, body):
        content_type = request.headers["content-type"]
        yield (
            await run_in_threadpool(_from_json, body)
            if kind == JSON
            else await run_in_threadpool(_from_form, content_type, body, "image")
        )


@asynccontextmanager
async def sent_file(request: Request, site: Site) -> AsyncIterator[Sent]:
    """The request's picture as HMA's clients send it: a form whose only file is called `photo`."""
    async with _body(request, site) as (kind, body):
        if kind != MULTIPART:
            raise InvalidInputError("There is no file: send multipart/form-data with a file called photo.")
        yield await run_in_threadpool(_from_form, request.headers["content-type"], body, PHOTO)


async def image_of(found: Sent, matching: Matching) -> bytes:
    """The picture's bytes, fetched where only its URL was sent. Raises `InvalidInputError` when there is neither."""
    if (found.image is None) == (found.url is None):
        raise InvalidInputError("Send one picture: `image`, or `url`.")
    if found.image is not None:
        return found.image
    return await matching.fetcher.fetch(found.url or "")


def validated(model: type[ModelT], value: object) -> ModelT:
    """`value` as a model. Raises `FieldsError` naming each wrong field, never its value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = field_problems(error.errors(include_input=False, include_context=False))
        raise FieldsError([_without_hashes(problem) for problem in problems]) from error


def json_schema(model: type[BaseModel], example: object) -> dict[str, Any]:
    """The OpenAPI description of a JSON body."""
    content = {JSON: {"schema": inlined(model.model_json_schema()), "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def picture_schema(
    properties: Mapping[str, object] | None = None, *, name: str = "image", by_json: bool = True, required: bool = True
) -> dict[str, Any]:
    """The OpenAPI description of a body with a picture, and `properties` beside it."""
    binary = {"type": "string", "format": "binary", "description": "The image file."}
    more = dict(properties or {})
    content: dict[str, Any] = {MULTIPART: {"schema": {"type": "object", "properties": {name: binary, **more}}}}
    if by_json:
        coded = {"type": "string", "format": "byte", "description": "The image file's bytes in base64."}
        url = {"type": "string", "description": "Where to fetch it from instead, if the server allows that host."}
        schema = {"type": "object", "properties": {name: coded, "url": url, **more}}
        content[JSON] = {"schema": schema, "example": {"url": "https://images.example/a.png"}}
    return {"requestBody": {"required": required, "content": content}}


def _without_hashes(problem: FieldProblem) -> FieldProblem:
    """The problem, without a hash that somebody sent as the name of a field."""
    return FieldProblem(field=HASHES.sub("…", problem.field), problem=problem.problem)


@asynccontextmanager
async def _body(request: Request, site: Site) -> AsyncIterator[tuple[str, bytes]]:
    kind, limits = media_type(request), site.body_limits
    most = limits.bytes_for(kind)
    async with site.body_budget.reserved(min(most, declared_bytes(request, most))):
        yield kind, await read_body(request, max_bytes=most, seconds=limits.seconds)


def _from_json(body: bytes) -> Sent:
    document = parse_json(body)
    if not isinstance(document, dict):
        raise InvalidInputError("The body is not a JSON object.")
    fields = dict(document)
    image, url = fields.pop("image", None), fields.pop("url", None)
    if not isinstance(url, str | None) or not isinstance(image, str | None):
        raise InvalidInputError("`image` and `url` are texts.")
    try:
        data = None if image is None else base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("The image is not valid base64.") from error
    return Sent(data, url, fields)


def _from_form(content_type: str, body: bytes, name: str) -> Sent:
    parts = parse_form(content_type, body)
    image = parts.pop(name, None)
    if image is None and name == PHOTO:
        raise InvalidInputError("There is no file called photo.", hint="Only photos are hashed here.")
    return Sent(image, None, {part: text(value, "fields") for part, value in parts.items()})


def form_json(value: object) -> object:
    """A form's field that holds a JSON document. Raises `InvalidInputError`."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("A field of the form is not valid JSON.") from error
