"""A job: one held post that waits in a queue for a human decision."""

from dataclasses import dataclass
from datetime import datetime

from moderation.domain.ids import JobId, PostId


@dataclass(frozen=True, slots=True)
class Job:
    """Why a post waits, and since when. `category` is the harm that the deciding rule names, or ""."""

    id: JobId
    post_id: PostId
    queue: str
    category: str
    reason: str
    opened_at: datetime
