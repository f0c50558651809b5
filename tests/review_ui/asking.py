"""One request straight to the application: the answer's beginning is enough, so that pages which never end can be asked
too.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI

SECONDS = 20.0
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """How an answer begins."""

    status: int
    headers: Mapping[str, str]


def ask(app: FastAPI, method: str, path: str, *, headers: Mapping[str, str] | None = None, **form: str) -> Answer:
    """Ask, with `form` as the body of anything but GET, and hang up once the answer has begun."""
    return asyncio.run(_ask(app, method, path, headers or {}, urlencode(form).encode() if form else b""))


async def _ask(app: FastAPI, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
    sent = {"host": "testserver", "content-type": FORM, "content-length": str(len(body)), **headers}
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("testserver", 80),
        "state": {},
        "app": app,
    }
    begun: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await begun
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and not begun.done():
            named = {name.decode(): value.decode() for name, value in message["headers"]}
            begun.set_result(Answer(message["status"], named))

    task = asyncio.create_task(app(scope, receive, send))
    try:
        both: set[asyncio.Future[Any]] = {task, begun}
        done, _ = await asyncio.wait(both, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            task.result()
        if not begun.done():
            raise AssertionError(f"{method} {path} did not answer")
        return begun.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
