import asyncio
import threading
from collections.abc import Collection
from dataclasses import replace

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import Post, PostState
from review_ui.watch import VerdictWatch
from tests.factories import a_post


class Posts:
    """A store whose posts get their verdict when told to."""

    def __init__(self, *posts: Post) -> None:
        self.posts = {post.id: post for post in posts}
        self.queries: list[int] = []
        self.failures: list[Exception] = []
        self._lock = threading.Lock()

    def many(self, ids: Collection[PostId]) -> dict[PostId, Post]:
        with self._lock:
            self.queries.append(len(ids))
            if self.failures:
                raise self.failures.pop()
            return {post_id: self.posts[post_id] for post_id in ids if post_id in self.posts}

    def judge(self, post: Post) -> None:
        with self._lock:
            self.posts[post.id] = replace(post, state=PostState.HELD)


def test_everybody_who_waits_is_told() -> None:
    async def main() -> None:
        one, two = a_post(), a_post()
        store = Posts(one, two)
        watch = VerdictWatch(store.many, poll_seconds=0.01)
        waits = [asyncio.create_task(watch.wait(post.id, seconds=30)) for post in (one, one, two)]
        await asyncio.sleep(0.05)
        assert not any(wait.done() for wait in waits)
        store.judge(one)
        store.judge(two)
        found = await asyncio.gather(*waits)
        assert [post.id for post in found if post] == [one.id, one.id, two.id]
        assert set(store.queries) <= {1, 2}

    asyncio.run(main())


def test_nobody_waits_nobody_asks() -> None:
    async def main() -> None:
        post = a_post()
        store = Posts(post)
        watch = VerdictWatch(store.many, poll_seconds=0.01)
        assert await watch.wait(post.id, seconds=0.05) is None
        await asyncio.sleep(0.05)
        asked = len(store.queries)
        await asyncio.sleep(0.05)
        assert len(store.queries) == asked
        store.judge(post)
        assert await watch.wait(post.id, seconds=30) is not None

    asyncio.run(main())


def test_a_store_that_fails_meanwhile_only_delays() -> None:
    async def main() -> None:
        post = a_post()
        store = Posts(post)
        store.failures = [UnavailableError("gone"), RuntimeError("a defect")]
        watch = VerdictWatch(store.many, poll_seconds=0.01)
        store.judge(post)
        assert await watch.wait(post.id, seconds=30) is not None

    asyncio.run(main())


def test_more_waits_than_one_query_takes_are_asked_in_turn() -> None:
    async def main() -> None:
        posts = [a_post() for _ in range(1201)]
        store = Posts(*posts)
        for post in posts:
            store.judge(post)
        watch = VerdictWatch(store.many, poll_seconds=0.01)
        found = await asyncio.gather(*(watch.wait(post.id, seconds=30) for post in posts))
        assert all(found)
        assert max(store.queries) == 500

    asyncio.run(main())


def test_closing_ends_the_polling_and_every_wait() -> None:
    async def main() -> None:
        post = a_post()
        watch = VerdictWatch(Posts(post).many, poll_seconds=0.01)
        wait = asyncio.create_task(watch.wait(post.id, seconds=3600))
        await asyncio.sleep(0.02)
        await watch.close()
        assert await wait is None
        assert await watch.wait(post.id, seconds=3600) is None
        await watch.close()

    asyncio.run(main())
