"""Many threads and processes on one database: no post judged twice, none lost."""

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TypeVar

from moderation.domain.post import PENDING, Claim, Committed, PostState
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from tests.factories import NOW, a_hold, a_screening, accept, after, an_approval
from tests.storage.tampering import count

T = TypeVar("T")

POSTS = 60
WORKERS = 4


def drain(url: str, lane: str) -> list[str]:
    """Be a lane until nothing is left; returns the ids of the posts whose verdict it stored."""
    database = Database.open(url)
    store = PostStore(database)
    stored: list[str] = []
    while claims := store.claim(lane, limit=7, lease_seconds=1000, now=after(60)):
        pairs = [
            (claim, a_screening(claim, a_hold() if number % 3 else an_approval()))
            for number, claim in enumerate(claims)
        ]
        stored += store.commit(pairs, now=after(61)).stored
    database.close()
    return stored


def fill(database: Database) -> set[str]:
    store = PostStore(database)
    return {accept(store, now=after(number / 100)).id for number in range(POSTS)}


def check_settled(database: Database, judged: list[str], posts: set[str]) -> None:
    """Every post has one verdict, by one lane, and the log tells of each once."""
    assert Counter(judged) == Counter(posts)
    assert count(database, "verdicts") == count(database, "screenings") == count(database, "outbox_messages") == POSTS
    counts = PostStore(database).counts()
    assert counts[PostState.HELD] + counts[PostState.APPROVED] == POSTS
    report = AuditStore(database).verify()
    assert (report.problem, report.events) == (None, 2 * POSTS)


def test_threads_never_get_the_same_post(database: Database, database_url: str) -> None:
    posts = fill(database)
    with ThreadPoolExecutor(WORKERS) as pool:
        results = pool.map(drain, [database_url] * WORKERS, [f"lane-{number}" for number in range(WORKERS)])
        judged = [post_id for result in results for post_id in result]
    check_settled(database, judged, posts)


def test_threads_that_share_one_pool_never_get_the_same_post(database: Database) -> None:
    fill(database)
    store, start = PostStore(database), threading.Barrier(WORKERS)

    def claim(lane: str) -> list[str]:
        start.wait()
        return [claim.post.id for _ in range(5) for claim in store.claim(lane, limit=4, lease_seconds=9, now=after(60))]

    with ThreadPoolExecutor(WORKERS) as pool:
        taken = [post_id for result in pool.map(claim, "abcd") for post_id in result]
    assert len(taken) == len(set(taken)) == POSTS


def test_processes_never_get_the_same_post(database: Database, database_url: str) -> None:
    posts = fill(database)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        results = pool.map(drain, [database_url] * 2, ["lane-0", "lane-1"])
        judged = [post_id for result in results for post_id in result]
    check_settled(database, judged, posts)


def together(*acts: Callable[[], T]) -> list[T]:
    """Run every act at once, each on its own thread."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, act) for act in acts]]


def commit(store: PostStore, claims: Sequence[Claim]) -> Committed:
    return store.commit([(claim, a_screening(claim)) for claim in claims], now=after(11))


def test_one_claim_committed_by_several_at_once_is_stored_once(database: Database) -> None:
    store = PostStore(database)
    for number in range(5):
        accept(store, now=after(number))
        (claim,) = store.claim("lane", limit=1, lease_seconds=10, now=after(number))
        results = together(*[partial(commit, store, [claim])] * 4)
        assert sum(len(result.stored) for result in results) == 1
    assert count(database, "verdicts") == 5


def test_a_verdict_and_a_missed_deadline_at_once_make_one_outcome(database: Database) -> None:
    store = PostStore(database)
    for number in range(8):
        post = accept(store, now=NOW, deadline_seconds=10)
        (claim,) = store.claim("lane", limit=1, lease_seconds=1000, now=NOW)
        together(
            partial(commit, store, [claim]),
            lambda: store.hold_overdue(now=after(11), limit=10),
            partial(store.renew, [claim], lease_seconds=10, now=after(11)),
        )
        settled = store.get(post.id)
        assert settled is not None
        assert settled.state in {PostState.APPROVED, PostState.HELD}
        assert count(database, "verdicts") == number + 1
    assert AuditStore(database).verify().problem is None


def test_several_publishers_publish_each_post_once(database: Database) -> None:
    store = PostStore(database)
    fill(database)
    claims = store.claim("lane", limit=POSTS, lease_seconds=10, now=after(60))
    store.commit([(claim, a_screening(claim)) for claim in claims], now=after(61))

    def publish() -> list[str]:
        done: list[str] = []
        while store.counts()[PostState.APPROVED]:
            done += store.publish_approved(limit=9, now=after(62))
        return done

    published = [post_id for result in together(publish, publish, publish) for post_id in result]
    assert len(published) == len(set(published)) == POSTS
    assert count(database, "outbox_messages") == 2 * POSTS


def test_several_couriers_never_hold_the_same_delivery(database: Database) -> None:
    outbox = OutboxStore(database)
    outbox.add_endpoint("one", "https://one.example/", "whsec_1", NOW)
    outbox.add_endpoint("two", "https://two.example/", "whsec_2", NOW)
    store = PostStore(database)
    fill(database)
    claims = store.claim("lane", limit=20, lease_seconds=10, now=after(60))
    store.commit([(claim, a_screening(claim)) for claim in claims], now=after(61))

    def work(worker: str) -> list[tuple[str, str]]:
        taken: list[tuple[str, str]] = []
        while due := outbox.claim(worker=worker, limit=3, lease_seconds=60, now=after(62)):
            taken += [(delivery.message.id, delivery.endpoint.name) for delivery in due]
        return taken

    results = together(lambda: work("a"), lambda: work("b"), lambda: work("c"))
    taken = [pair for result in results for pair in result]
    assert len(taken) == len(set(taken)) == 40


class Clock:
    """Moves on by a little whenever someone looks at it."""

    def __init__(self) -> None:
        self._lock, self._looks = threading.Lock(), 0

    def now(self) -> datetime:
        with self._lock:
            self._looks += 1
            return after(self._looks * 0.2)


def test_everything_at_once_ends_well(database: Database) -> None:
    """Clients, lanes whose leases end at any moment, the deadline sweep and the publisher."""
    store, clock, stop, posts = PostStore(database), Clock(), threading.Event(), 30

    def lane() -> None:
        while not stop.is_set():
            claims = store.claim("lane", limit=5, lease_seconds=0.5, now=clock.now())
            if len(claims) == 3:
                store.release(claims[:1], now=clock.now())
            kept = store.renew(claims, lease_seconds=0.5, now=clock.now())
            store.commit([(claim, a_screening(claim)) for claim in kept], now=clock.now())

    def sweep() -> None:
        while not stop.is_set():
            store.hold_overdue(now=clock.now(), limit=3)
            store.publish_approved(limit=4, now=clock.now())

    def client() -> None:
        try:
            for _ in range(posts):
                accept(store, now=clock.now(), deadline_seconds=30)
            while any(store.counts()[state] for state in (*PENDING, PostState.APPROVED)):
                clock.now()
        finally:
            stop.set()

    together(lane, lane, sweep, client)
    counts = store.counts()
    assert counts[PostState.PUBLISHED] + counts[PostState.HELD] == posts
    assert count(database, "verdicts") == posts
    assert AuditStore(database).verify().problem is None
