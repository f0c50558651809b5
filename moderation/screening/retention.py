"""Retention: the images of rejected and withdrawn posts go after a set time, unless anything still needs them.

An image goes when every one of these holds, and stays otherwise: `days` is not 0; every post that has it was rejected
or withdrawn; each of them was received, judged and last decided about longer than `days` ago; none waits for a decision
or an appeal, or is a gold item; none is held as evidence; and its bytes were not uploaded again within a day. What a
model saw in it (`picture_features`) goes with it. Texts, hashes, verdicts, decisions and the audit log are not touched.

Of a picture that passed, what a model saw is needed only in case that the post is rejected after all. It goes after
`FEATURE_DAYS`, or `days` when that is less, whatever `days` says of images; `RetentionStore.forget_features` names
every condition. A post that is withdrawn later is no reference for `image_similarity`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest, PostId
from moderation.storage.review.retention import Due, RetentionStore

log = structlog.get_logger(__name__)

PAGE = 200
FEATURE_DAYS = 30.0
"""How long what a model saw in a picture that passed is kept."""
FEATURE_PAGE = 500
MOST_FEATURES = 1_000_000
"""Posts whose features one pass deletes at the most, so that it ends; the next pass goes on."""
FRESH = timedelta(days=1)
"""Bytes written within it stay: a post with them may be on its way."""


class Blobs(Protocol):
    """Where the images are."""

    def delete(self, digest: Digest, *, unused_since: datetime) -> bool:
        """Delete a blob that was not written since; returns whether it is gone. Raises `UnavailableError`."""
        ...


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What a pass did: images deleted, posts whose image stayed after all or went with another's, whether all were
    looked at, and of how many posts that passed the features went.
    """

    deleted: int
    kept: int
    complete: bool
    features: int = 0


class Retention:
    """One installation's retention; `days` 0 keeps everything for ever."""

    def __init__(self, images: RetentionStore, blobs: Blobs, *, days: float, clock: Callable[[], datetime]) -> None:
        self._images = images
        self._blobs = blobs
        self._days = days
        self._clock = clock

    def run(self, *, most: int = 10_000) -> RetentionReport:
        """One pass over at most `most` images. A blob store that does not answer ends it; the next one goes on.

        Raises `UnavailableError` when the database does not answer.
        """
        features = self._forget_features()
        images = self._forget_images(most) if self._days > 0 else RetentionReport(0, 0, complete=True)
        return replace(images, features=features, complete=images.complete and features < MOST_FEATURES)

    def _forget_features(self) -> int:
        """Features of pictures that passed long enough ago; of how many posts."""
        days = min(FEATURE_DAYS, self._days) if self._days > 0 else FEATURE_DAYS
        before = self._clock() - timedelta(days=days)
        gone = 0
        after: PostId | None = None
        while gone < MOST_FEATURES:
            page = self._images.forget_features(before, limit=min(FEATURE_PAGE, MOST_FEATURES - gone), after=after)
            if not page:
                break
            gone, after = gone + len(page), page[-1]
        else:
            log.warning("retention_goes_on", features=gone)
        return gone

    def _forget_images(self, most: int) -> RetentionReport:
        before = self._clock() - timedelta(days=self._days)
        deleted = kept = 0
        after: Due | None = None
        while deleted + kept < most:
            page = self._images.due(before, limit=min(PAGE, most - deleted - kept), after=after)
            if not page:
                return RetentionReport(deleted, kept, complete=True)
            for due in page:
                try:
                    gone = self._images.forget(due.image, before, delete=self._delete, now=self._clock())
                except UnavailableError as error:
                    log.error("retention_stopped", reason=error.message, deleted=deleted)  # noqa: TRY400 - no trace
                    return RetentionReport(deleted, kept, complete=False)
                deleted, kept = deleted + gone, kept + (not gone)
            after = page[-1]
        return RetentionReport(deleted, kept, complete=False)

    def _delete(self, image: Digest) -> bool:
        return self._blobs.delete(image, unused_since=self._clock() - FRESH)
