"""Pictures that were rejected, as later ones are compared with them: by what a model saw."""

from dataclasses import dataclass

from moderation.domain.ids import PostId
from moderation.domain.signal import Features


@dataclass(frozen=True, slots=True)
class RejectedPicture:
    """The features of a rejected or withdrawn post's picture."""

    post_id: PostId
    features: Features


@dataclass(frozen=True, slots=True)
class RejectedChange:
    """What changed up to audit event `number`: posts that are (still) rejected, and posts that are not (any more).

    `whole`: `added` is everything that there is, newest first.
    """

    number: int
    added: tuple[RejectedPicture, ...]
    removed: tuple[PostId, ...] = ()
    whole: bool = False
