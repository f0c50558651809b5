"""Sending a post, and asking what became of it."""

import re
import time
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response, status
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import ForbiddenError, InvalidInputError, ModerationError, NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.post import PENDING, Post
from moderation.storage.keys import ApiKey
from moderation.storage.posts import Accepted
from review_ui.api.schema import POST_BODY, refusals
from review_ui.body import declared_bytes, media_type, read_body
from review_ui.security import MEDIA_HELD, POSTS_READ, POSTS_WRITE, Caller, Writer
from review_ui.site import Site, TheSite
from review_ui.submission import read_submission
from review_ui.views import Evidence, PostView, post_path, post_view

POST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")

router = APIRouter(prefix="/v1/posts", tags=["posts"])

Wait = Annotated[
    float,
    Query(
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds to wait for the verdict; cut to the server's longest wait (30 unless set otherwise).",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Unique per post; the same key with the same body is the same post."),
]


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a post",
    responses={
        200: {"model": PostView, "description": "Sent before; its verdict is known."},
        201: {"model": PostView, "description": "Accepted, and its verdict is known."},
        202: {"description": "Accepted; the verdict is pending. Ask at `Location`."},
        **refusals(401, 403, 408, 409, 413, 415, 422, 429, 503),
    },
    openapi_extra=POST_BODY,
)
async def send_post(
    request: Request,
    response: Response,
    site: TheSite,
    key: Writer,
    wait: Wait = 0.0,
    idempotency_key: IdempotencyKey = None,
) -> PostView:
    """Accept an image with its caption, prompt and author for screening.

    The image and the row are stored before the reply, so an accepted post gets a verdict or is held.
    """
    try:
        accepted = await _accept(request, site, key, idempotency_key)
    except ModerationError as error:
        site.metrics.count_intake(error.code)
        raise
    site.metrics.count_intake("created" if accepted.created else "replayed")
    post = await _settled(site, accepted.post, wait)
    response.headers["Location"] = post_path(post)
    if post.state not in PENDING:
        response.status_code = status.HTTP_201_CREATED if accepted.created else status.HTTP_200_OK
    return post_view(post, await _evidence(site, key, post))


@router.get(
    "/{post_id}",
    summary="What became of a post",
    response_description="The post as it is now.",
    responses=refusals(401, 403, 404, 422, 429, 503),
)
async def show_post(post_id: str, site: TheSite, key: Caller, wait: Wait = 0.0) -> PostView:
    """A post's state, and with the scope `posts:read` its verdict, queue, reason and rules.

    Posts belong to the client that sent them; another client's posts need both `posts:read` and `media:held`.
    """
    if not key.scopes & {POSTS_READ, POSTS_WRITE}:
        raise ForbiddenError(f"This API key lacks the scope {POSTS_READ}.")
    post = await _visible(site, key, post_id)
    settled = await _settled(site, post, wait)
    return post_view(settled, await _evidence(site, key, settled))


async def _accept(request: Request, site: Site, key: ApiKey, idempotency_key: str | None) -> Accepted:
    if idempotency_key is not None and not IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise InvalidInputError("The Idempotency-Key must be 1 to 200 printable ASCII characters without spaces.")
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise InvalidInputError("There is more than one Idempotency-Key.")
    kind, limits = media_type(request), site.body_limits
    most, content_type = limits.bytes_for(kind), request.headers["content-type"]

    def store(body: bytes) -> Accepted:
        submission = read_submission(kind, content_type, body)
        return site.intake.accept(submission, client=key.name, idempotency_key=idempotency_key, now=site.clock())

    async with site.body_budget.reserved(min(most, declared_bytes(request, most))):
        body = await read_body(request, max_bytes=most, seconds=limits.seconds)
        return await run_in_threadpool(store, body)


async def _visible(site: Site, key: ApiKey, post_id: str) -> Post:
    if POST_ID.fullmatch(post_id):
        found, client = await run_in_threadpool(_post_and_client, site, PostId(post_id))
        if found is not None and (client == key.name or {POSTS_READ, MEDIA_HELD} <= key.scopes):
            return found
    raise NotFoundError("There is no such post.")


def _post_and_client(site: Site, post_id: PostId) -> tuple[Post | None, str | None]:
    return site.posts.get(post_id), site.posts.client_of(post_id)


async def _settled(site: Site, post: Post, wait_seconds: float) -> Post:
    """The post with its verdict if that comes within the wait, else as it is by then."""
    seconds = min(wait_seconds, site.settings.max_wait_seconds)
    if post.state not in PENDING or seconds <= 0:
        return post
    started = time.perf_counter()
    settled = await site.watch.wait(post.id, seconds=seconds)
    site.metrics.observe_wait("pending" if settled is None else "verdict", time.perf_counter() - started)
    return settled or post


async def _evidence(site: Site, key: ApiKey, post: Post) -> Evidence | None:
    if POSTS_READ not in key.scopes or post.state in PENDING:
        return None

    def read() -> Evidence:
        return Evidence(site.screenings.latest(post.id), site.screenings.verdict_at(post.id))

    return await run_in_threadpool(read)
