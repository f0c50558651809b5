"""The console's cookies: for this host only, out of reach of scripts, never sent along from other sites."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from moderation.settings import Settings

SESSION = "session"
START = "start"
"""Names one browser while nobody is signed in, so that no other can fill in its login form."""
OIDC = "oidc"


def is_https(request: Request, settings: Settings) -> bool:
    """Whether people reach the console over TLS; then cookies are `Secure` and have the prefix `__Host-`."""
    return settings.console_origin.startswith("https://") or request.url.scheme == "https"


def session_cookie(request: Request, settings: Settings) -> str:
    """The name of the session's cookie."""
    return cookie_name(SESSION, request, settings)


def cookie_name(name: str, request: Request, settings: Settings) -> str:
    """`name` as it is set: the prefix makes browsers refuse one that another host or plain HTTP wants to set."""
    return f"__Host-{name}" if is_https(request, settings) else name


def set_cookie(
    response: Response,
    name: str,
    value: str,
    *,
    request: Request,
    settings: Settings,
    samesite: Literal["lax", "strict"] = "strict",
    max_age_s: int | None = None,
) -> None:
    """Set a cookie; without `max_age_s` it ends with the browser."""
    response.set_cookie(
        cookie_name(name, request, settings),
        value,
        max_age=max_age_s,
        path="/",
        secure=is_https(request, settings),
        httponly=True,
        samesite=samesite,
    )


def clear_cookie(response: Response, name: str, *, request: Request, settings: Settings) -> None:
    """Let the browser forget a cookie."""
    response.delete_cookie(
        cookie_name(name, request, settings),
        path="/",
        secure=is_https(request, settings),
        httponly=True,
        samesite="strict",
    )
