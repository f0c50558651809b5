"""Waiting for verdicts: one query per tick for everybody who waits, and no connection held between ticks."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

import structlog
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import ModerationError
from moderation.domain.ids import PostId
from moderation.domain.post import PENDING, Post

POLL_SECONDS = 0.05
POSTS_PER_QUERY = 500

Lookup = Callable[[Collection[PostId]], Mapping[PostId, Post]]
"""Posts by id, from the store; blocking."""


class VerdictWatch:
    """Tells many waiting requests of their posts' verdicts. Belongs to one event loop."""

    def __init__(self, lookup: Lookup, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._lookup = lookup
        self._poll_seconds = poll_seconds
        self._waiting: dict[PostId, set[asyncio.Future[Post | None]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def wait(self, post_id: PostId, *, seconds: float) -> Post | None:
        """The post as soon as it has a verdict; None when it has none after `seconds`, or at the end.

        A database that does not answer meanwhile only delays: the post is accepted, and its verdict can be asked for.
        """
        if self._closed:
            return None
        future: asyncio.Future[Post | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(post_id, set()).add(future)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            self._leave(post_id, future)

    async def close(self) -> None:
        """Stop polling; whoever still waits, or comes later, is told at once that there is no verdict yet.

        May be called twice.
        """
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_result(None)

    def _leave(self, post_id: PostId, future: asyncio.Future[Post | None]) -> None:
        futures = self._waiting.get(post_id, set())
        futures.discard(future)
        if not futures:
            self._waiting.pop(post_id, None)

    async def _poll(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._poll_seconds)
            ids = list(self._waiting)
            for start in range(0, len(ids), POSTS_PER_QUERY):
                await self._tell(ids[start : start + POSTS_PER_QUERY])

    async def _tell(self, ids: list[PostId]) -> None:
        try:
            posts = await run_in_threadpool(self._lookup, ids)
        except ModerationError as error:
            structlog.get_logger(__name__).warning("verdict_poll_failed", code=error.code, reason=error.message)
            return
        except Exception:  # noqa: BLE001 - whoever waits is told "pending" in time, whatever the store does
            structlog.get_logger(__name__).exception("verdict_poll_failed")
            return
        for post in posts.values():
            if post.state not in PENDING:
                for future in self._waiting.get(post.id, ()):
                    if not future.done():
                        future.set_result(post)
