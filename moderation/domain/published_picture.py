"""The pictures in the feed, for a signal that looks for the same picture posted again."""

from dataclasses import dataclass, field
from datetime import datetime

from moderation.domain.ids import PostId


@dataclass(frozen=True, slots=True)
class PublishedPicture:
    """A published post's picture: the usable PDQ hashes (32 bytes each) of its frames, by whom and since when."""

    post_id: PostId
    author_id: str
    published_at: datetime
    codes: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PublishedChange:
    """What was published, or is in the feed no more, up to audit event `number`.

    `whole`: these are all there are; forget what was known before. Added ones come newest first then, else oldest
    first.
    """

    number: int
    added: tuple[PublishedPicture, ...]
    removed: tuple[PostId, ...] = ()
    whole: bool = False
