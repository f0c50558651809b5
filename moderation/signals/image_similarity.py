"""`image_similarity`: how alike the picture is to pictures that were rejected before, by what a classifier saw."""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from moderation.domain.ids import Digest, PostId
from moderation.domain.media import Refusal
from moderation.domain.rejected_picture import RejectedChange, RejectedPicture
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
from moderation.signals.int8_product import Int8Product, shifted

SOURCE = "image_nsfw"
"""The signal whose model's features are compared."""
MOST = 20_000
"""Rejected pictures that are compared with, the newest ones."""
ALIKE = 0.95
"""Pictures at least as similar as this are counted."""
OWN = -2.0
"""Stands for the cosine of a picture with itself, which is not compared."""
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
        self._product = Int8Product()
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
                self._known[model] = KnownPictures(len(picture.features.values), self._most, self._product)
            self._known[model].add(picture)
        self._number = change.number


class KnownPictures:
    """Up to `most` features of one model as rows of a matrix; the oldest makes room for the newest."""

    def __init__(self, size: int, most: int, product: Int8Product) -> None:
        self.problem = ""
        """Why nothing can be compared with it; empty when all is well."""
        self._rows = np.empty((most, size), np.uint8)
        self._inverse = np.empty(most, np.float32)
        self._product = product
        self._places: dict[PostId, int] = {}
        self._ids: list[PostId] = []

    def __len__(self) -> int:
        """How many pictures it holds."""
        return len(self._ids)

    @property
    def size(self) -> int:
        """How many values a picture's features have."""
        return int(self._rows.shape[1])

    def add(self, picture: RejectedPicture) -> None:
        """Take a picture in, as the newest; one that is there already stays as it is."""
        if picture.post_id in self._places:
            return
        if len(picture.features.values) != self.size:
            found = len(picture.features.values)
            self.problem = f"features of post {picture.post_id} have {found} values, not {self.size}"
            return
        if len(self._ids) == len(self._rows):
            self.remove(next(iter(self._places)))
        place = len(self._ids)
        values = vector(picture.features)
        self._rows[place] = shifted(values)
        self._inverse[place] = inverse_lengths(values[np.newaxis])[0]
        self._places[picture.post_id] = place
        self._ids.append(picture.post_id)

    def remove(self, post_id: PostId) -> None:
        """Forget a picture; the last row takes its place. Nothing happens when it is not there."""
        place = self._places.pop(post_id, None)
        if place is None:
            return
        last = self._ids.pop()
        if last != post_id:
            self._rows[place] = self._rows[len(self._ids)]
            self._inverse[place] = self._inverse[len(self._ids)]
            self._ids[place] = last
            self._places[last] = place

    def cosines(self, asked: NDArray[np.int8]) -> NDArray[np.float32]:
        """Of queries of shape (m, size) with every picture, of shape (pictures, m); 0 for a vector without length."""
        count = len(self._ids)
        found = self._product(self._rows[:count], asked).astype(np.float32)
        found *= self._inverse[:count, np.newaxis]
        found *= inverse_lengths(asked)
        return np.clip(found, -1.0, 1.0, out=found)

    def place(self, post_id: PostId) -> int | None:
        """The row of a post in `cosines`, None when it is not there."""
        return self._places.get(post_id)

    def post(self, place: int) -> PostId:
        """The post of a row in `cosines`."""
        return self._ids[place]


def vector(features: Features) -> NDArray[np.int8]:
    """The features' values."""
    return np.frombuffer(features.values, np.int8)


def inverse_lengths(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """One divided by the length of each row; 0 for a row of zeros."""
    lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
    inverse: NDArray[np.float32] = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return inverse


def _compare(known: KnownPictures | None, asked: Sequence[tuple[PostId, Features]]) -> list[SignalResult]:
    """One result for each post with its features, all by the model of `known`; None: nothing was rejected yet."""
    if known is None or not len(known):
        return [_score(0.0, 0, "", 0) for _ in asked]
    sizes = {len(features.values) for _, features in asked}
    if known.problem or sizes != {known.size}:
        detail = known.problem or f"features of {sorted(sizes)} values, not {known.size}"
        return [SignalFailure(IMAGE_SIMILARITY.name, FailureReason.ERROR, detail) for _ in asked]
    cosines = known.cosines(np.stack([vector(features) for _, features in asked]))
    compared = [len(known)] * len(asked)
    for column, (post_id, _) in enumerate(asked):
        own = known.place(post_id)
        if own is not None:
            cosines[own, column] = OWN
            compared[column] -= 1
    nearest, similar = cosines.argmax(axis=0), (cosines >= ALIKE).sum(axis=0)
    return [
        _score(float(cosines[place, column]), int(similar[column]), known.post(int(place)), others)
        if others
        else _score(0.0, 0, "", 0)
        for column, (place, others) in enumerate(zip(nearest, compared, strict=True))
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
