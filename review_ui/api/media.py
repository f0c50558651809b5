"""Images as they were sent: for everybody once published, before that only for those who may see held ones."""

import re
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import NotFoundError
from moderation.domain.ids import Digest
from moderation.domain.post import PostState
from moderation.media.sniff import sniff
from review_ui.api.schema import refusals
from review_ui.classification import public
from review_ui.security import MEDIA_HELD, OptionalCaller
from review_ui.site import TheSite

DIGEST = re.compile(r"[0-9a-f]{64}")
PUBLISHED_CACHE = "public, max-age=86400, immutable"
"""The bytes of a digest never change, but a withdrawn picture must leave caches: after a day at most."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(prefix="/v1/media", tags=["media"], dependencies=[public])
"""Published pictures are for everybody; the others need a key with the scope media:held."""


@router.head("/{digest}", include_in_schema=False)
@router.get(
    "/{digest}",
    response_class=Response,
    summary="An image",
    openapi_extra={"security": [{}]},  # a key is optional
    responses={
        200: {"content": {"image/*": {}}, "description": "The bytes as they were sent."},
        304: {"description": "The caller has it."},
        **refusals(401, 404, 422, 429, 503),
    },
)
async def read_media(digest: str, request: Request, site: TheSite, key: OptionalCaller) -> Response:
    """An image by its SHA-256. 404 unless it is published or the key has the scope `media:held`."""
    if not DIGEST.fullmatch(digest):
        raise NotFoundError("There is no such image.")
    image = Digest(digest)
    states = await run_in_threadpool(site.posts.states_of_image, image)
    published = PostState.PUBLISHED in states
    if not published and not (states and key is not None and MEDIA_HELD in key.scopes):
        raise NotFoundError("There is no such image.")
    headers = dict(HEADERS) | {"ETag": f'"{digest}"'}
    if published:
        headers |= {"Cache-Control": PUBLISHED_CACHE, "Cross-Origin-Resource-Policy": "cross-origin"}
        if _has(request, digest):
            return Response(status_code=304, headers=headers)
    else:
        headers |= {"Cache-Control": "no-store"}
    data = await run_in_threadpool(site.blobs.read, image)
    found = sniff(data)
    kind = "application/octet-stream" if found is None else f"image/{found.lower()}"
    if found is None:
        headers["Content-Disposition"] = f'attachment; filename="{digest}.bin"'
    return Response(data, headers=headers, media_type=kind)


def _has(request: Request, digest: str) -> bool:
    given = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    return f'"{digest}"' in given or "*" in given
