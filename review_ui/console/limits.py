"""How much, and for how long, anybody may send to the console, before anything there parses it."""

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moderation.domain.errors import TooLargeError
from review_ui.errors import BodyTimeoutError
from review_ui.problem import problem_response

CONSOLE = "/console"
TAKES_PICTURES = f"{CONSOLE}/search/picture"
FORM_BYTES = 1024 * 1024
FORM_SECONDS = 30.0


class BodyLimit:
    """ASGI middleware: bodies sent to the console have at most `FORM_BYTES`, and room for an image where one is taken.

    An address with a NUL, which no database takes, is refused. Whoever reads more gets a `TooLargeError`, whoever waits
    longer than `FORM_SECONDS` a `BodyTimeoutError`.
    """

    def __init__(self, app: ASGIApp, *, max_image_bytes: int, seconds: float = FORM_SECONDS) -> None:
        self._app = app
        self._max_image_bytes = max_image_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; only the console's are limited."""
        if scope["type"] != "http" or not scope["path"].startswith(CONSOLE):
            await self._app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            refusal = problem_response(
                scope, code="invalid_input", status=422, detail="No address has such a character."
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._limited(scope, receive), send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        limit, until = self._limit(scope), time.monotonic() + self._seconds
        taken, complete = 0, False

        async def limited() -> Message:
            nonlocal taken, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, until - time.monotonic())):
                    message = await receive()
            except TimeoutError as error:
                raise BodyTimeoutError(f"The form did not arrive within {self._seconds:g} seconds.") from error
            taken += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if taken > limit:
                raise TooLargeError(f"The form has more than {limit} bytes.")
            return message

        return limited

    def _limit(self, scope: Scope) -> int:
        if scope["path"] == TAKES_PICTURES:
            return self._max_image_bytes + FORM_BYTES
        return FORM_BYTES
