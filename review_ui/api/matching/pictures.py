"""Decoding what clients upload: in one child process for the whole application, started when it is first needed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from moderation.domain.errors import UnavailableError
from moderation.domain.media import Refusal
from moderation.matching.hashes.frame_hashes import FrameHashes, frame_hashes
from moderation.media.subject import Picture, Rgb
from review_ui.errors import UnreadablePictureError

WAITING = 8
"""Pictures that are being decoded or wait for it; the next one is answered 503, and comes back later."""


class Decoder(Protocol):
    """What is needed of `moderation.media.decode.DecoderProcess`."""

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        """One result per image, in order."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class Hashed:
    """A decoded picture's hashes and previews, frame by frame, and its format and size in pixels as it was sent."""

    frames: tuple[FrameHashes, ...]
    previews: tuple[Rgb, ...]
    format: str
    width: int
    height: int


class PictureReader:
    """Hashes pictures, few at a time. Safe to call from several threads."""

    def __init__(self, open_decoder: Callable[[], Decoder], *, waiting: int = WAITING) -> None:
        self._open = open_decoder
        self._room = threading.BoundedSemaphore(waiting)
        self._opening = threading.Lock()
        self._decoder: Decoder | None = None
        self._closed = False

    def read(self, image: bytes) -> Hashed:
        """Decode and hash one picture.

        Raises `UnreadablePictureError` when it cannot be decoded, and what `decode` raises.
        """
        (picture,) = self.decode([image])
        if isinstance(picture, Refusal):
            raise UnreadablePictureError(f"The picture cannot be decoded: {picture.reason.value}.")
        hashes = frame_hashes([frame.reduced for frame in picture.frames])
        facts = picture.facts
        return Hashed(
            tuple(hashes), tuple(frame.rgb for frame in picture.frames), facts.format, facts.width, facts.height
        )

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        """One result per image, in order, each frame with what its hashes need.

        Raises `UnavailableError` when too many wait, when no decoder can be started, and after `close`.
        """
        if not self._room.acquire(blocking=False):
            raise UnavailableError("Too many pictures are being hashed at once.")
        try:
            return self._started().decode(images)
        finally:
            self._room.release()

    def close(self) -> None:
        """End the decoder, if there is one. May be called twice."""
        with self._opening:
            self._closed = True
            decoder, self._decoder = self._decoder, None
        if decoder is not None:
            decoder.close()

    def _started(self) -> Decoder:
        with self._opening:
            if self._closed:
                raise UnavailableError("The server is ending.")
            if self._decoder is None:
                self._decoder = self._open()
            return self._decoder
