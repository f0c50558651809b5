import asyncio

import pytest

from moderation.domain.errors import UnavailableError
from review_ui.body_budget import BodyBudget


def test_bodies_that_fit_are_read_at_once_and_others_wait_their_turn() -> None:
    async def main() -> None:
        budget, events = BodyBudget(10, wait_seconds=30), []

        async def body(name: str, size: int, release: asyncio.Event) -> None:
            async with budget.reserved(size):
                events.append(name)
                await release.wait()

        first, second = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(body("six", 6, first)), asyncio.create_task(body("four", 4, second))]
        await asyncio.sleep(0.01)
        tasks.append(asyncio.create_task(body("five", 5, second)))
        await asyncio.sleep(0.01)
        assert events == ["six", "four"]
        first.set()
        await asyncio.sleep(0.01)
        assert events == ["six", "four", "five"]
        second.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_who_finds_no_room_in_time_is_told_to_come_back() -> None:
    async def main() -> None:
        budget = BodyBudget(10, wait_seconds=0.02)
        async with budget.reserved(8):
            with pytest.raises(UnavailableError):
                async with budget.reserved(3):
                    pytest.fail("there was no room")
        async with budget.reserved(10):
            pass

    asyncio.run(main())


def test_a_body_over_the_whole_budget_is_read_alone() -> None:
    async def main() -> None:
        budget = BodyBudget(10, wait_seconds=0.02)
        async with budget.reserved(1_000):
            with pytest.raises(UnavailableError):
                async with budget.reserved(1):
                    pytest.fail("there was no room")

    asyncio.run(main())


def test_room_is_given_back_whatever_happens() -> None:
    async def main() -> None:
        budget = BodyBudget(10, wait_seconds=0.02)
        with pytest.raises(RuntimeError, match="broke"):
            async with budget.reserved(10):
                raise RuntimeError("broke")
        async with budget.reserved(10):
            pass

    asyncio.run(main())
