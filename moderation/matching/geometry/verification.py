"""Geometric verification: whether the keypoints of a frame agree with those that are stored of a bank entry."""

import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import EntryId
from moderation.matching.geometry.keypoints import Corners, Keypoints, corners_of, described, inliers, unpack
from moderation.matching.hashes.orientations import Orientation
from moderation.media.subject import Rgb

log = structlog.get_logger(__name__)

MAX_CANDIDATES = 8
"""Entries that are compared with one picture, the nearest ones."""
BATCH_SECONDS = 5.0
"""After this time nothing more of a batch is compared; what was not counts for a person."""

_MIRRORED = frozenset({Orientation.FLIP_X, Orientation.FLIP_Y, Orientation.TRANSPOSE, Orientation.TRANSVERSE})


class FrameKeypoints:
    """The keypoints of the frames of one batch, found when first asked for."""

    def __init__(self, previews: Sequence[Sequence[Rgb]]) -> None:
        self._previews = previews
        self._corners: dict[tuple[int, int], Corners] = {}
        self._known: dict[tuple[int, int, bool], Keypoints] = {}

    def of(self, picture: int, frame: int, *, mirrored: bool) -> Keypoints:
        """Keypoints are the same in every rotation, but not in a mirror; corners are, and are looked for once."""
        place, key = (picture, frame), (picture, frame, mirrored)
        if place not in self._corners:
            self._corners[place] = corners_of(self._previews[picture][frame])
        if key not in self._known:
            self._known[key] = described(self._corners[place], mirrored=mirrored)
        return self._known[key]


class Verifier:
    """Compares frames of one batch with entries, within `BATCH_SECONDS` in all."""

    def __init__(
        self,
        frames: FrameKeypoints,
        stored: Mapping[EntryId, bytes],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._frames = frames
        self._stored = stored
        self._monotonic = monotonic
        self._end = monotonic() + BATCH_SECONDS
        self._entries: dict[EntryId, Keypoints | None] = {}

    def inliers(self, picture: int, frame: int, orientation: Orientation, entry: EntryId) -> int | None:
        """How many keypoints agree; None when there is no time left or the entry's keypoints cannot be read."""
        if self._monotonic() > self._end:
            return None
        known = self._of_entry(entry)
        if known is None:
            return None
        return inliers(self._frames.of(picture, frame, mirrored=orientation in _MIRRORED), known)

    def _of_entry(self, entry: EntryId) -> Keypoints | None:
        if entry not in self._entries:
            packed = self._stored.get(entry)
            try:
                self._entries[entry] = None if packed is None else unpack(packed)
            except InvalidInputError as error:
                log.error("keypoints_unreadable", entry=entry, reason=error.message)  # noqa: TRY400 - said in the reason
                self._entries[entry] = None
        return self._entries[entry]
