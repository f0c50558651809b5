"""The outermost layer: request ids, security headers, one log line and one measurement per request, no bare errors."""

import re
import secrets
import time
from collections.abc import Mapping

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from review_ui.metrics import Metrics
from review_ui.problem import CODES, problem_response

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
CLIENT_GONE = 499
"""Logged when the client hung up before the answer (nginx's number)."""
SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Set on every response that does not set its own."""


class Edge:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.get_logger(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), CLIENT_GONE

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scope, request_id)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            except ClientDisconnect:
                pass
            except Exception:
                self._log.exception("request_failed", method=scope["method"], route=_route(scope))
                if status != CLIENT_GONE:
                    raise  # the response has begun: only cutting the connection tells the client that it is broken
                response = problem_response(scope, code="internal_error", status=500, detail=CODES["internal_error"])
                await response(scope, receive, send_with_headers)
            finally:
                self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route, client = _route(scope), scope["state"].get("client", "")
        self._metrics.observe_request(route, scope["method"], status, seconds)
        self._log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            client=client,
        )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return given
    return secrets.token_hex(12)


def _route(scope: Scope) -> str:
    """The route's path template: paths hold ids, and unknown ones would make metrics grow without end."""
    return str(getattr(scope.get("route"), "path", "unmatched"))


def _add_headers(message: Message, scope: Scope, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-ID"] = request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    allowance = scope["state"].get("allowance")
    if allowance is not None:
        headers["RateLimit-Policy"] = f'"key";q={allowance.limit};w=60'
        headers["RateLimit"] = f'"key";r={allowance.remaining};t={round(allowance.reset_s)}'
    if message["status"] in {408, 413, 415}:
        headers["Connection"] = "close"  # the body was not read to its end
