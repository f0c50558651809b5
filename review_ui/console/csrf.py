"""Requests that change something must come from our own pages: the browser says from where, and the form knows a token.

Both are asked: the token alone is worthless once it leaks, and the headers alone once a browser leaves them out.
"""

import hmac

from starlette.requests import Request

from moderation.domain.errors import ForbiddenError
from moderation.settings import Settings
from review_ui.console.forms import read_form

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADER = "x-csrf-token"
FIELD = "csrf"
_OWN_SITES = frozenset({"same-origin", "none"})


class CsrfError(ForbiddenError):
    """The request did not come from a page of ours, or from one of an earlier session."""

    code = "csrf"


async def check_csrf(request: Request, token: str, settings: Settings) -> None:
    """Raise `CsrfError` unless the request is from our own origin and carries `token`."""
    check_origin(request, settings)
    shown = request.headers.get(HEADER)
    if shown is None:
        shown = (await read_form(request)).get(FIELD, "")
    if not token or not hmac.compare_digest(shown.encode(), token.encode()):
        await request.close()  # files that came with the form
        raise CsrfError("This page is of an earlier session.", hint="Load it again; what you typed is kept.")


def check_origin(request: Request, settings: Settings) -> None:
    """Raise `CsrfError` when the browser says that another site sent the request."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in _OWN_SITES:
        raise CsrfError("Another site sent this.")
    if origin is not None and origin != own_origin(request, settings):
        raise CsrfError("Another site sent this.", hint="MODERATION_CONSOLE_ORIGIN must be the address in the browser.")


def own_origin(request: Request, settings: Settings) -> str:
    """The origin under which people reach the console: the setting, else what the request itself was sent to."""
    if settings.console_origin:
        return settings.console_origin.rstrip("/")
    return f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
