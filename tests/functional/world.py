"""A system of real parts in a temporary place: database, blobs, models, lanes as processes that may be killed."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, KeysView, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from datasets.samples import SamplePost, sample_posts
from moderation.assembly import blob_store, intake, now, open_database
from moderation.bench.processes import environment
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import PENDING, Author, PostState
from moderation.domain.signal import SignalFailure
from moderation.domain.verdict import Verdict
from moderation.screening.intake import Submission
from moderation.settings import Settings, load_settings
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneStore
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore

LEASE_SECONDS = 3.0
PATIENCE_SECONDS = 90.0


@cache
def _pictures() -> tuple[SamplePost, ...]:
    return tuple(sample for sample in sample_posts() if len(sample.image) < 400_000)


@dataclass
class World:
    """The place, and what happened in it."""

    settings: Settings
    database: Database
    log: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    accepted: int = 0

    @property
    def posts(self) -> PostStore:
        return PostStore(self.database)

    def accept(self, count: int) -> list[PostId]:
        """`count` posts through the real intake; captions differ, so that no two posts are the same."""
        door = intake(self.settings, self.database, blob_store(self.settings))
        pictures = _pictures()
        ids = []
        first, self.accepted = self.accepted, self.accepted + count
        for number in range(first, first + count):
            sample = pictures[number % len(pictures)]
            submission = Submission(sample.image, f"{sample.caption} {number}", sample.prompt, Author(f"a{number}"))
            ids.append(door.accept(submission, client="test", idempotency_key=f"k{number}", now=now()).post.id)
        return ids

    @contextmanager
    def lane(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A lane process; killed at the end if it still lives."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "moderation", "lane", "--name", name],
                env=environment(self.settings),
                stdout=log,
                stderr=log,
            )
            self.processes.append(process)
            try:
                yield process
            finally:
                self.processes.remove(process)
                process.kill()
                process.wait()

    def until_working(self, *names: str) -> None:
        """Wait until these lanes claim posts."""
        lanes = LaneStore(self.database)

        def working() -> bool:
            alive = {beat.name for beat in lanes.alive(within_seconds=10, now=now()) if beat.state == "working"}
            return alive >= set(names)

        self.until(working, f"lanes {names} work")

    def until_judged(self, ids: Sequence[PostId]) -> None:
        """Wait until every post has its verdict and every approved one is published."""

        def judged() -> bool:
            states = {post.state for post in self.posts.many(ids).values()}
            return not states & {*PENDING, PostState.APPROVED}

        self.until(judged, "every post is judged")

    def until(self, true: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not _answers(true):
            ended = bool(self.processes) and all(process.poll() is not None for process in self.processes)
            if ended or time.monotonic() > end:
                raise AssertionError(
                    f"{'every lane ended' if ended else 'too late'}: {what}\n{self.log.read_text()[-4000:]}"
                )
            time.sleep(0.05)

    def some_progress(self, rng: random.Random) -> None:
        """Let a lane work for a random while: it may be killed at any point of a batch."""
        time.sleep(rng.uniform(0.0, 0.6))

    def check_promises(self, ids: Sequence[PostId]) -> Counter[str]:
        """Nothing lost, nothing twice, nothing published without a complete approval; returns posts by state."""
        found = self.posts.many(ids)
        assert len(found) == len(ids), "a post was lost"
        screenings = ScreeningStore(self.database)
        for post in found.values():
            assert post.state in {PostState.PUBLISHED, PostState.HELD, PostState.REJECTED}, post
            history = screenings.history(post.id)
            assert len(history) == 1, f"{post.id} has {len(history)} verdicts"
            [screening] = history
            if post.state is PostState.PUBLISHED:
                assert screening.judgement.verdict is Verdict.APPROVE
                assert screening.judgement.complete
                assert not any(isinstance(result, SignalFailure) for result in screening.results)
        self._check_messages(found.keys())
        report = AuditStore(self.database).verify()
        assert report.problem is None, report.problem
        return Counter(post.state.value for post in found.values())

    def _check_messages(self, ids: KeysView[PostId]) -> None:
        messages = [message for message in OutboxStore(self.database).messages(None, 100_000) if message.post_id in ids]
        told = Counter((message.post_id, message.type) for message in messages)
        assert set(told.values()) <= {1}, "an event was told twice"
        assert len({message.id for message in messages}) == len(messages)
        for post_id in ids:
            kinds = {kind for of, kind in told if of == post_id}
            assert len(kinds & {"post.approved", "post.held", "post.rejected"}) == 1, kinds


def _answers(true: Callable[[], bool]) -> bool:
    """False also while the database is away."""
    try:
        return true()
    except UnavailableError:
        return False


@contextmanager
def world(folder: Path, url: str, **changes: object) -> Iterator[World]:
    """A place whose database is at `url`; `changes` are settings."""
    models = load_settings().models.resolve()
    settings = Settings.model_validate(
        {
            "home": folder,
            "database_url": url,
            "models_dir": models,
            "lease_seconds": LEASE_SECONDS,
            "lane_idle_seconds": 600.0,
            "deadline_seconds": 600.0,
            "batch_posts": 8,
            **changes,
        }
    )
    database = open_database(settings)
    database.migrate()
    try:
        yield World(settings, database, folder / "lanes.log")
    finally:
        database.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL: nothing is tidied up."""
    process.send_signal(signal.SIGKILL)
    process.wait()
