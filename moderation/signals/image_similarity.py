"""`image_similarity`: how alike the picture is to pictures that were rejected before, by what a classifier saw."""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol

from moderation.domain.ids import Digest, PostId
from moderation.domain.media import Refusal
from moderation.domain.rejected_picture import RejectedChange
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Features,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
)
from moderation.media.subject import Subject
from moderation.signals.int8_product import Int8Packer
from moderation.signals.known_pictures import KnownPictures

SOURCE = "image_nsfw"
"""The signal whose model's features are compared."""
MOST = 20_000
"""Rejected pictures that are compared with, the newest ones."""
ALIKE = 0.95
"""Pictures at least as similar as this are counted."""
CHECK_SECONDS = 1.0
"""How often a look is taken at what was rejected since."""

IMAGE_SIMILARITY = SignalSpec(
    name="image_similarity",
    version="1",
    surface=Surface.IMAGE,
    description=f"How alike the picture is to the newest {MOST:,} rejected or withdrawn ones, by what `{SOURCE}` saw.",
    columns=(
        Column(
            "image_rejected_similarity",
            ColumnKind.FLOAT,
            "Cosine of the most similar rejected picture's features: 1 the same; 0 when none was rejected yet; NULL "
            "when the classifier gives no features",
            low=-1.0,
            high=1.0,
            nullable=True,
            recommended={"high recall": 0.92, "balanced": 0.95, "high precision": 0.97},
        ),
        Column(
            "image_rejected_similar",
            ColumnKind.INTEGER,
            f"How many rejected pictures are at least {ALIKE} similar; NULL when the classifier gives no features",
            low=0,
            nullable=True,
        ),
    ),
    cost_ms=1.0,
    needs=(SOURCE,),
    known_failures=(
        "The features are a nudity classifier's: pictures alike in that are alike here, whoever they show.",
        "Thresholds are from ordinary photographs (of 14,706 pairs none over 0.88), not from rejected pictures.",
        "No detector of copies: use the banks for these. At 0.95 it finds all recompressed and resized copies.",
        "At 0.95 it finds 95 % of mirror images, 81 % of crops by 5 % a side, 55 % under a band of text.",
        "At 0.95 it finds 10 % of copies without colour and 3 % of crops by 15 % a side.",
        "After another model was promoted there is nothing to compare with until it has seen rejected pictures.",
        "A picture that is rejected for being similar makes others similar: let it hold, not reject.",
    ),
)


class RejectedPictures(Protocol):
    """Where rejected pictures come from; `storage.picture_features.PictureFeatureStore` is one."""

    def changes(self, after: int | None, *, most: int) -> RejectedChange:
        """What was rejected, or is not any more, since event `after`; None: the newest `most`."""
        ...


class ImageSimilarity:
    """Implements `SignalType`. A batch is compared with what the last `refresh` knew; a post never with itself."""

    def __init__(
        self, source: RejectedPictures, *, most: int = MOST, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._most = most
        self._monotonic = monotonic
        self._checked = 0.0
        self._number: int | None = None
        self._known: dict[Digest, KnownPictures] = {}
        self._packer = Int8Packer()
        self._lock = threading.Lock()

    @property
    def spec(self) -> SignalSpec:
        """See `IMAGE_SIMILARITY`."""
        return IMAGE_SIMILARITY

    def refresh(self) -> None:
        """Learn what was rejected since, at most once a second. Call before each batch.

        Raises what the source raises: a lane that cannot know it must not say that nothing is similar.
        """
        with self._lock:
            now = self._monotonic()
            if self._number is None or now - self._checked >= CHECK_SECONDS:
                self._follow(self._source.changes(self._number, most=self._most))
                self._checked = now

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score for each picture that `image_nsfw` measured, a failure for every other."""
        self._learn_once()
        results: list[SignalResult] = [_without_features(subject) for subject in batch]
        placed = [
            (place, subject.post.id, found.features)
            for place, subject in enumerate(batch)
            if isinstance(found := subject.earlier.get(SOURCE), Score) and found.features is not None
        ]
        placed.sort(key=lambda item: item[2].model)
        with self._lock:
            for model, group in groupby(placed, key=lambda item: item[2].model):
                ours = list(group)
                known = self._known.get(model)
                scores = _compare(known, [(post_id, features) for _, post_id, features in ours])
                for (place, _, _), score in zip(ours, scores, strict=True):
                    results[place] = score
        return results

    def _learn_once(self) -> None:
        if self._number is None:
            self.refresh()

    def _follow(self, change: RejectedChange) -> None:
        if change.whole:
            self._known = {}
        for post_id in change.removed:
            for known in self._known.values():
                known.remove(post_id)
        for picture in reversed(change.added) if change.whole else change.added:
            model = picture.features.model
            if model not in self._known:
                self._known[model] = KnownPictures(len(picture.features.values), self._most, self._packer)
            self._known[model].add(picture)
        for known in self._known.values():
            known.settle()
        self._number = change.number


def _compare(known: KnownPictures | None, asked: Sequence[tuple[PostId, Features]]) -> list[SignalResult]:
    """One result for each post with its features, all by the model of `known`; None: nothing was rejected yet."""
    if known is None or not len(known):
        return [_score(0.0, 0, "", 0) for _ in asked]
    sizes = {len(features.values) for _, features in asked}
    if known.problem or sizes != {known.size}:
        detail = known.problem or f"features of {sorted(sizes)} values, not {known.size}"
        return [SignalFailure(IMAGE_SIMILARITY.name, FailureReason.ERROR, detail) for _ in asked]
    return [
        _score(nearest.cosine, nearest.alike, nearest.post_id, nearest.compared)
        for nearest in known.nearest(asked, alike=ALIKE)
    ]


def _score(similarity: float, similar: int, nearest: str, compared: int) -> Score:
    values = {"image_rejected_similarity": similarity, "image_rejected_similar": similar}
    return Score(IMAGE_SIMILARITY.name, values, detail={"nearest": nearest, "compared": compared})


def _without_features(subject: Subject) -> SignalResult:
    """What is said of a post whose picture has no features: nothing, or why not."""
    found = subject.earlier.get(SOURCE)
    if isinstance(subject.picture, Refusal):
        return SignalFailure(IMAGE_SIMILARITY.name, FailureReason.UNDECODABLE, subject.picture.reason)
    if not isinstance(found, Score):
        return SignalFailure(IMAGE_SIMILARITY.name, FailureReason.ERROR, f"{SOURCE} measured nothing")
    values = {"image_rejected_similarity": None, "image_rejected_similar": None}
    return Score(IMAGE_SIMILARITY.name, values, detail={"nearest": "", "compared": 0})
