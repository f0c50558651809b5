"""An author's appeal against a rejection."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import AppealId, JobId, PostId

MAX_APPEAL_CHARS = 4_000


class AppealState(StrEnum):
    """How an appeal stands."""

    OPEN = "open"
    UPHELD = "upheld"
    """The rejection stays."""
    OVERTURNED = "overturned"
    """The post is let into the feed, and no automatic rule acts on it again."""


@dataclass(frozen=True, slots=True)
class Appeal:
    """What an author says against the newest rejection of a post. `client` is the API client that sent it."""

    id: AppealId
    post_id: PostId
    job_id: JobId
    client: str
    text: str
    state: AppealState
    opened_at: datetime
    resolved_at: datetime | None = None
