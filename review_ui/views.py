"""What the API says of a post."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, Field

from moderation.domain.ids import Digest
from moderation.domain.post import PENDING, Post, PostState
from moderation.domain.signal import SignalFailure
from moderation.domain.verdict import RuleStatus, Screening, SystemQueue, Verdict
from moderation.storage.posts import FeedItem

AI_GENERATED = "AI-generated"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a post is where it is. `screening` is None when the deadline passed before one."""

    screening: Screening | None
    decided_at: datetime | None


class Links(BaseModel):
    """Where more is; paths on this server."""

    self: str
    image: str | None = Field(description="Set once the post is published.")


class PostView(BaseModel):
    """A post. From `verdict` on, fields are filled only for keys with the scope `posts:read`."""

    id: str
    state: PostState
    received_at: datetime
    deadline_at: datetime = Field(description="Without a verdict by then, the post is held in the queue `stalled`.")
    image: str = Field(description="SHA-256 of the image as it was sent.")
    links: Links
    verdict: Verdict | None = Field(default=None, description="The machine's; null while there is none.")
    decided_at: datetime | None = None
    queue: str | None = Field(default=None, description="Where a held post waits for a human.")
    category: str | None = None
    reason: str | None = None
    rules: list[str] = Field(default_factory=list, description="Live rules that were true or undecidable.")
    failures: list[str] = Field(default_factory=list, description="Signals that have no measurement.")


class FeedImage(BaseModel):
    """A published image."""

    url: str
    digest: str


class FeedEntry(BaseModel):
    """One published post."""

    id: str
    caption: str
    author: str
    image: FeedImage
    published_at: datetime
    ai_generated: bool = Field(default=True, description="Every image in this feed was made by a model.")
    label: str = AI_GENERATED


class Feed(BaseModel):
    """One page of the feed, newest first."""

    items: list[FeedEntry]
    next_cursor: str | None = Field(description="Ask with `?cursor=` for the page after this one; null on the last.")


def media_path(image: Digest) -> str:
    """Where an image is served."""
    return f"/v1/media/{image}"


def post_path(post: Post) -> str:
    """Where a post's state is served."""
    return f"/v1/posts/{post.id}"


def post_view(post: Post, evidence: Evidence | None) -> PostView:
    """The post; `evidence` is None for callers that may not see why."""
    published = post.state is PostState.PUBLISHED
    view = PostView(
        id=post.id,
        state=post.state,
        received_at=post.received_at,
        deadline_at=post.deadline_at,
        image=post.image,
        links=Links(self=post_path(post), image=media_path(post.image) if published else None),
    )
    if evidence is None or post.state in PENDING:
        return view
    if evidence.screening is None:
        return view.model_copy(
            update={
                "verdict": Verdict.HOLD,
                "decided_at": evidence.decided_at,
                "queue": SystemQueue.STALLED.value,
                "reason": "The deadline passed without a verdict.",
            }
        )
    return view.model_copy(update=_judged(evidence.screening, evidence.decided_at))


def _judged(screening: Screening, decided_at: datetime | None) -> dict[str, object]:
    judgement = screening.judgement
    failures = {result.signal for result in screening.results if isinstance(result, SignalFailure)}
    return {
        "verdict": judgement.verdict,
        "decided_at": decided_at or screening.finished_at,
        "queue": judgement.queue or None,
        "category": judgement.category or None,
        "reason": judgement.reason,
        "rules": [hit.rule for hit in judgement.hits if hit.status is RuleStatus.LIVE],
        "failures": sorted(failures | set(judgement.failures)),
    }


def feed_entry(item: FeedItem) -> FeedEntry:
    """A published post as the feed shows it: the prompt stays with the client that sent it."""
    post = item.post
    return FeedEntry(
        id=post.id,
        caption=post.caption,
        author=post.author.id,
        image=FeedImage(url=media_path(post.image), digest=post.image),
        published_at=item.published_at,
    )
