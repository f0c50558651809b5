"""What all request bodies together may take of memory, so that a flood is turned away and kills nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from moderation.domain.errors import UnavailableError

BUDGET_BYTES = 256 * 1024 * 1024
WAIT_SECONDS = 5.0
"""How long a request waits for room before it is told to come back."""


class BodyBudget:
    """Counts the bodies being read and stored. Belongs to one event loop."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._budget_bytes = budget_bytes
        self._wait_seconds = wait_seconds
        self._taken = 0
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def reserved(self, wanted_bytes: int) -> AsyncIterator[None]:
        """Hold room for one body; one that is larger than the whole budget waits until it is alone.

        Raises `UnavailableError` when there is no room in time.
        """
        share = min(wanted_bytes, self._budget_bytes)
        await self._take(share)
        try:
            yield
        finally:
            self._taken -= share
            async with self._freed:
                self._freed.notify_all()

    async def _take(self, share: int) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds), self._freed:
                await self._freed.wait_for(lambda: self._taken + share <= self._budget_bytes)
                self._taken += share
        except TimeoutError as error:
            raise UnavailableError("Too many posts are being received at once.") from error
