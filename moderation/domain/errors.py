"""Every way in which a request to this system can be refused, as types with a stable code.

The command line prints `message` and `hint`; the API turns `code` and `status` into an RFC 9457 problem.
"""

from datetime import datetime
from typing import ClassVar


class ModerationError(Exception):
    """A refusal that a person or a client can act on."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotFoundError(ModerationError):
    """Nothing has that name, or the caller may not know of it."""

    code = "not_found"
    status = 404


class InvalidInputError(ModerationError):
    """A field is missing, malformed or outside its range."""

    code = "invalid_input"
    status = 422


class TooLargeError(ModerationError):
    """A body or field is over its limit."""

    code = "too_large"
    status = 413


class ConflictError(ModerationError):
    """The request contradicts what is stored."""

    code = "conflict"
    status = 409


class OnBreakError(ModerationError):
    """The person is on a break: there is no job until `until`."""

    code = "on_break"
    status = 409

    def __init__(self, until: datetime) -> None:
        super().__init__("You are on a break.", hint="The break ends by itself; then work goes on.")
        self.until = until


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used before with another body."""

    code = "idempotency_key_reused"


class SweepTooLargeError(ConflictError):
    """A sweep would touch, or has touched, as many posts as its cap allows; `touched` says how many."""

    code = "sweep_too_large"

    def __init__(self, message: str, *, touched: int, cap: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.touched = touched
        self.cap = cap


class IllegalTransitionError(ConflictError):
    """A post cannot go from its state to the wanted one."""

    code = "illegal_transition"


class UnauthenticatedError(ModerationError):
    """No valid API key."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(ModerationError):
    """The API key lacks the scope."""

    code = "forbidden"
    status = 403


class RateLimitedError(ModerationError):
    """Too many requests for this key."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, *, retry_after_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class UnavailableError(ModerationError):
    """A part that is needed is missing or does not answer; nothing was changed."""

    code = "unavailable"
    status = 503


class ReportRefusedError(ModerationError):
    """An authority's reporting service answered, and does not take the report; it was not filed.

    `response_code` is the service's own code, None when it gave none.
    """

    code = "report_refused"
    status = 502

    def __init__(self, message: str, *, response_code: int | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.response_code = response_code


class ModelStoreError(UnavailableError):
    """A model is missing, or its bytes are not the pinned ones."""

    code = "model_refused"


class CorruptIndexError(UnavailableError):
    """The index file is missing, cut off, or not what was written: nothing may be matched by it."""

    code = "index_corrupt"


class BanksUnreadableError(UnavailableError):
    """The banks hold something that makes no sense: nothing may be matched until it does."""

    code = "banks_unreadable"


class PolicyError(ModerationError):
    """A policy document is not valid; `message` carries every problem, rendered."""

    code = "policy_invalid"
    status = 422


class SettingsError(ModerationError):
    """A setting is missing or malformed."""

    code = "settings_invalid"
