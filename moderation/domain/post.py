"""A post, the states it passes through, and the lease under which a lane holds it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from moderation.domain.errors import IllegalTransitionError
from moderation.domain.ids import Digest, PostId


class PostState(StrEnum):
    """Where a post is on its way; only `published` posts appear in the feed."""

    RECEIVED = "received"
    SCREENING = "screening"
    APPROVED = "approved"
    HELD = "held"
    REJECTED = "rejected"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


PENDING = frozenset({PostState.RECEIVED, PostState.SCREENING})
"""States without a verdict yet."""

TRANSITIONS: dict[PostState, frozenset[PostState]] = {
    PostState.RECEIVED: frozenset({PostState.SCREENING, PostState.HELD}),
    PostState.SCREENING: frozenset({PostState.RECEIVED, PostState.APPROVED, PostState.HELD, PostState.REJECTED}),
    PostState.APPROVED: frozenset({PostState.PUBLISHED, PostState.HELD, PostState.REJECTED}),
    PostState.HELD: frozenset({PostState.APPROVED, PostState.REJECTED}),
    PostState.REJECTED: frozenset({PostState.APPROVED}),
    PostState.PUBLISHED: frozenset({PostState.WITHDRAWN}),
    PostState.WITHDRAWN: frozenset({PostState.APPROVED}),
}
"""From each state, the states that may follow it.

`screening → received` is a lane giving a post back. There is no way to `published` but through `approved`,
and none to `approved` but a complete verdict or a decision; from `rejected` and `withdrawn` only one that answers an
appeal or a disagreement.
"""


def check_transition(old: PostState, new: PostState) -> None:
    """Raise `IllegalTransitionError` unless a post may go from `old` to `new`."""
    if new not in TRANSITIONS[old]:
        raise IllegalTransitionError(f"A post that is {old} cannot become {new}.")


@dataclass(frozen=True, slots=True)
class Author:
    """Who made the post, as the client tells it. Unknown facts are None and reach policy as NULL."""

    id: str
    account_age_days: float | None = None
    published_posts: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """One thing to screen: an image with its caption, generation prompt and author.

    `image` names the stored bytes exactly as they were sent; `deadline_at` is when a post without a verdict is
    held in the `stalled` queue.
    """

    id: PostId
    image: Digest
    image_bytes: int
    caption: str
    prompt: str
    author: Author
    state: PostState
    received_at: datetime
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A post held by one lane until `expires_at`; `token` proves it when the verdict is committed.

    `attempt` counts the claims of this post, from 1.
    """

    post: Post
    token: str
    lane: str
    attempt: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a batch: posts whose verdict was stored, and posts whose lease was lost meanwhile."""

    stored: tuple[PostId, ...]
    lost: tuple[PostId, ...]
