"""Where a browser is sent next: only ever to paths of the console itself."""

import re

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import Response

HOME = "/console"
LOGIN = "/console/login"
MAX_CHARS = 1_000
_LOCAL = re.compile(r"/console(?:[/?][A-Za-z0-9/_.,~%?&=+:@-]*)?")
"""No backslash, no `//`, no scheme, no control character: what a browser could take for another site."""


def safe_target(wanted: str | None) -> str:
    """`wanted` if it is a path of the console that can be gone to, else the console's first page."""
    if wanted is None or len(wanted) > MAX_CHARS or _LOCAL.fullmatch(wanted) is None:
        return HOME
    path = wanted.partition("?")[0]
    if "//" in path or "/.." in path or "%" in path or path.startswith((LOGIN, "/console/logout", "/console/oidc")):
        return HOME
    return wanted


def local_target(request: Request) -> str:
    """The path and query that were asked for, if one may be sent back there."""
    query = request.url.query
    return safe_target(f"{request.url.path}?{query}" if query else request.url.path)


def bounce(request: Request) -> Response:
    """A page that loads the same address again, from here.

    Browsers keep `SameSite=Strict` cookies back when another site's link led here; this page's own request has them.
    """
    return onward(local_target(request))


def onward(target: str) -> Response:
    """A page that goes on to `target`, a path of the console, as a request of our own site."""
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Moderation</title>'
        f'<meta http-equiv="refresh" content="0;url={escape(target)}">'
        f'<p><a href="{escape(target)}">Go on</a></p></html>'
    )
    return Response(body, media_type="text/html")
