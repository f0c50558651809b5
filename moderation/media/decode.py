"""The one image decoder: hostile bytes are decoded in a child process that may crash, hang or be killed.

One image is in the child at a time, so a crash has one culprit. Pictures come back through shared memory: a preview
of each frame, and what each reduction made of the full-size pixels.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from moderation.domain.errors import UnavailableError
from moderation.domain.media import Refusal, RefusalReason
from moderation.media.decode_child import GRACE_SECONDS, Child
from moderation.media.decode_limits import PREVIEW_SIDE, DecodeLimits
from moderation.media.decode_wire import ClosedError, ProtocolError, read_answer
from moderation.media.sniff import sniff
from moderation.media.subject import Picture, Reduction

__all__ = ["PREVIEW_SIDE", "DecodeLimits", "DecoderProcess"]

ATTEMPTS = 2
"""An image is blamed for a crash only when a fresh child crashes on it too: a child can be killed by anybody."""
KILL_SECONDS = 0.5
"""How much longer than its own time limit the child may take to say that it is over."""

IMAGES_PER_CHILD = 5_000
"""A child that hostile bytes have taken over, or that leaks, serves no more images than this. Starting the next one
takes under a hundredth of the time that decoding so many does."""


class DecoderProcess:
    """Implements `screening.ports.Decoder`. Safe to call from several threads, which take turns image by image.

    `reductions` are module-level functions by name; each frame carries their results. The child is started at once,
    and replaced when it died or has served `images_per_child` images. `decode` raises `UnavailableError` when no child
    can be started, or after `close`.
    """

    def __init__(
        self,
        limits: DecodeLimits,
        reductions: Mapping[str, Reduction],
        *,
        images_per_child: int = IMAGES_PER_CHILD,
    ) -> None:
        self._limits = limits
        self._images_per_child = images_per_child
        self._reductions = dict(reductions)
        self._turn = threading.Lock()
        self._closed = False
        self._child: Child | None = Child(limits, self._reductions)

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        """One result per image, in order."""
        return [self._decode_one(image) for image in images]

    def close(self) -> None:
        """End the child, also in the middle of an image. May be called twice."""
        self._closed = True
        child = self._child
        if child is not None:
            child.kill()
        with self._turn:
            self._discard()

    def __enter__(self) -> Self:
        """The decoder itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _decode_one(self, image: bytes) -> Picture | Refusal:
        refusal = self._refused_unseen(image)
        if refusal is not None:
            return refusal
        with self._turn:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return self._ask(self._ready_child(), image)
                except TimeoutError:
                    self._discard(grace_seconds=0)
                    return Refusal(RefusalReason.TIMEOUT, f"no picture after {self._limits.seconds:g} s")
                except ClosedError:
                    detail = self._discard()
                except ProtocolError as error:
                    detail = f"the decoder answered {error}"
                    self._discard(grace_seconds=0)
                if self._closed or attempt == ATTEMPTS:
                    break
        if self._closed:
            raise UnavailableError("The image decoder was closed.")
        return Refusal(RefusalReason.DECODER_CRASHED, detail)

    def _refused_unseen(self, image: bytes) -> Refusal | None:
        """Refusals that need no decoder."""
        if not image:
            return Refusal(RefusalReason.EMPTY, "the file has no bytes")
        if len(image) > self._limits.max_bytes:
            return Refusal(RefusalReason.TOO_LARGE, f"{len(image)} bytes; the limit is {self._limits.max_bytes} bytes")
        if sniff(image) is None:
            return Refusal(RefusalReason.UNSUPPORTED, "not a JPEG, PNG, WebP, AVIF or GIF file")
        return None

    def _ready_child(self) -> Child:
        """A child that waits for an image: the one there is, or a new one when it died unasked or has served enough."""
        if self._child is not None and (not self._child.is_idle() or self._child.asked >= self._images_per_child):
            self._discard()
        for attempt in range(1, ATTEMPTS + 1):
            if self._closed:
                break
            if self._child is None:
                self._child = Child(self._limits, self._reductions)
            try:
                self._child.wait_until_ready()
            except UnavailableError:
                self._discard()
                if attempt == ATTEMPTS:
                    raise
            else:
                return self._child
        raise UnavailableError("The image decoder was closed.")

    def _ask(self, child: Child, image: bytes) -> Picture | Refusal:
        until = time.monotonic() + self._limits.seconds + KILL_SECONDS
        answer = read_answer(child.ask(image, until=until), child.memory, self._limits, self._reductions)
        if isinstance(answer, Refusal) and answer.reason is RefusalReason.OUT_OF_MEMORY:
            self._discard()
        return answer

    def _discard(self, *, grace_seconds: float = GRACE_SECONDS) -> str:
        """End the child and forget it; returns how it ended."""
        child, self._child = self._child, None
        return child.end(grace_seconds=grace_seconds) if child is not None else ""
