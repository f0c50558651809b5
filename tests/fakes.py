"""Stand-ins for what surrounds screening: honest, in memory, and able to fail on demand."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from moderation.domain.errors import NotFoundError, UnavailableError
from moderation.domain.ids import Digest, PostId
from moderation.domain.job import Route
from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.domain.post import PENDING, Author, Claim, Post, PostState, check_transition
from moderation.domain.signal import Column, ColumnKind, FailureReason, Score, SignalFailure, SignalResult, Surface
from moderation.domain.signal import SignalSpec as Spec
from moderation.domain.verdict import Judgement, Screening, Verdict
from moderation.media.subject import Frame, Picture, Subject
from moderation.screening.ports import Committed, Router
from moderation.screening.screen import ScreeningParts

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
POLICY = Digest("a" * 64)
GREYNESS = Spec(
    name="greyness",
    version="1",
    surface=Surface.IMAGE,
    description="Mean brightness.",
    columns=(Column("greyness", ColumnKind.FLOAT, "Mean brightness.", 0, 255),),
    cost_ms=0.1,
)


class Clock:
    """Time that moves when told to."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at

    def __call__(self) -> datetime:
        return self._at

    def pass_seconds(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)


def post(number: int, *, received_at: datetime = START, deadline_seconds: float = 120) -> Post:
    """Post `number`, whose image is its number as text."""
    return Post(
        id=PostId(f"post-{number}"),
        image=Digest(f"{number:064x}"),
        image_bytes=1,
        caption=f"caption {number}",
        prompt="",
        author=Author("someone"),
        state=PostState.RECEIVED,
        received_at=received_at,
        deadline_at=received_at + timedelta(seconds=deadline_seconds),
    )


@dataclass
class Row:
    """A stored post with its lease."""

    post: Post
    token: str = ""
    expires_at: datetime = START
    attempt: int = 0


class MemoryPosts:
    """`ports.Posts` over a dict. `down` makes every call fail as a database that is away does."""

    def __init__(self, posts: Iterable[Post] = ()) -> None:
        self.rows = {post.id: Row(post) for post in posts}
        self.screenings: dict[PostId, list[Screening]] = {}
        self.published: list[PostId] = []
        self.routes: dict[PostId, Route] = {}
        self.bases: dict[PostId, str] = {}
        self.down = False
        self._tokens = 0
        self._lock = threading.Lock()

    def add(self, post: Post) -> None:
        with self._lock:
            self.rows[post.id] = Row(post)

    def _check(self) -> None:
        if self.down:
            raise UnavailableError("the database is away")

    def claim(self, lane: str, *, limit: int, lease_seconds: float, now: datetime) -> list[Claim]:
        self._check()
        with self._lock:
            free = [
                row
                for row in self.rows.values()
                if row.post.state is PostState.RECEIVED
                or (row.post.state is PostState.SCREENING and row.expires_at <= now)
            ]
            return [self._lease(row, lane, lease_seconds, now) for row in free[:limit]]

    def _lease(self, row: Row, lane: str, lease_seconds: float, now: datetime) -> Claim:
        self._tokens += 1
        row.token, row.attempt = f"token-{self._tokens}", row.attempt + 1
        row.expires_at = now + timedelta(seconds=lease_seconds)
        row.post = replace(row.post, state=PostState.SCREENING)
        return Claim(row.post, row.token, lane, row.attempt, row.expires_at)

    def _mine(self, claim: Claim) -> bool:
        row = self.rows[claim.post.id]
        return row.token == claim.token and row.post.state is PostState.SCREENING

    def renew(self, claims: Sequence[Claim], *, lease_seconds: float, now: datetime) -> list[Claim]:
        self._check()
        until = now + timedelta(seconds=lease_seconds)
        with self._lock:
            held = [claim for claim in claims if self._mine(claim)]
            for claim in held:
                self.rows[claim.post.id].expires_at = until
        return [replace(claim, expires_at=until) for claim in held]

    def release(self, claims: Sequence[Claim], *, now: datetime) -> None:
        self._check()
        with self._lock:
            for claim in claims:
                if self._mine(claim):
                    row = self.rows[claim.post.id]
                    row.post, row.token = replace(row.post, state=PostState.RECEIVED), ""
                    row.attempt -= 1

    def commit(
        self,
        screened: Sequence[tuple[Claim, Screening]],
        *,
        now: datetime,
        routes: Mapping[PostId, Route],
        bases: Mapping[PostId, str],
    ) -> Committed:
        self._check()
        stored, lost = [], []
        with self._lock:
            for claim, screening in screened:
                if not self._mine(claim):
                    lost.append(claim.post.id)
                    continue
                row, state = self.rows[claim.post.id], screening.judgement.verdict.state
                check_transition(row.post.state, state)
                row.post, row.token = replace(row.post, state=state), ""
                self.screenings.setdefault(claim.post.id, []).append(screening)
                if claim.post.id in routes:
                    self.routes[claim.post.id] = routes[claim.post.id]
                self.bases[claim.post.id] = bases.get(claim.post.id, "")
                stored.append(claim.post.id)
        return Committed(tuple(stored), tuple(lost))

    def hold_overdue(self, *, now: datetime, limit: int) -> list[PostId]:
        self._check()
        with self._lock:
            late = [row for row in self.rows.values() if row.post.state in PENDING and row.post.deadline_at <= now]
            for row in late[:limit]:
                row.post, row.token = replace(row.post, state=PostState.HELD), ""
        return [row.post.id for row in late[:limit]]

    def publish_approved(self, *, limit: int, now: datetime) -> list[PostId]:
        self._check()
        with self._lock:
            ready = [row for row in self.rows.values() if row.post.state is PostState.APPROVED][:limit]
            for row in ready:
                row.post = replace(row.post, state=PostState.PUBLISHED)
                self.published.append(row.post.id)
        return [row.post.id for row in ready]

    def states(self) -> dict[str, int]:
        with self._lock:
            found = [row.post.state.value for row in self.rows.values()]
        return {state: found.count(state) for state in set(found)}


@dataclass
class MemoryBlobs:
    """`ports.Blobs`: the bytes of post N are N as text, unless missing, unreadable or away."""

    missing: set[Digest] = field(default_factory=set)
    unreadable: set[Digest] = field(default_factory=set)
    down: bool = False

    def read(self, digest: Digest) -> bytes:
        if self.down or digest in self.unreadable:
            raise UnavailableError("the blob store is away")
        if digest in self.missing:
            raise NotFoundError("no such blob")
        return str(int(digest, 16)).encode()


class NumberDecoder:
    """`ports.Decoder`: the image "N" is one grey pixel of brightness N mod 256; "666" is refused."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        self.batches.append(len(images))
        return [
            Refusal(RefusalReason.CORRUPT, "the number of the beast") if image == b"666" else picture(int(image) % 256)
            for image in images
        ]


def picture(brightness: int) -> Picture:
    """One pixel."""
    return Picture(ImageFacts("PNG", 1, 1, 1, "RGB"), (Frame(np.full((1, 1, 3), brightness, np.uint8), {}),))


class Greyness:
    """`ports.Signals` with one signal, the brightness."""

    def __init__(self, on_batch: Callable[[Sequence[Subject]], None] = lambda _: None) -> None:
        self._on_batch = on_batch
        self.versions = {GREYNESS.name: GREYNESS.version}
        self.models: dict[str, str] = {}

    def measure(self, batch: Sequence[Subject]) -> list[tuple[SignalResult, ...]]:
        self._on_batch(batch)
        return [(self._one(subject),) for subject in batch]

    def _one(self, subject: Subject) -> SignalResult:
        if isinstance(subject.picture, Refusal):
            return SignalFailure(GREYNESS.name, FailureReason.UNDECODABLE, subject.picture.detail)
        return Score(GREYNESS.name, {"greyness": float(subject.picture.frames[0].rgb.mean())})


class OddIsBad:
    """`ports.Judge`: odd brightness rejects, a failure holds, the rest is approved."""

    digest = POLICY

    def evaluate(self, posts: Sequence[Post], results: Sequence[Sequence[SignalResult]]) -> list[Judgement]:
        return [self._one(found) for found in results]

    def _one(self, results: Sequence[SignalResult]) -> Judgement:
        failures = tuple(result.signal for result in results if isinstance(result, SignalFailure))
        if failures:
            return Judgement(Verdict.HOLD, False, "signal-failure", "", "a signal failed", (), failures)
        values: Mapping[str, object] = results[0].values if isinstance(results[0], Score) else {}
        odd = float(str(values["greyness"])) % 2 == 1
        return Judgement(Verdict.REJECT if odd else Verdict.APPROVE, True, "", "", "parity", ())


def parts(
    posts: MemoryPosts,
    *,
    clock: Callable[[], datetime] | None = None,
    blobs: MemoryBlobs | None = None,
    decoder: NumberDecoder | None = None,
    signals: Greyness | None = None,
    refresh: Callable[[], None] = lambda: None,
    router: Router | None = None,
) -> ScreeningParts:
    """Everything a lane needs, in memory."""
    judge = OddIsBad()
    return ScreeningParts(
        posts=posts,
        blobs=blobs or MemoryBlobs(),
        decoder=decoder or NumberDecoder(),
        signals=signals or Greyness(),
        judge=lambda: judge,
        refresh=refresh,
        clock=clock or Clock(),
        router=router,
    )
