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


class UnreadablePictureError(ModerationError):
    """The picture could not be decoded within the limits."""

    code = "unreadable_picture"
    status = 422


class NoUsableHashError(ModerationError):
    """The picture's hash says nothing: it is flat, a gradient, or nearly so."""

    code = "no_usable_hash"
    status = 422
