"""Finding posts whose picture is near another one: every stored hash in memory, compared exactly, kept up to date."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import MIN_QUALITY
from moderation.domain.ids import PostId
from moderation.matching.hashes.pdq import CODE_BYTES, HEX_DIGITS, Code, hash_and_quality
from moderation.matching.hashes.reductions import PDQ_LUMA64
from moderation.matching.index import HashIndex
from moderation.matching.scan import ExactScan
from moderation.media.subject import Picture
from moderation.storage.review.hashes import BEFORE_ALL, HashPlace, HashStore, StoredHash

SEGMENT_HASHES = 65_536
"""Hashes that are compared as one block; only the newest block is built again when hashes arrive."""
PAGE_HASHES = 20_000
MAX_NEAR = 300
"""Posts that one search lists: a viral picture has thousands of copies, and the nearest ones tell all."""
RADII = (15, 31, 60)
"""Differing bits of 256 that can be asked for: the same picture, an edited copy, something alike."""


@dataclass(frozen=True, slots=True)
class NearPost:
    """A post, and the fewest bits of 256 in which one of its frames differs."""

    post_id: PostId
    distance_bits: int


@dataclass(frozen=True, slots=True)
class _Segment:
    """Up to `SEGMENT_HASHES` hashes, and the number of each."""

    codes: NDArray[np.uint8]
    numbers: NDArray[np.int64]
    index: HashIndex


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What is in memory: complete segments and a last one, up to `place`."""

    full: tuple[_Segment, ...] = ()
    last: _Segment | None = None
    place: HashPlace = BEFORE_ALL

    @property
    def segments(self) -> tuple[_Segment, ...]:
        return self.full if self.last is None else (*self.full, self.last)


def usable_hashes(picture: Picture) -> list[Code]:
    """The hash of each frame that is detailed enough to be compared; none for a flat picture."""
    found = (hash_and_quality(np.asarray(frame.reduced[PDQ_LUMA64], dtype=np.float32)) for frame in picture.frames)
    return [code for code, quality in found if quality >= MIN_QUALITY]


class NearPictures:
    """Every usable hash of one database, in memory: 40 bytes each. Safe to share between threads.

    The first search reads all of them; later ones read only what is new.
    """

    def __init__(self, hashes: HashStore) -> None:
        self._hashes = hashes
        self._reading = threading.Lock()
        self._loaded = _Loaded()

    def refresh(self) -> int:
        """Read what was stored since the last time; returns how many hashes are in memory."""
        with self._reading:
            while page := self._hashes.after(self._loaded.place, PAGE_HASHES):
                self._loaded = _extended(self._loaded, page)
                if len(page) < PAGE_HASHES:
                    break
            return sum(len(segment.index) for segment in self._loaded.segments)

    def search(self, codes: Sequence[Code], *, radius: int) -> list[NearPost]:
        """Posts with a frame within `radius` bits of one of `codes`, nearest first, then newest; at most `MAX_NEAR`.

        Everything that was stored before the call is found. Raises `UnavailableError` when the database does not
        answer.
        """
        self.refresh()
        if not codes:
            return []
        nearest = _nearest(self._loaded.segments, np.stack(codes), radius)
        ranked = sorted(nearest.items(), key=lambda item: (item[1], -item[0]))
        wanted = dict(islice(ranked, MAX_NEAR))
        found = self._hashes.posts_at(list(wanted))
        return [NearPost(found[number], distance) for number, distance in wanted.items() if number in found]

    def codes_of(self, post_id: PostId) -> list[Code]:
        """The usable hashes of a stored post's frames."""
        return list(_codes([one for one in self._hashes.of_post(post_id) if one.quality >= MIN_QUALITY]))


def _extended(loaded: _Loaded, page: Sequence[StoredHash]) -> _Loaded:
    usable = [one for one in page if one.quality >= MIN_QUALITY]
    codes = _codes(usable)
    numbers = np.array([one.place.number for one in usable], dtype=np.int64)
    if loaded.last is not None:
        codes = np.concatenate([loaded.last.codes, codes])
        numbers = np.concatenate([loaded.last.numbers, numbers])
    starts = range(0, len(codes), SEGMENT_HASHES)
    segments = [
        _segment(codes[start : start + SEGMENT_HASHES], numbers[start : start + SEGMENT_HASHES]) for start in starts
    ]
    last = segments.pop() if segments and len(segments[-1].numbers) < SEGMENT_HASHES else None
    return _Loaded((*loaded.full, *segments), last, page[-1].place)


def _segment(codes: NDArray[np.uint8], numbers: NDArray[np.int64]) -> _Segment:
    return _Segment(codes.copy(), numbers.copy(), ExactScan(codes))


def _codes(hashes: Sequence[StoredHash]) -> NDArray[np.uint8]:
    """Rows of 32 bytes. Hashes come from our own screening, so one of another length is a broken database."""
    text = "".join(one.pdq for one in hashes)
    if len(text) != HEX_DIGITS * len(hashes):
        raise ValueError("a stored hash is not 64 characters long")
    return np.frombuffer(bytes.fromhex(text), dtype=np.uint8).reshape(len(hashes), CODE_BYTES)


def _nearest(segments: Sequence[_Segment], queries: NDArray[np.uint8], radius: int) -> dict[int, int]:
    """The smallest distance of each number within the radius."""
    nearest: dict[int, int] = {}
    for segment in segments:
        for neighbours in segment.index.search(queries, radius):
            for neighbour in neighbours:
                number = int(segment.numbers[neighbour.position])
                nearest[number] = min(nearest.get(number, neighbour.distance_bits), neighbour.distance_bits)
    return nearest
