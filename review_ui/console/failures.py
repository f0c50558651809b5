"""Refusals as pages, where a person opened one of the console's pages; everything else stays a problem document."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from moderation.domain.errors import ModerationError
from moderation.domain.people import Person
from review_ui.console.shell import render
from review_ui.problem import CODES, SERVER_ERROR

CONSOLE = "/console"
TITLES = {
    401: "Please sign in",
    403: "Not yours to open",
    404: "Nothing here",
    409: "That has changed meanwhile",
    422: "That cannot be used",
    429: "Too many requests",
    503: "Not available right now",
}

Handler = Callable[[Request, Exception], Awaitable[Response]]


def install(app: FastAPI) -> None:
    """Show refusals of the console's pages as pages. Call after `problem.install`, whose answers stay for the rest."""
    for kind in (ModerationError, HTTPException):
        app.add_exception_handler(kind, _handler(app.exception_handlers[kind]))  # type: ignore[arg-type]  # Starlette's own type is wider


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks for a page of the console."""
    in_console = request.url.path == CONSOLE or request.url.path.startswith(f"{CONSOLE}/")
    return in_console and "text/html" in request.headers.get("accept", "")


def _handler(otherwise: Handler) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        answer = await otherwise(request, error)
        return _page(request, error, answer) if wants_page(request) else answer

    return handle


def _page(request: Request, error: Exception, answer: Response) -> Response:
    person = getattr(request.state, "person", None)
    known = isinstance(error, ModerationError) and answer.status_code < SERVER_ERROR
    detail = error.message if known and isinstance(error, ModerationError) else _plain(answer.status_code)
    values = {
        "title": TITLES.get(answer.status_code, HTTPStatus(answer.status_code).phrase),
        "detail": detail,
        "hint": error.hint if known and isinstance(error, ModerationError) else "",
        "request_id": getattr(request.state, "request_id", ""),
    }
    page = render(
        request,
        "console/failure.html",
        person if isinstance(person, Person) else None,
        values,
        status=answer.status_code,
    )
    for name in ("retry-after", "allow"):
        if name in answer.headers:
            page.headers[name] = answer.headers[name]
    return page


def _plain(status: int) -> str:
    return CODES["unavailable"] if status >= SERVER_ERROR else f"{HTTPStatus(status).phrase}."
