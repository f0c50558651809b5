"""Routes that refuse as HMA does: 400 for anything malformed, and a `message`, inside a problem document."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from moderation.domain.errors import InvalidInputError, ModerationError
from review_ui.problem import PROBLEM_JSON, FieldsError, field_problems, refusal_response

MALFORMED = 422
BAD_REQUEST = 400
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {
            PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": {"message": description}}
        },
    }
    for status, description in (
        (400, "Malformed, or a picture that has no usable hash."),
        (401, "No valid API key."),
        (403, "The key lacks the scope, or the name is taken."),
        (404, "There is no such thing."),
        (413, "Too large."),
        (429, "Too many requests for this key."),
        (503, "A part that is needed does not answer."),
    )
}
"""The refusals of a route, for the API's description."""


def answered(example: object) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers like this."""
    return {200: {"content": {"application/json": {"example": example}}}}


class HmaRoute(APIRoute):
    """A route whose refusals HMA's clients read: they look at the status and at `message`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler with its refusals changed."""
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except ModerationError as error:
                return hma_refusal(request, error)
            except RequestValidationError as error:
                return hma_refusal(request, FieldsError(field_problems(error.errors(), skip=1)))

        return answer


class TakenError(ModerationError):
    """The name is taken, which HMA says with 403."""

    code = "conflict"
    status = 403


def hma_refusal(request: Request, error: ModerationError) -> Response:
    """The problem document with HMA's status and `message`; the fields that are wrong are named in the message."""
    response = refusal_response(request.scope, error)
    document = json.loads(bytes(response.body))
    status = BAD_REQUEST if response.status_code == MALFORMED else response.status_code
    fields = [problem["field"] for problem in document.get("errors", ())]
    wrong = f" Wrong: {', '.join(fields)}." if fields and isinstance(error, InvalidInputError) else ""
    document |= {"status": status, "message": document["detail"] + wrong}
    if status == BAD_REQUEST:
        document["title"] = "Bad Request"
    headers = {
        name: value for name, value in response.headers.items() if name not in {"content-length", "content-type"}
    }
    return Response(json.dumps(document), status, headers=headers, media_type=PROBLEM_JSON)
