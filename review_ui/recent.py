"""What open pages show, read at most once a second: a flood of requests is one query, and never a busy thread pool."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

CACHE_SECONDS = 1.0

ResultT = TypeVar("ResultT")


class Recent(Generic[ResultT]):
    """One value for everybody who asks within `CACHE_SECONDS` of the last reading's end. Belongs to one event loop.

    A failure counts as a value: a database that is away is asked once a second too, not once for each request.
    """

    def __init__(
        self, read: Callable[[], Awaitable[ResultT]], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._reading: asyncio.Task[ResultT] | None = None
        self._read_at = 0.0

    async def get(self) -> ResultT:
        """The value, or the exception that reading it raised. Who hangs up does not end the reading for the others."""
        if self._reading is None or self._is_old(self._reading):
            self._reading = asyncio.create_task(self._run())
        return await asyncio.shield(self._reading)

    def _is_old(self, reading: "asyncio.Task[ResultT]") -> bool:
        return reading.done() and (reading.cancelled() or self._monotonic() - self._read_at >= CACHE_SECONDS)

    async def _run(self) -> ResultT:
        try:
            return await self._read()
        finally:
            self._read_at = self._monotonic()
