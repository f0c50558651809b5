"""`image_duplicate`: the same picture is in the feed already, posted by the same author or by others.

A signal of its own, not a bank: the feed's own pictures come and go by the thousand, and are no secret to the feed. A
copy is no harm by itself, and a viral one must flood no queue: policy labels, routes or limits by these numbers.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from moderation.domain.bank import MAX_DISTANCE_BITS, MIN_QUALITY
from moderation.domain.ids import PostId
from moderation.domain.media import Refusal
from moderation.domain.published_picture import PublishedChange
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Match,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
)
from moderation.matching.feed_pictures import FeedPictures
from moderation.matching.hashes.pdq import from_hex
from moderation.media.subject import Subject

SOURCE = "image_match"
"""The signal that hashes the picture."""
MOST = 300_000
"""Published posts that are compared with, the newest ones: about 100 bytes each."""
MOST_COUNTED = 1_000
"""Copies that are counted at the most: of more, the nearest ones."""
CHECK_SECONDS = 1.0
"""How often a look is taken at what was published since."""
HOUR_S = 3600.0

IMAGE_DUPLICATE = SignalSpec(
    name="image_duplicate",
    version="1",
    surface=Surface.IMAGE,
    description=(
        f"How often the picture is among the newest {MOST:,} published posts already, within {MAX_DISTANCE_BITS} bits "
        "of PDQ."
    ),
    columns=(
        Column(
            "image_duplicate_others",
            ColumnKind.INTEGER,
            f"Published posts of other authors with this picture, counted to {MOST_COUNTED:,}; NULL without a usable "
            "hash",
            low=0,
            high=MOST_COUNTED,
            nullable=True,
        ),
        Column(
            "image_duplicate_own",
            ColumnKind.INTEGER,
            f"Published posts of the same author with this picture, counted to {MOST_COUNTED:,}; NULL without a usable "
            "hash",
            low=0,
            high=MOST_COUNTED,
            nullable=True,
        ),
        Column(
            "image_duplicate_distance",
            ColumnKind.INTEGER,
            "Differing bits of the nearest of them; NULL when there is none",
            low=0,
            high=MAX_DISTANCE_BITS,
            nullable=True,
        ),
        Column(
            "image_duplicate_age_hours",
            ColumnKind.FLOAT,
            "Hours since the oldest of them was published; NULL when there is none",
            low=0,
            nullable=True,
        ),
    ),
    cost_ms=1.0,
    needs=(SOURCE,),
    known_failures=(
        "Mirror images, rotations and crops are other pictures here.",
        "Pictures that differ in a detail or in a caption inside them can be within 31 bits of each other.",
        "A copy that was posted within the same second is not in the feed yet.",
        "Flat pictures have no usable hash, and no value.",
    ),
)


class PublishedPictures(Protocol):
    """Where the feed's pictures come from; `storage.published_pictures.PublishedPictureStore` is one."""

    def changes(self, after: int | None, *, most: int) -> PublishedChange:
        """What came into the feed, or left it, since event `after`; None: the newest `most`."""
        ...


class ImageDuplicate:
    """Implements `SignalType`. A batch is compared with what the last `refresh` knew; a post never with itself."""

    def __init__(
        self,
        source: PublishedPictures,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        most: int = MOST,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._clock = clock
        self._most = most
        self._monotonic = monotonic
        self._checked = 0.0
        self._number: int | None = None
        self._pictures = FeedPictures(most)
        self._lock = threading.Lock()

    @property
    def spec(self) -> SignalSpec:
        """See `IMAGE_DUPLICATE`."""
        return IMAGE_DUPLICATE

    def refresh(self) -> None:
        """Learn what was published or withdrawn since, at most once a second. Call before each batch.

        Raises what the source raises: a lane that cannot know it must not say that there is no copy.
        """
        with self._lock:
            now = self._monotonic()
            if self._number is None or now - self._checked >= CHECK_SECONDS:
                change = self._source.changes(self._number, most=self._most)
                self._pictures = self._pictures.followed(change)
                self._number, self._checked = change.number, now

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score for each picture that was hashed, a failure for every other."""
        if self._number is None:
            self.refresh()
        now = self._clock()
        return [self._measured(subject, now) for subject in batch]

    def _measured(self, subject: Subject, now: datetime) -> SignalResult:
        found = subject.earlier.get(SOURCE)
        if isinstance(subject.picture, Refusal):
            return SignalFailure(IMAGE_DUPLICATE.name, FailureReason.UNDECODABLE, subject.picture.reason)
        if not isinstance(found, Match):
            return SignalFailure(IMAGE_DUPLICATE.name, FailureReason.ERROR, f"{SOURCE} measured nothing")
        codes = [from_hex(one.pdq) for one in found.hashes if one.quality >= MIN_QUALITY]
        if not codes:
            return _score(None, None, None, None, PostId(""))
        with self._lock:
            copies = self._pictures.copies(
                np.stack(codes), subject.post.id, radius=MAX_DISTANCE_BITS, most=MOST_COUNTED
            )
        if not copies:
            return _score(0, 0, None, None, PostId(""))
        own = sum(one.author_id == subject.post.author.id for one in copies)
        oldest = min(one.published_at for one in copies)
        hours = max(0.0, (now - oldest).total_seconds() / HOUR_S)
        nearest = copies[0]
        return _score(len(copies) - own, own, nearest.distance_bits, hours, nearest.post_id)


def _score(
    others: int | None, own: int | None, distance: int | None, hours: float | None, nearest: PostId
) -> SignalResult:
    values = {
        "image_duplicate_others": others,
        "image_duplicate_own": own,
        "image_duplicate_distance": distance,
        "image_duplicate_age_hours": hours,
    }
    return Score(IMAGE_DUPLICATE.name, values, detail={"nearest": nearest})
