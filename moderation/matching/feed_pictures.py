"""The feed's own pictures in memory, by their hashes. Not thread-safe: its owner guards it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from moderation.domain.ids import PostId
from moderation.domain.published_picture import PublishedChange, PublishedPicture
from moderation.matching.hashes.pdq import CODE_BYTES
from moderation.matching.multi_index.live import LiveIndex

SLACK = 10_000
"""Rows of pictures that have left, beyond as many as are there, before the index is made anew."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A published post with the picture, and in how many bits its nearest frame differs."""

    post_id: PostId
    author_id: str
    published_at: datetime
    distance_bits: int


class FeedPictures:
    """At most `most` posts, the newest; the oldest are forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._index = LiveIndex()
        self._posts: dict[PostId, tuple[PublishedPicture, range]] = {}
        self._of_key: dict[int, PostId] = {}
        self._next = 0

    def __len__(self) -> int:
        """How many posts there are."""
        return len(self._posts)

    def followed(self, change: PublishedChange) -> "FeedPictures":
        """With what came and without what left: these pictures themselves, or new ones when the change is whole."""
        if change.whole:
            fresh = FeedPictures(self._most)
            fresh._add(list(reversed(change.added)))
            return fresh
        self._remove([post_id for post_id in change.removed if post_id in self._posts])
        self._add(list(change.added))
        return self

    def copies(self, codes: NDArray[np.uint8], post_id: PostId, *, radius: int, most: int) -> list[Copy]:
        """Other posts with a frame within `radius` bits of one of `codes` (n, 32), the nearest `most`, nearest first.

        Of equally near ones those that came first.
        """
        found = self._index.search(codes, radius, limit=most + 1)
        nearest: dict[PostId, tuple[int, int]] = {}
        for key, distance in zip(found.keys.tolist(), found.distances.tolist(), strict=True):
            other = self._of_key[key]
            if other != post_id:
                nearest[other] = min(nearest.get(other, (distance, key)), (distance, key))
        ranked = sorted(nearest.items(), key=lambda item: item[1])[:most]
        return [self._copy(other, distance) for other, (distance, _) in ranked]

    def _copy(self, post_id: PostId, distance_bits: int) -> Copy:
        picture, _ = self._posts[post_id]
        return Copy(post_id, picture.author_id, picture.published_at, distance_bits)

    def _add(self, pictures: list[PublishedPicture]) -> None:
        keys: list[int] = []
        codes: list[bytes] = []
        for picture in pictures:
            own = range(self._next, self._next + len(picture.codes))
            self._next = own.stop
            self._posts[picture.post_id] = (picture, own)
            self._of_key |= dict.fromkeys(own, picture.post_id)
            keys += own
            codes += picture.codes
        if keys:
            self._index.add(keys, np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(-1, CODE_BYTES))
        too_many = len(self._posts) - self._most
        if too_many > 0:
            self._remove(list(self._posts)[:too_many])

    def _remove(self, post_ids: list[PostId]) -> None:
        gone: list[int] = []
        for post_id in post_ids:
            _, own = self._posts.pop(post_id)
            gone += own
        if gone:
            self._index.remove(gone)
        for key in gone:
            del self._of_key[key]
        if self._next > 2 * len(self._of_key) + SLACK:
            self._make_anew()

    def _make_anew(self) -> None:
        """An index without the rows of what has left: it only ever grows."""
        pictures = [picture for picture, _ in self._posts.values()]
        self._index, self._posts, self._of_key, self._next = LiveIndex(), {}, {}, 0
        self._add(pictures)
