import asyncio
from dataclasses import dataclass

import pytest

from moderation.domain.errors import UnavailableError
from review_ui.recent import CACHE_SECONDS, Recent


@dataclass
class Source:
    """Counts its readings, which last until `go` is set; a clock to go with it."""

    go: asyncio.Event
    readings: int = 0
    now: float = 100.0
    fails: bool = False

    async def read(self) -> int:
        self.readings += 1
        number = self.readings
        await self.go.wait()
        if self.fails:
            raise UnavailableError("gone")
        return number

    def recent(self) -> "Recent[int]":
        return Recent(self.read, monotonic=lambda: self.now)


def test_a_flood_is_one_reading() -> None:
    async def main() -> None:
        source = Source(asyncio.Event())
        recent = source.recent()
        asked = [asyncio.create_task(recent.get()) for _ in range(50)]
        await asyncio.sleep(0)
        source.now += 10 * CACHE_SECONDS
        asked.append(asyncio.create_task(recent.get()))
        await asyncio.sleep(0)
        source.go.set()
        assert await asyncio.gather(*asked) == [1] * 51

    asyncio.run(main())


def test_a_value_is_read_anew_when_it_is_old() -> None:
    async def main() -> None:
        source = Source(asyncio.Event())
        source.go.set()
        recent = source.recent()
        found = []
        for passed in (0, 0.9 * CACHE_SECONDS, 0.1 * CACHE_SECONDS + 0.001, 0.5):
            source.now += passed
            found.append(await recent.get())
        assert found == [1, 1, 2, 2]

    asyncio.run(main())


def test_a_failure_is_told_to_all_and_tried_again_later() -> None:
    async def main() -> None:
        source = Source(asyncio.Event(), fails=True)
        source.go.set()
        recent = source.recent()
        for _ in range(3):
            with pytest.raises(UnavailableError):
                await recent.get()
        assert source.readings == 1
        source.fails, source.now = False, source.now + CACHE_SECONDS
        assert await recent.get() == 2

    asyncio.run(main())


def test_who_hangs_up_does_not_end_the_reading_for_others() -> None:
    async def main() -> None:
        source = Source(asyncio.Event())
        recent = source.recent()
        first, second = asyncio.create_task(recent.get()), asyncio.create_task(recent.get())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        source.go.set()
        assert await second == 1
        assert first.cancelled()

    asyncio.run(main())
