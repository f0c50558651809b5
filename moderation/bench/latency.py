"""`bench latency`: from sending a post to knowing its verdict, over HTTP, with a real API and a real lane."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from moderation.assembly import now, open_database
from moderation.bench.processes import api_process, lane_process
from moderation.bench.result import BenchResult
from moderation.bench.workspace import submissions, workspace
from moderation.domain.errors import UnavailableError
from moderation.screening.intake import Submission
from moderation.screening.report import quantile
from moderation.settings import Settings
from moderation.storage.keys import ApiKeyStore
from moderation.storage.posts import PostStore

LOAD = 0.7
WAIT_SECONDS = 30
WARM_UP = 8
CLIENTS = 48
TARGETS = (("p50_s", "<=", 0.4), ("p99_s", "<=", 1.0), ("loaded_p99_s", "<=", 3.0))


def bench_latency(
    settings: Settings, *, posts: int, seconds: float, images: Path | None, tell: Callable[[str], None]
) -> BenchResult:
    """One post at a time; then as many as the machine takes; then arrivals at random moments at 70 % of that."""
    with workspace(settings) as place, _service(place) as client:
        pictures = list(submissions(posts, images))
        for submission in pictures[:WARM_UP]:
            _timed(client, submission)
        alone = [_timed(client, submission) for submission in pictures]
        tell(f"one at a time: p50 {quantile(alone, 0.5):.3f} s, p99 {quantile(alone, 0.99):.3f} s")
        rate = _full_load(client, pictures, place)
        tell(f"full load: {rate:.1f} posts/s")
        loaded = _arrivals(client, pictures, rate=rate * LOAD, seconds=seconds)
        tell(f"at {LOAD:.0%} load: p50 {quantile(loaded, 0.5):.3f} s, p99 {quantile(loaded, 0.99):.3f} s")
    figures = {
        "p50_s": quantile(alone, 0.5),
        "p95_s": quantile(alone, 0.95),
        "p99_s": quantile(alone, 0.99),
        "full_load_posts_per_s": rate,
        "loaded_p50_s": quantile(loaded, 0.5),
        "loaded_p99_s": quantile(loaded, 0.99),
        "loaded_posts": float(len(loaded)),
    }
    return BenchResult("latency", figures, targets=TARGETS)


@contextmanager
def _service(settings: Settings) -> Iterator[httpx.Client]:
    database = open_database(settings)
    database.migrate()
    scopes = frozenset({"posts:write", "posts:read"})
    _, secret = ApiKeyStore(database).create("bench", scopes=scopes, per_minute=1_000_000, now=now())
    with api_process(settings) as address, lane_process(settings, "bench-lane"):
        limits = httpx.Limits(max_connections=CLIENTS)
        with httpx.Client(
            base_url=address,
            headers={"authorization": f"Bearer {secret}"},
            timeout=WAIT_SECONDS + 10,
            limits=limits,
            trust_env=False,
        ) as client:
            yield client
    database.close()


def _send(client: httpx.Client, submission: Submission, wait: int) -> str:
    response = client.post(
        "/v1/posts",
        params={"wait": wait} if wait else {},
        files={"image": ("image", submission.image)},
        data={"caption": submission.caption, "prompt": submission.prompt, "author": submission.author.id},
    )
    response.raise_for_status()
    return str(response.json()["state"])


def _timed(client: httpx.Client, submission: Submission) -> float:
    begin = time.perf_counter()
    state = _send(client, submission, WAIT_SECONDS)
    if state in {"received", "screening"}:
        raise UnavailableError(f"No verdict within {WAIT_SECONDS} s.", hint="See the lane's log.")
    return time.perf_counter() - begin


def _full_load(client: httpx.Client, posts: list[Submission], settings: Settings) -> float:
    """Posts a second when they are sent as fast as the API takes them."""
    database = open_database(settings)
    store = PostStore(database)
    begin = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda submission: _send(client, submission, 0), posts))
    while store.oldest_pending_at() is not None:
        time.sleep(0.02)
    rate = len(posts) / (time.perf_counter() - begin)
    database.close()
    return rate


def _arrivals(client: httpx.Client, posts: list[Submission], *, rate: float, seconds: float) -> list[float]:
    """Latencies of posts that arrive as a Poisson process; a late start counts as waiting."""
    rng = random.Random(1)  # noqa: S311 - arrival times, not a secret
    found: list[float] = []
    lock = threading.Lock()

    def one(submission: Submission, due: float) -> None:
        _timed(client, submission)
        with lock:
            found.append(time.perf_counter() - due)

    due = time.perf_counter()
    end = due + seconds
    with ThreadPoolExecutor(CLIENTS) as pool:
        futures: list[Future[None]] = []
        while due < end:
            due += rng.expovariate(rate)
            time.sleep(max(0.0, due - time.perf_counter()))
            futures.append(pool.submit(one, posts[len(futures) % len(posts)], due))
        for future in futures:
            future.result()
    return found
