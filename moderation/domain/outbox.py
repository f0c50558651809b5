"""Messages that tell the outside what happened to a post."""

from collections.abc import Mapping
from dataclasses import dataclass
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
class Delivery:
    """A message on its way to one destination; `attempt` counts the tries, from 1."""

    message: Message
    destination: str
    attempt: int
