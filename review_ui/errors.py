"""Refusals that only HTTP knows."""

from moderation.domain.errors import ModerationError


class UnsupportedMediaTypeError(ModerationError):
    """The body is of a kind that is not taken."""

    code = "unsupported_media_type"
    status = 415


class BodyTimeoutError(ModerationError):
    """The body did not arrive in time."""

    code = "body_timeout"
    status = 408
