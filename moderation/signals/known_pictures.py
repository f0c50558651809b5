"""Features of pictures, laid out so that a batch finds the most similar one of many thousands in milliseconds.

The comparison is bound by arithmetic: 64 pictures of 1,024 values against 20,000 are 2.6 billion operations on 20 MB.
So the stored bytes are multiplied as they are (a float32 matrix of the same pictures takes five times as long and four
times the memory), they are laid out when they change and not for each batch, and of each block of products only the
best is kept, while they are in the processor's cache. `moderation bench signals` measures it beside its floors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.ids import PostId
from moderation.domain.rejected_picture import RejectedPicture
from moderation.domain.signal import Features
from moderation.signals.int8_product import Int8Packer, PackedRows

BLOCK = 1_000
"""Pictures that are laid out together, and again when one of them changes (2 ms); their products fit the cache."""
LEAST = float(np.finfo(np.float32).min)
"""Stands for the cosine of a picture with itself, which is not compared."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """What a picture is most like: a cosine, whose post that is, how many are alike, how many were compared.

    Nothing to compare with: 0, "", 0, 0.
    """

    cosine: float
    post_id: str
    alike: int
    compared: int


class KnownPictures:
    """Up to `most` features of one model; the newest takes the place of the oldest."""

    def __init__(self, size: int, most: int, packer: Int8Packer) -> None:
        self.problem = ""
        """Why nothing can be compared with it; empty when all is well."""
        self._rows = np.empty((most, size), np.int8)
        self._inverse = np.empty(most, np.float32)
        self._packer = packer
        self._packed: dict[int, PackedRows] = {}
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
        found = len(picture.features.values)
        if found != self.size or not found:
            self.problem = f"features of post {picture.post_id} have {found} values, not {self.size}"
            return
        if len(self._ids) < len(self._rows):
            place = len(self._ids)
            self._ids.append(picture.post_id)
        else:
            place = self._places.pop(next(iter(self._places)))
            self._ids[place] = picture.post_id
        values = vector(picture.features)
        self._rows[place], self._inverse[place] = values, inverse_lengths(values[np.newaxis])[0]
        self._places[picture.post_id] = place
        self._changed(place)

    def remove(self, post_id: PostId) -> None:
        """Forget a picture; the last row takes its place. Nothing happens when it is not there."""
        place = self._places.pop(post_id, None)
        if place is None:
            return
        end = len(self._ids) - 1
        last = self._ids.pop()
        self._changed(end)
        if last != post_id:
            self._rows[place], self._inverse[place] = self._rows[end], self._inverse[end]
            self._ids[place] = last
            self._places[last] = place
            self._changed(place)

    def settle(self) -> None:
        """Lay out what changed, so that the next comparison need not."""
        for start in range(0, len(self._ids), BLOCK):
            self._block(start)

    def nearest(self, asked: Sequence[tuple[PostId, Features]], *, alike: float) -> list[Nearest]:
        """For each post, in order, the most similar picture of another post, and how many are at least `alike`.

        All features must have `size` values.
        """
        vectors = np.stack([vector(features) for _, features in asked])
        places = (self._places.get(post_id) for post_id, _ in asked)
        own = {row: place for row, place in enumerate(places) if place is not None}
        lengths = inverse_lengths(vectors)
        best, where = np.full(len(asked), LEAST, np.float32), np.zeros(len(asked), np.int64)
        count, every = np.zeros(len(asked), np.int64), np.arange(len(asked))
        for start in range(0, len(self._ids), BLOCK):
            found = self._scaled(start, vectors)
            for row, place in own.items():
                if start <= place < start + found.shape[1]:
                    found[row, place - start] = LEAST
            at = found.argmax(axis=1)
            top = found[every, at]
            better = top > best
            best[better], where[better] = top[better], at[better] + start
            near = np.flatnonzero(top * lengths >= alike)
            count[near] += (found[near] * lengths[near, np.newaxis] >= alike).sum(axis=1)
        cosines = np.clip(best * lengths, -1.0, 1.0)
        compared = [len(self._ids) - (row in own) for row in every]
        return [
            Nearest(float(cosines[row]), self._ids[where[row]], int(count[row]), others)
            if others
            else Nearest(0.0, "", 0, 0)
            for row, others in enumerate(compared)
        ]

    def _scaled(self, start: int, vectors: NDArray[np.int8]) -> NDArray[np.float32]:
        """Products with the block that begins at `start`, divided by the lengths of its rows: (vectors, rows)."""
        found = self._block(start).products(vectors).astype(np.float32)
        found *= self._inverse[start : start + found.shape[1]]
        return found

    def _block(self, start: int) -> PackedRows:
        if start not in self._packed:
            self._packed[start] = self._packer.pack(self._rows[start : min(start + BLOCK, len(self._ids))])
        return self._packed[start]

    def _changed(self, place: int) -> None:
        self._packed.pop(place - place % BLOCK, None)


def vector(features: Features) -> NDArray[np.int8]:
    """The features' values."""
    return np.frombuffer(features.values, np.int8)


def inverse_lengths(vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """One divided by the length of each row; 0 for a row of zeros."""
    lengths = np.linalg.norm(vectors.astype(np.float32), axis=1)
    inverse: NDArray[np.float32] = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return inverse
