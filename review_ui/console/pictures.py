"""The pictures that people are shown: decoded by a process that may die, kept in memory for a moment, never on disk."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest
from moderation.domain.media import ImageFacts, Refusal
from moderation.matching.hashes.pdq import Code
from moderation.matching.hashes.reductions import REDUCTIONS as HASHED
from moderation.media.decode import DecodeLimits, DecoderProcess
from moderation.media.render import RENDERINGS, Differences, differences
from moderation.media.store import BlobStore
from moderation.media.subject import Picture
from moderation.review.near_pictures import usable_hashes

REVIEW_FRAMES = 64
"""Frames of an animation that people are shown: many more than signals look at, for a person finds what they missed."""
REVIEW_SECONDS = 10.0
KEPT_BYTES = 96 * 1024 * 1024
"""Renderings kept in memory: what is prefetched, revealed twice or compared is not decoded again."""
BROUGHT_AT_ONCE = 2
"""Files that people bring decoded at the same time. Each takes a thread for up to `REVIEW_SECONDS`."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture as people are shown it: one JPEG and one concealed PNG file for each frame in `numbers`.

    `numbers` are frame numbers of the file, from 0: all of them, or `REVIEW_FRAMES` evenly spaced ones.
    """

    facts: ImageFacts
    shown: tuple[bytes, ...]
    concealed: tuple[bytes, ...]
    picture: Picture

    @property
    def size(self) -> int:
        """Bytes of memory."""
        arrays = sum(frame.reduced["compared"].nbytes for frame in self.picture.frames)
        return sum(map(len, self.shown)) + sum(map(len, self.concealed)) + arrays


class Pictures:
    """Renderings by digest. Safe to call from several threads; the decoder starts with the first picture."""

    def __init__(self, blobs: BlobStore, limits: DecodeLimits, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._blobs = blobs
        self._limits = replace(limits, max_frames=REVIEW_FRAMES, seconds=max(limits.seconds, REVIEW_SECONDS))
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[Digest, Rendered] = OrderedDict()
        self._kept_size = 0
        self._turn = threading.Lock()
        self._brought = threading.BoundedSemaphore(BROUGHT_AT_ONCE)
        self._decoder: DecoderProcess | None = None
        self._closed = False

    def get(self, image: Digest) -> Rendered | Refusal:
        """The picture, or why there is none. Raises `NotFoundError` when the bytes are gone, `UnavailableError`."""
        with self._turn:
            kept = self._kept.get(image)
            if kept is not None:
                self._kept.move_to_end(image)
                return kept
        made = self._render(self._blobs.read(image))
        if isinstance(made, Rendered):
            self._keep(image, made)
        return made

    def compare(self, first: Digest, second: Digest) -> Differences | None:
        """Where the first frames of two pictures differ, or None when one of them cannot be read."""
        one, other = self.get(first), self.get(second)
        if isinstance(one, Refusal) or isinstance(other, Refusal):
            return None
        left, right = (made.picture.frames[0].reduced["compared"].astype("uint8") for made in (one, other))
        return differences(left, right)

    def hashes(self, data: bytes) -> list[Code] | Refusal:
        """The usable hash of each frame of a file that somebody brings, which is not kept; or why there is none.

        Raises `UnavailableError` while other people's files are decoded: nobody's keep everybody's pictures waiting.
        """
        if not self._brought.acquire(blocking=False):
            raise UnavailableError("Other pictures are being compared.", hint="Try again in a moment.")
        try:
            picture = self._started().decode([data])[0]
        finally:
            self._brought.release()
        return picture if isinstance(picture, Refusal) else usable_hashes(picture)

    def close(self) -> None:
        """End the decoder and forget every picture."""
        with self._turn:
            decoder, self._decoder, self._closed = self._decoder, None, True
            self._kept.clear()
        if decoder is not None:
            decoder.close()

    def _render(self, data: bytes) -> Rendered | Refusal:
        picture = self._started().decode([data])[0]
        if isinstance(picture, Refusal):
            return picture
        shown, concealed = (
            tuple(frame.reduced[name].tobytes() for frame in picture.frames) for name in ("shown", "concealed")
        )
        frames = tuple(
            replace(frame, rgb=frame.rgb[:0], reduced={"compared": frame.reduced["compared"]})
            for frame in picture.frames[:1]
        )
        return Rendered(picture.facts, shown, concealed, replace(picture, frames=frames))

    def _started(self) -> DecoderProcess:
        with self._turn:
            if self._decoder is None:
                self._decoder = DecoderProcess(self._limits, {**RENDERINGS, **HASHED})
            return self._decoder

    def _keep(self, image: Digest, made: Rendered) -> None:
        with self._turn:
            if self._closed or image in self._kept or made.size > self._kept_bytes:
                return
            self._kept[image] = made
            self._kept_size += made.size
            while self._kept_size > self._kept_bytes:
                _, old = self._kept.popitem(last=False)
                self._kept_size -= old.size
