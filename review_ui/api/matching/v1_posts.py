"""The clean route that banks the picture of a post, without sending the picture again."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import BankEntry
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import PostId
from moderation.screening.bank_post import BankedPost, Pixels, bank_post
from moderation.storage.keys import ApiKey
from review_ui.api.matching.bodies import json_schema, small_json
from review_ui.api.matching.service import TheMatching, actor_of
from review_ui.api.matching.values import Text
from review_ui.api.matching.views import EntryView, entry_view
from review_ui.api.posts import POST_ID
from review_ui.api.schema import refusals
from review_ui.security import BANKS_READ, MEDIA_HELD, POSTS_READ, BanksWriter
from review_ui.site import Site, TheSite

EXAMPLE = {"post": "0197c9a2-5b1f-7c3e-9d34-1f2e3d4c5b6a", "category": "adult", "note": "Case 4711."}

router = APIRouter(prefix="/v1/matching/banks", tags=["banks"])


class PostBody(BaseModel):
    """A post whose picture is banked. What is empty is taken from the newest decision about it."""

    model_config = ConfigDict(extra="forbid")

    post: Annotated[str, Field(pattern=f"^{POST_ID.pattern}$", description="The post's id.")]
    category: Annotated[Text, Field(max_length=200)] = ""
    note: Annotated[Text, Field(max_length=2_000)] = ""


class BankedPostView(BaseModel):
    """The entries of a post's picture: one for each frame whose hash can match."""

    items: list[EntryView]
    missing: str = Field(description="What the entries lack, and why; empty where they have everything.")


@router.post(
    "/{bank}/posts",
    name="bank_post",
    status_code=status.HTTP_201_CREATED,
    summary="Bank a post's picture",
    response_description="Its entries.",
    responses={
        200: {"model": BankedPostView, "description": "The bank has them already."},
        **refusals(401, 403, 404, 408, 413, 415, 422, 429, 503),
    },
    openapi_extra=json_schema(PostBody, EXAMPLE),
)
async def bank_a_post(
    bank: str, request: Request, response: Response, site: TheSite, matching: TheMatching, key: BanksWriter
) -> BankedPostView:
    """Bank the picture of a post that this server screened, with category and note of the newest decision about it.

    Its stored hashes are used, and the rest comes from the picture while it is there. Sent again, it changes nothing,
    or brings what was missing. A key without `banks:read` is told only its own words of an entry. Another client's
    posts need `posts:read` and `media:held`, as they do elsewhere.
    """
    body = await small_json(request, PostBody)
    now = matching.clock()

    def store() -> BankedPost:
        known, post = matching.bank(bank), _visible(site, key, PostId(body.post))
        return bank_post(
            site.database,
            Pixels(site.blobs, matching.pictures),
            known.name,
            post,
            actor=actor_of(key),
            now=now,
            category=body.category,
            note=body.note,
        )

    banked = await run_in_threadpool(store)
    if not any(entry.added_at == now for entry in banked.entries):
        response.status_code = status.HTTP_200_OK
    hashes = BANKS_READ in key.scopes
    return BankedPostView(
        items=[entry_view(entry if hashes else _own(entry, body, key), now, hashes=hashes) for entry in banked.entries],
        missing=banked.missing,
    )


def _own(entry: BankEntry, body: PostBody, key: ApiKey) -> BankEntry:
    """The entry with only what this request said of it: its note may be a reviewer's, and its origin somebody else's
    post.
    """
    return replace(
        entry, note=body.note, category=body.category, provenance={"post": body.post}, banked_by=(actor_of(key),)
    )


def _visible(site: Site, key: ApiKey, post: PostId) -> PostId:
    """Raises `NotFoundError` for a post that is not there, and for one that the key may not ask for."""
    client = site.posts.client_of(post)
    if client is None or (client != key.name and not {POSTS_READ, MEDIA_HELD} <= key.scopes):
        raise NotFoundError("There is no such post.")
    return post
