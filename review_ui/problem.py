"""Every refusal as an RFC 9457 problem document. Nothing of the request's content is repeated in one."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from moderation.domain.errors import InvalidInputError, ModerationError, RateLimitedError, UnavailableError

PROBLEM_JSON = "application/problem+json"
SERVER_ERROR = 500
MAX_FIELD_CHARS = 100
UNAVAILABLE_RETRY_S = 1
"""What `Retry-After` says when a part does not answer."""

CODES: Mapping[str, str] = {
    "not_found": "Nothing has that name, or the caller may not know of it.",
    "invalid_input": "A field is missing, malformed or outside its range; `errors` names each.",
    "method_not_allowed": "The path exists, but not with this method; `Allow` lists those it has.",
    "too_large": "The body or a field is over its limit.",
    "unsupported_media_type": "The body is neither multipart/form-data nor application/json, or it is compressed.",
    "body_timeout": "The body did not arrive in time.",
    "unreadable_picture": "The picture could not be decoded within the limits.",
    "no_usable_hash": "The picture is too plain to be told from others by its hash.",
    "fetch_refused": "The URL may not be fetched: fetching is off, or its host is not allowed or not public.",
    "fetch_failed": "What the URL names did not answer with a picture in time.",
    "conflict": "The request contradicts what is stored; `detail` says how.",
    "idempotency_key_reused": "The idempotency key was used before with another body.",
    "unauthenticated": "No valid API key was sent.",
    "forbidden": "The API key lacks the scope that this needs.",
    "wrong_credentials": "A name, password or code of the console is not right.",
    "csrf": "A form of the console was sent by another site, or by a page of an earlier session.",
    "rate_limited": "Too many requests for this key; `Retry-After` says when to come back.",
    "unavailable": "A part that is needed does not answer; nothing was changed. Send the same request again.",
    "internal_error": "A defect on this side; the request id finds it in the log.",
}
"""Every `code` that clients meet, and what it means."""


class FieldProblem(BaseModel):
    """One thing that is wrong with the request: `field` is a dotted path such as `author.account_age_days`."""

    field: str
    problem: str


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(description="Where this kind of problem is described.")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; compare this.")
    request_id: str = ""
    hint: str | None = None
    errors: list[FieldProblem] | None = None


class FieldsError(InvalidInputError):
    """An `InvalidInputError` that names each field."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("The request is not valid.")
        self.problems = tuple(problems)


def problem_response(
    scope: Mapping[str, object],
    *,
    code: str,
    status: int,
    detail: str,
    hint: str = "",
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response with the problem as its body; `scope` gives the request id."""
    state = scope.get("state")
    problem = Problem(
        type=f"/docs#problem-{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=str(state.get("request_id", "")) if isinstance(state, dict) else "",
        hint=hint or None,
        errors=list(errors) or None,
    )
    return Response(
        problem.model_dump_json(exclude_none=True), status, headers=dict(headers or {}), media_type=PROBLEM_JSON
    )


def refusal_response(scope: Mapping[str, object], error: ModerationError) -> Response:
    """The problem for a typed refusal. What a broken part says of itself is logged, not sent."""
    headers: dict[str, str] = {}
    detail, hint = error.message, error.hint
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="moderation"'
    if error.status >= SERVER_ERROR:
        structlog.get_logger(__name__).error("request_refused", code=error.code, reason=error.message)
        detail, hint = CODES["unavailable"], ""
        headers["Retry-After"] = str(UNAVAILABLE_RETRY_S)
    return problem_response(
        scope,
        code=UnavailableError.code if error.status >= SERVER_ERROR else error.code,
        status=error.status,
        detail=detail,
        hint=hint,
        errors=error.problems if isinstance(error, FieldsError) else (),
        headers=headers,
    )


def field_problems(errors: Sequence[Mapping[str, object]], *, skip: int = 0) -> list[FieldProblem]:
    """Pydantic's errors without their inputs; `skip` leaves out leading path parts such as "query"."""
    problems = []
    for error in errors:
        location = error.get("loc", ())
        path = [str(part) for part in location] if isinstance(location, tuple) else []
        field = ".".join(path[skip:])[:MAX_FIELD_CHARS].encode(errors="replace").decode()
        problems.append(FieldProblem(field=field, problem=str(error.get("msg", "is not valid"))))
    return problems


def install(app: FastAPI) -> None:
    """Answer every refusal of `app`'s routes with a problem."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ModerationError)
        return refusal_response(request.scope, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refusal_response(request.scope, FieldsError(field_problems(error.errors(), skip=1)))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        return problem_response(
            request.scope,
            code=status.name.lower(),
            status=status,
            detail=f"{status.phrase}.",
            headers=error.headers,
        )

    app.add_exception_handler(ModerationError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
