"""Messages that tell the outside what happened to a post."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from moderation.domain.audit import Json
from moderation.domain.ids import MessageId, PostId


@dataclass(frozen=True, slots=True)
class Message:
    """One event for the outside, e.g. "post.published". `id` is stable over every redelivery: deduplicate on it."""

    id: MessageId
    type: str
    post_id: PostId
    payload: Mapping[str, Json]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go. `secret` is "whsec_" and base64, as the Standard Webhooks specification writes it.

    An endpoint that gave no answer is silent from then to its next answer, and gets nothing before `paused_until`.
    """

    name: str
    url: str
    secret: str = field(repr=False)
    silent_since: datetime | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to one endpoint; `attempt` counts the tries, from 1."""

    message: Message
    endpoint: Endpoint
    attempt: int
