"""The feed: published posts only."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from review_ui.api.schema import refusals
from review_ui.security import FeedReader
from review_ui.site import TheSite
from review_ui.views import Feed, feed_entry

MAX_PAGE = 100
DEFAULT_PAGE = 20
MAX_CURSOR_CHARS = 256

Cursor = Annotated[str | None, Query(max_length=MAX_CURSOR_CHARS, pattern=r"^[A-Za-z0-9_=.:-]+$")]

router = APIRouter(prefix="/v1/feed", tags=["feed"])


@router.get(
    "",
    summary="Published posts, newest first",
    response_description="One page.",
    responses=refusals(401, 403, 422, 429, 503),
)
async def read_feed(
    response: Response,
    site: TheSite,
    _key: FeedReader,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE,
) -> Feed:
    """One page of the feed. Every image in it is AI-generated, and labelled so."""
    page = await run_in_threadpool(site.posts.feed, cursor=cursor, limit=limit)
    if page.next_cursor is not None:
        response.headers["Link"] = f'</v1/feed?limit={limit}&cursor={quote(page.next_cursor)}>; rel="next"'
    return Feed(items=[feed_entry(item) for item in page.items], next_cursor=page.next_cursor)
