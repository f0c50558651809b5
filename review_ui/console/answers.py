"""One answer for two askers: a form of a browser without scripts is led on, a script is told in JSON."""

from collections.abc import Mapping

from fastapi import Request, Response
from starlette.responses import JSONResponse, RedirectResponse

SEE_OTHER = 303


def is_script(request: Request) -> bool:
    """Whether one of our scripts asks."""
    return "application/json" in request.headers.get("accept", "")


def answer(request: Request, path: str, told: Mapping[str, object] | None = None) -> Response:
    """Lead a browser to `path`; tell a script `told`, with `url` set to `path`."""
    if is_script(request):
        return JSONResponse({"url": path, **(told or {})})
    return RedirectResponse(path, SEE_OTHER)
