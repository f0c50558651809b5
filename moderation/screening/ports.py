"""What screening needs of storage and of its measuring parts, as protocols.

Only `pipelines/resources.py`, `review_ui/app.py` and `cli.py` build the real objects.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from moderation.domain.bank import BankContents
from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.job import Route
from moderation.domain.media import Refusal
from moderation.domain.post import Claim, Committed, Post
from moderation.domain.signal import SignalResult
from moderation.domain.verdict import Judgement, Screening
from moderation.media.subject import Picture, Subject
from moderation.signals.shadows import Picked

__all__ = ["Banks", "Blobs", "Committed", "Decoder", "Judge", "Posts", "Router", "Shadows", "Signals"]


class Posts(Protocol):
    """Posts under lease. Every method is one transaction."""

    def claim(self, lane: str, *, limit: int, lease_seconds: float, now: datetime) -> list[Claim]:
        """Take up to `limit` posts, oldest first: received ones, and those whose lease has expired.

        Of several posts at most one, the first, was tried before: new posts do not wait behind such posts.
        """
        ...

    def renew(self, claims: Sequence[Claim], *, lease_seconds: float, now: datetime) -> list[Claim]:
        """Extend the leases still held; returns those, with their new end."""
        ...

    def release(self, claims: Sequence[Claim], *, now: datetime) -> None:
        """Give posts back unscreened, so that another lane takes them at once."""
        ...

    def commit(
        self,
        screened: Sequence[tuple[Claim, Screening]],
        *,
        now: datetime,
        routes: Mapping[PostId, Route],
        bases: Mapping[PostId, str],
    ) -> Committed:
        """Store evidence, verdict, audit event and outbox message or job for every claim still held.

        A claim that is no longer held (expired and taken, or already judged) leaves nothing behind. A held post
        without a route waits in the queue that the judgement names; one without a basis is a case of its own.
        """
        ...

    def hold_overdue(self, *, now: datetime, limit: int) -> list[PostId]:
        """Hold posts in the `stalled` queue whose deadline passed without a verdict."""
        ...


class Blobs(Protocol):
    """Content-addressed bytes."""

    def read(self, digest: Digest) -> bytes:
        """The bytes, verified against their digest. Raises `UnavailableError` when the store does not answer,
        `NotFoundError` when it has no such blob or its bytes are not the ones that were stored.
        """
        ...


class Decoder(Protocol):
    """The one image decoder."""

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        """One result per image, in order. Never raises for what an image contains."""
        ...


class Signals(Protocol):
    """Every signal type of the catalog, run over a batch."""

    def measure(self, batch: Sequence[Subject]) -> list[tuple[SignalResult, ...]]:
        """For each subject one result of every signal type, in catalog order. Never raises."""
        ...

    @property
    def versions(self) -> dict[str, str]:
        """Spec version by signal name."""
        ...

    @property
    def models(self) -> dict[str, str]:
        """SHA-256 by model name, of the models that the signal types loaded."""
        ...


class Shadows(Protocol):
    """Candidates for signals, asked about posts after their verdict. No method raises or waits."""

    def pick(
        self,
        subjects: Sequence[Subject],
        results: Sequence[tuple[SignalResult, ...]],
        ids: Sequence[ScreeningId],
    ) -> Picked | None:
        """What to keep of a judged batch until it is committed, for `submit`; None for nothing."""
        ...

    def submit(self, picked: Picked, stored: Collection[ScreeningId]) -> None:
        """Ask the candidates about those of the picked posts whose screening was stored."""
        ...


class Judge(Protocol):
    """A compiled policy."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of the policy document's text."""
        ...

    def evaluate(self, posts: Sequence[Post], results: Sequence[Sequence[SignalResult]]) -> list[Judgement]:
        """One judgement per post, in order. A condition that cannot be decided holds; never raises for content."""
        ...


class Router(Protocol):
    """Which queue a held post waits in, and how urgent it is."""

    def route(self, post: Post, results: Sequence[SignalResult], judgement: Judgement) -> Route:
        """The route of one held post. Whatever it raises, the post is held in the queue that `judgement` names."""
        ...


class Banks(Protocol):
    """Where bank contents come from."""

    def checkpoint(self) -> str:
        """The number of the newest change, cheaply."""
        ...

    def contents(self, as_of: str | None = None) -> BankContents:
        """Every bank and entry as of a checkpoint (None: now)."""
        ...
