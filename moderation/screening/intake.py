"""Intake: a post is checked against the limits, its image stored, and its row written; only then is it accepted."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from moderation.domain.audit import canonical_json
from moderation.domain.errors import InvalidInputError, TooLargeError
from moderation.domain.ids import Digest
from moderation.domain.post import Author
from moderation.storage.posts import Accepted, NewPost

MAX_AUTHOR_CHARS = 200
MAX_KEY_CHARS = 200


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """What is refused at the door; everything else is screened. `deadline_seconds` is the time to a verdict."""

    max_image_bytes: int
    max_caption_chars: int
    max_prompt_chars: int
    deadline_seconds: float


@dataclass(frozen=True, slots=True)
class Submission:
    """A post as a client sends it. `image` is stored as it is; nothing of it is believed."""

    image: bytes
    caption: str
    prompt: str
    author: Author


class PostIntake(Protocol):
    """What intake needs of the post store."""

    def accept(
        self,
        new: NewPost,
        *,
        client: str,
        idempotency_key: str | None,
        body: Digest,
        deadline_seconds: float,
        now: datetime,
    ) -> Accepted:
        """Write the post, or find the one that the same key and body made before."""
        ...


class BlobWriter(Protocol):
    """What intake needs of the blob store."""

    def write(self, data: bytes) -> Digest:
        """Store `data` under its digest. Raises `UnavailableError` when it cannot be kept."""
        ...


class Intake:
    """Accepts posts. An accepted post is stored in full and will get a verdict or be held."""

    def __init__(self, posts: PostIntake, blobs: BlobWriter, limits: IntakeLimits) -> None:
        self._posts = posts
        self._blobs = blobs
        self._limits = limits

    def accept(self, submission: Submission, *, client: str, idempotency_key: str | None, now: datetime) -> Accepted:
        """Store the post and return it; `created` is False when the same request was accepted before.

        Raises `TooLargeError` or `InvalidInputError` for what is over a limit or malformed,
        `IdempotencyConflictError` for a key that was used with another body, and `UnavailableError` when the post
        could not be stored. The image is written before the row, so that an accepted post always has its image.
        """
        self._check(submission, idempotency_key)
        image = self._blobs.write(submission.image)
        new = NewPost(
            image=image,
            image_bytes=len(submission.image),
            caption=submission.caption,
            prompt=submission.prompt,
            author=submission.author,
        )
        return self._posts.accept(
            new,
            client=client,
            idempotency_key=idempotency_key,
            body=_body_digest(new),
            deadline_seconds=self._limits.deadline_seconds,
            now=now,
        )

    def _check(self, submission: Submission, idempotency_key: str | None) -> None:
        limits, size = self._limits, len(submission.image)
        if size == 0:
            raise InvalidInputError("The image is empty.", hint="Send the image file's bytes in `image`.")
        if size > limits.max_image_bytes:
            raise TooLargeError(f"The image has {size} bytes; at most {limits.max_image_bytes} are taken.")
        for name, text, most in (
            ("caption", submission.caption, limits.max_caption_chars),
            ("prompt", submission.prompt, limits.max_prompt_chars),
            ("author", submission.author.id, MAX_AUTHOR_CHARS),
            ("idempotency key", idempotency_key or "", MAX_KEY_CHARS),
        ):
            _check_text(name, text, most)
        if not submission.author.id.strip():
            raise InvalidInputError("The author is empty.", hint="Send a stable id of the author in `author`.")
        if idempotency_key is not None and not idempotency_key.strip():
            raise InvalidInputError("The idempotency key is empty.", hint="Leave the header out, or send a unique key.")


def _check_text(name: str, text: str, most: int) -> None:
    if len(text) > most:
        raise TooLargeError(f"The {name} has {len(text)} characters; at most {most} are taken.")
    if "\x00" in text or (not text.isprintable() and any("\ud800" <= char <= "\udfff" for char in text)):
        raise InvalidInputError(f"The {name} has a character that is not valid text (NUL or half a surrogate pair).")


def _body_digest(new: NewPost) -> Digest:
    author = new.author
    body = canonical_json(
        [new.image, new.caption, new.prompt, author.id, author.account_age_days, author.published_posts]
    )
    return Digest(hashlib.sha256(body.encode()).hexdigest())
